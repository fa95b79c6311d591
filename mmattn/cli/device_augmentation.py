"""Moves the random transforms at the end of a training pipeline to the device that trains."""

from mmengine.config import Config

from mmattn.cli.launch import innermost_datasets
from mmattn.common.errors import InputError
from mmattn.datasets.transforms import RandomAmplitude

_OPTION = '--augment-on-device'
# By transform: the options that it may have, and what it becomes of SectionAugmentation.
_MOVABLE = {
    'RandomResize': {'scale': 'scale', 'ratio_range': 'ratio_range', 'keep_ratio': None},
    'RandomCrop': {'crop_size': 'crop_size'},
    'RandomFlip': {'prob': 'flip_prob', 'direction': None},
    'RandomAmplitude': {'gain': 'gain', 'polarity_prob': 'polarity_prob', 'center': 'center'},
}
_IMPLIED = dict(keep_ratio=True, direction='horizontal')  # what SectionAugmentation does without being told


def move_augmentation(config: Config, path: str) -> None:
    """Takes random scaling, cropping, flips and gains off a training pipeline and gives them to the preprocessor.

    They are those right before ``PackSegInputs``, whose options ``SectionAugmentation`` has. What comes before them
    stays in the processes that load.

    Args:
        config: the experiment, changed in place.
        path: its file, named in the message.

    Raises:
        InputError: if the pipeline does not end with transforms that can be moved, or the preprocessor takes none.
    """
    augment, pipelines = device_augmentation(config, path)
    config.model.data_preprocessor.augment = augment
    for dataset, pipeline in zip(innermost_datasets(config.train_dataloader.dataset), pipelines):
        dataset.pipeline = pipeline


def device_augmentation(config: Config, path: str) -> tuple[dict, list[list[dict]]]:
    """Returns ``augment`` of the preprocessor and what is left of the pipeline of each dataset; errors as above."""
    preprocessor = config.model.get('data_preprocessor') or {}
    if preprocessor.get('type') != 'SaltDataPreProcessor':
        raise InputError(f'{_OPTION}: config {path!r} has no SaltDataPreProcessor but {preprocessor.get("type")!r}')
    if preprocessor.get('augment') is not None:
        raise InputError(f'{_OPTION}: config {path!r} has augment={preprocessor.augment.type!r} already')
    datasets = innermost_datasets((config.get('train_dataloader') or {}).get('dataset') or {})
    moved = [_move(dataset.get('pipeline'), path) for dataset in datasets]
    augment = moved[0][0]
    if any(other != augment for other, _ in moved):
        raise InputError(f'{_OPTION}: the training datasets of {path!r} end with different transforms')
    return augment, [pipeline for _, pipeline in moved]


def _move(pipeline: list[dict] | None, path: str) -> tuple[dict, list[dict]]:
    """Returns what a pipeline's last transforms become, and the rest of it."""
    if not pipeline or pipeline[-1]['type'] != 'PackSegInputs':
        raise InputError(f'{_OPTION}: train_dataloader.dataset.pipeline of {path!r} does not end with PackSegInputs')
    *rest, pack = (dict(step) for step in pipeline)
    moved: list[dict] = []
    while rest and rest[-1]['type'] in _MOVABLE:
        moved.insert(0, rest.pop())
    kinds = [step['type'] for step in moved]
    if not moved:
        before = rest[-1]['type'] if rest else 'nothing'
        raise InputError(f'{_OPTION}: {path!r} has {before} before PackSegInputs; {", ".join(_MOVABLE)} can be moved')
    once = len(kinds) == len(set(kinds))
    if not once or ('RandomResize' in kinds and 'RandomCrop' not in kinds[kinds.index('RandomResize') :]):
        raise InputError(
            f'{_OPTION}: {path!r} ends with {", ".join(kinds)}; each may be there once, RandomCrop after RandomResize'
        )
    augment = dict(type='SectionAugmentation')
    for step in moved:
        augment.update(_options(step, path))
    return augment, [*rest, pack]


def _options(step: dict, path: str) -> dict:
    """Returns a transform's options as those of ``SectionAugmentation``."""
    kind, own = step['type'], {key: value for key, value in step.items() if key != 'type'}
    if kind == 'RandomCrop' and isinstance(own.get('crop_size'), int):
        own['crop_size'] = (own['crop_size'],) * 2
    for key, value in own.items():
        if key not in _MOVABLE[kind]:
            raise InputError(f'{_OPTION}: {kind} of {path!r} has {key}={value!r}, which stays in the pipeline only')
        if key in _IMPLIED and value != _IMPLIED[key]:
            raise InputError(f'{_OPTION}: {kind} of {path!r} must have {key}={_IMPLIED[key]!r}, got {value!r}')
    if kind == 'RandomResize' and not own.get('keep_ratio'):
        raise InputError(f'{_OPTION}: RandomResize of {path!r} must have keep_ratio=True')
    if kind == 'RandomAmplitude':
        built = RandomAmplitude(**own)  # its defaults are not SectionAugmentation's
        own = dict(gain=built.gain, polarity_prob=built.polarity_prob, center=built.center)
    return {_MOVABLE[kind][key]: value for key, value in own.items() if _MOVABLE[kind][key]}
