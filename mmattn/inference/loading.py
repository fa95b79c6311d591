"""Trained networks that are ready: load one from a folder, a training or the Hugging Face Hub, save one as a folder.

A saved network is a folder of three plain files, none of which runs code when it is read: ``config.json`` (how to build
and feed the network), ``model.safetensors`` (its weights) and ``README.md`` (its model card).
"""

import json
import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import is_model_wrapper
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.registry import MODELS
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from mmattn.common.files import written_whole
from mmattn.common.names import is_component
from mmattn.common.resources import find_config
from mmattn.inference.model_card import model_card
from mmattn.inference.predictor import BATCH_SIZE, TilePredictor, default_window
from mmattn.inference.sections import predict_section
from mmattn.seismic.volumes.amplitude import scale_amplitude, to_grey
from mmattn.version import __version__

CONFIG, WEIGHTS, CARD = 'config.json', 'model.safetensors', 'README.md'
_FORMAT = 1
_SHIPPED = Path(__file__).resolve().parents[1] / 'networks'
_LARGEST_GREY = 255.0


class SaltPredictor:
    """A trained segmentor with its preprocessing: a section in, the probability of salt out.

    Args:
        segmentor: an encoder-decoder of MMSegmentation with one or two output channels, as ``init_model`` gives it.
        batch_size: windows a call of the network.
        flip: average with the prediction of the section with its traces reversed.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU.
        backend: what computes, as of ``TilePredictor``.
        window: (height, width) of the windows that large sections are cut into; by default those that the network was
            trained on.

    Raises:
        TypeError: if the model is no encoder-decoder segmentor.
        ValueError: if it is not for salt, or takes channels that only tiles have; if a backend that was named cannot
            compute it.
    """

    def __init__(
        self,
        segmentor: nn.Module,
        *,
        batch_size: int = BATCH_SIZE,
        flip: bool = False,
        amp: bool = False,
        backend: str = 'torch',
        window: tuple[int, int] | None = None,
    ) -> None:
        while is_model_wrapper(segmentor):
            segmentor = segmentor.module
        self.segmentor = segmentor
        self._options = dict(batch_size=batch_size, flip=flip, amp=amp, window=window, backend=backend)
        self.window = tuple(window) if window is not None else default_window(segmentor)
        self._tiles = TilePredictor(segmentor, batch_size=batch_size, flip=flip, amp=amp, backend=backend)

    def again(self, segmentor: nn.Module | None = None) -> 'SaltPredictor':
        """Returns a predictor of the segmentor as it is now, or of another, with the same options."""
        return SaltPredictor(self.segmentor if segmentor is None else segmentor, **self._options)

    def adapted(self, sections: Sequence[np.ndarray], **options: int) -> 'SaltPredictor':
        """Returns a predictor fitted to a survey without labels, as :func:`mmattn.inference.adaptation.adapt` does."""
        from mmattn.inference.adaptation import adapt

        return adapt(self, sections, **options)

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities: 1 for a network that was not calibrated."""
        return self._tiles.temperature

    @property
    def in_channels(self) -> int:
        """Channels that the network takes: a section once, or three times."""
        return self._tiles.in_channels

    @property
    def amplitude_clips(self) -> dict[str, float]:
        """The clips of the volumes that the network was trained on, by their names; none for tiles."""
        return dict((getattr(self.segmentor, 'dataset_meta', None) or {}).get('amplitude_clip') or {})

    def __call__(self, section: np.ndarray, *, clip: float | None = None, overlap: float | None = None) -> np.ndarray:
        """Predicts one section.

        Args:
            section: (num_samples, num_traces), rows are time as in a picture, any size. Without ``clip`` grey values of
                0 to 255, zero amplitude at 128; with it amplitudes.
            clip: the amplitude that is black or white: ``amplitude_clips`` for surveys that the network knows,
                ``mmattn.seismic.estimate_clip`` for others.
            overlap: share of a window that its neighbour covers too, 0 to 0.9; 0.25 by default.

        Returns:
            (num_samples, num_traces) float32, the probability of salt.

        Raises:
            ValueError: if the section has another shape, holds NaN or infinity, or is no grey picture and there is no
                clip; if the clip is no positive number.
        """
        section = np.asarray(section)
        if clip is not None:
            section = to_grey(scale_amplitude(section, clip))
        elif section.size and not (section.min() >= 0 and section.max() <= _LARGEST_GREY):
            known = f'; the training had {self.amplitude_clips}' if self.amplitude_clips else ''
            raise ValueError(
                f'section holds {section.min():g} to {section.max():g}, not grey values of 0 to 255: give amplitudes '
                f'with clip=… (mmattn.seismic.estimate_clip finds one){known}'
            )
        return predict_section(self._tiles, section, window=self.window, overlap=overlap)

    def many(self, sections: np.ndarray) -> np.ndarray:
        """Predicts sections of one size, each as one window: (N, H, W) grey values of 0 to 255 to float32 (N, H, W).

        Raises:
            ValueError: if they have another shape.
        """
        if sections.ndim != 3 or not len(sections):
            raise ValueError(f'sections must be (N, H, W), one at least, got shape {sections.shape}')
        size = self._tiles.batch_size
        parts = []
        for start in range(0, len(sections), size):
            traces = np.ascontiguousarray(sections[start : start + size].transpose(0, 2, 1), np.float32)
            parts.append(self._tiles(traces).mean(0).transpose(0, 2, 1))
        return np.concatenate(parts)

    def save(self, folder: str | os.PathLike, *, about: str = '', half: bool = False) -> Path:
        """Writes the network as a folder that ``load`` reads, whole or not at all.

        Args:
            folder: to write; what is there is replaced if it is a saved network, else refused.
            about: what the model card is to say of data, licence and results.
            half: write weights as float16, in half the space; ``load`` makes float32 of them again.

        Raises:
            FileExistsError: if the folder holds anything else.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()) and not (folder / CONFIG).is_file():
            raise FileExistsError(f'{str(folder)!r} is there and holds no saved network: name another folder')
        content = _describe(self.segmentor, self.window)
        weights = {
            name: value.detach().cpu().clone().contiguous() for name, value in self.segmentor.state_dict().items()
        }
        if half:
            weights = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
        with written_whole(folder) as temporary:
            temporary.mkdir()
            (temporary / CONFIG).write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
            save_file(weights, temporary / WEIGHTS, metadata=dict(format='pt'))
            (temporary / CARD).write_text(model_card(content, self.segmentor, about), encoding='utf-8')
        return folder

    def push_to_hub(self, name: str, *, about: str = '', private: bool = True) -> str:
        """Saves the network and uploads it to the Hugging Face Hub; needs ``pip install 'mmattn[hub]'``.

        Args:
            name: of the repository, ``user/name``; made if need be.
            about: as of ``save``.
            private: of a repository that is made.

        Returns:
            The address of the commit.
        """
        import tempfile

        api = _hub().HfApi()
        api.create_repo(name, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = self.save(Path(temporary) / 'model', about=about)
            return str(api.upload_folder(repo_id=name, folder_path=str(folder)))


def load(
    name: str | os.PathLike, checkpoint: str | os.PathLike | None = None, *, device: str = 'cpu', **options: object
) -> SaltPredictor:
    """Loads a trained network that is ready to predict: ``load('folder')(section)`` is the probability of salt.

    Args:
        name: a network that comes with mmattn, ``salt-synthetic``; a folder that ``save`` wrote; the work directory of
            a training (its last checkpoint is taken); a config, by path or name, with ``checkpoint``; or ``user/name``
            of the Hugging Face Hub, where none such is here.
        checkpoint: file of a training of that config.
        device: cpu, cuda or cuda:N.
        options: ``batch_size``, ``flip``, ``amp``, ``backend`` and ``window`` of ``SaltPredictor``.

    Raises:
        FileNotFoundError: if there is no such network; the message says what was looked for.
        ValueError: if a saved network cannot be read or its weights are not those of its config.
        ImportError: if a network of the Hub is asked for without ``huggingface_hub``.
    """
    path = shipped_networks().get(str(name), Path(name))
    if checkpoint is not None:
        segmentor = init_model(str(find_config(name)), str(checkpoint), device=device)
    elif (path / CONFIG).is_file():
        return _read_folder(path, device, options)
    elif (path / 'last_checkpoint').is_file():
        segmentor = _read_training(path, device)
    elif path.exists():
        raise FileNotFoundError(
            f'{str(name)!r} is neither a saved network ({CONFIG}, {WEIGHTS}) nor the work directory of a training; a '
            'config needs its checkpoint: mmattn.load(config, checkpoint)'
        )
    elif _may_be_on_hub(str(name)):
        return _read_folder(
            Path(_hub().snapshot_download(str(name), allow_patterns=[CONFIG, WEIGHTS])), device, options
        )
    else:
        if close := get_close_matches(str(name), shipped_networks()):
            raise FileNotFoundError(f'there is no network {str(name)!r}; did you mean {close[0]!r}?')
        find_config(name)
        raise FileNotFoundError(
            f'{str(name)!r} is a config, whose weights do not come with mmattn: train it (mmattn train {name}) and '
            f'give the checkpoint, or load work_dirs/{path.stem}'
        )
    return SaltPredictor(segmentor, **options)


def shipped_networks() -> dict[str, Path]:
    """Returns the trained networks that come with mmattn: the name that ``load`` takes to the saved folder."""
    return {path.parent.name: path.parent for path in sorted(_SHIPPED.glob(f'*/{CONFIG}'))}


def _read_training(folder: Path, device: str) -> nn.Module:
    checkpoint = Path((folder / 'last_checkpoint').read_text(encoding='utf-8').strip())
    checkpoint = checkpoint if checkpoint.is_file() else folder / checkpoint.name  # the directory may have moved
    configs = sorted(folder.glob('*.py'))
    if not checkpoint.is_file() or not configs:
        raise FileNotFoundError(f'{str(folder)!r} is a work directory without {checkpoint.name} or its config (*.py)')
    named = [path for path in configs if path.stem == folder.name]
    return init_model(str((named or configs)[0]), str(checkpoint), device=device)


def _read_folder(folder: Path, device: str, options: dict) -> SaltPredictor:
    try:
        content = json.loads((folder / CONFIG).read_text(encoding='utf-8'))
        model, meta = content['model'], content['dataset_meta']
        if content['format'] > _FORMAT:
            raise ValueError(f'format {content["format"]} is newer than this mmattn {__version__} reads')
        for name in _types(content):
            if not is_component(name):
                raise ValueError(f'type={name!r} is no component of a registry')
        window = tuple(content['window'])
        weights = load_file(folder / WEIGHTS)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f'{str(folder)!r} cannot be read as a saved network: {error}') from error
    config = Config(dict(model=model, test_pipeline=content.get('test_pipeline') or [], default_scope='mmseg'))
    init_default_scope('mmseg')
    segmentor = MODELS.build(ConfigDict(model))
    own = segmentor.state_dict()
    wrong = sorted({*own} ^ {*weights}) or [key for key in own if own[key].shape != weights[key].shape]
    if wrong:
        raise ValueError(f'{str(folder)!r}: {len(wrong)} tensors are not those of the config, {wrong[0]} for one')
    segmentor.load_state_dict(weights)
    segmentor.cfg, segmentor.dataset_meta = config, meta
    return SaltPredictor(segmentor.to(device).eval(), **{'window': window, **options})


def _types(tree: object) -> Iterator[object]:
    """Every ``type`` in a config."""
    if isinstance(tree, dict):
        yield from (value for key, value in tree.items() if key == 'type')
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _types(item)


def _describe(segmentor: nn.Module, window: tuple[int, int]) -> dict:
    """What ``config.json`` holds: the network without where its first weights came from."""
    config = getattr(segmentor, 'cfg', None)
    if config is None or 'model' not in config:
        raise ValueError('the segmentor has no cfg: build it by mmseg.apis.init_model, or load it by mmattn.load')
    model = _without_initialisation(Config(dict(model=config['model'])).to_dict()['model'])
    model['train_cfg'] = None
    meta = dict(getattr(segmentor, 'dataset_meta', None) or {})
    return dict(
        format=_FORMAT,
        mmattn=__version__,
        window=list(window),
        dataset_meta=json.loads(json.dumps(meta, default=_plain)),
        model=json.loads(json.dumps(model, default=_plain)),
        test_pipeline=json.loads(json.dumps(list(config.get('test_pipeline') or []), default=_plain)),
    )


def _without_initialisation(tree: object) -> object:
    """Leaves out ``init_cfg`` and ``pretrained``, replaced SyncBN included: nothing is fetched to build the network."""
    if isinstance(tree, dict):
        kept = {key: _without_initialisation(value) for key, value in tree.items()}
        kept |= {key: None for key in ('init_cfg', 'pretrained') if key in kept}
        return kept | ({'type': 'BN'} if kept.get('type') in ('SyncBN', 'MMSyncBN') else {})
    return [_without_initialisation(item) for item in tree] if isinstance(tree, list | tuple) else tree


def _plain(value: object) -> object:
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f'{type(value).__name__} cannot be written as JSON: {value!r}')


def _may_be_on_hub(name: str) -> bool:
    parts = name.split('/')
    if len(parts) != 2 or not all(parts) or '.' in (parts[0], parts[1]) or name.endswith('.py'):
        return False
    try:
        find_config(name)
    except FileNotFoundError:
        return parts[0] not in ('work_dirs', 'configs', '..', '~')
    return False


def _hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError("networks of the Hugging Face Hub need: pip install 'mmattn[hub]'") from error
    return huggingface_hub
