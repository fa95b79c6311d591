"""Predictions of several models on one set of tiles, kept on disk, and what their average scores."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, load_state_dict
from mmseg.registry import MODELS
from torch.utils.data import DataLoader

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.launch import load_config, use_tta
from mmattn.cli.progress import tracked
from mmattn.cli.saved_weights import check_fit, read_checkpoint
from mmattn.common.errors import InputError, one_line
from mmattn.evaluation import salt_probability, score_tile, total_scores
from mmattn.inference.backends import run_by_backend
from mmattn.seismic import salt_mask
from mmattn.studies.ensemble.weights import fit_weights

_EVERY = 7  # pixels between those that weights are fitted on


@dataclass(frozen=True)
class Member:
    """A model of an ensemble.

    Args:
        config: its experiment.
        checkpoint: its weights.
    """

    config: str
    checkpoint: str

    @property
    def name(self) -> str:
        """As tables call it."""
        path = Path(self.checkpoint)
        return f'{Path(self.config).stem}, {path.parent.name}/{path.stem}'


@dataclass(frozen=True)
class Predictions:
    """What one or several models say of the tiles of a set.

    Args:
        names: of the N tiles.
        probability: N arrays (H, W) of float32, the probability of salt.
        truth: N arrays (H, W) of labels, or None for tiles without.
        groups: the tiles' mosaics; a tile's own name where that is unknown.
    """

    names: tuple[str, ...]
    probability: tuple[np.ndarray, ...]
    truth: tuple[np.ndarray | None, ...]
    groups: tuple[str, ...]

    def take(self, tiles: Sequence[int]) -> 'Predictions':
        """Returns some of the tiles, by position."""
        return Predictions(*(tuple(getattr(self, own.name)[k] for k in tiles) for own in fields(self)))

    def halves(self) -> tuple[list[int], list[int]]:
        """Splits the tiles' positions in two, no mosaic in both."""
        known = sorted(set(self.groups))
        second = set(known[1::2])
        sides = [group in second for group in self.groups]
        return [k for k, side in enumerate(sides) if not side], [k for k, side in enumerate(sides) if side]

    @property
    def is_labelled(self) -> bool:
        """Whether every tile has its truth."""
        return all(mask is not None for mask in self.truth)

    def masks(self, **options) -> Iterator[np.ndarray]:
        """Iterates over the masks (H, W), 0 and 1; options are those of ``mmattn.seismic.salt_mask``."""
        for probability in self.probability:
            yield salt_mask(probability, **options).astype(np.uint8)

    def scores(self, **options) -> dict[str, float]:
        """Scores of labelled tiles, see :func:`mmattn.evaluation.total_scores`; options as of ``masks``."""
        masks = self.masks(**options)
        return total_scores([score_tile(mask, truth) for mask, truth in zip(masks, self.truth)])


def predict(
    member: Member, *, split: str | None, tta: bool, options: dict | None, device: str, backend: str = 'torch'
) -> Predictions:
    """Predicts the test tiles of a member's experiment.

    Args:
        member: what predicts.
        split: of the tiles, such as 'val' or 'test'; None for what the experiment tests on.
        tta: average with the experiment's test-time augmentation.
        options: on top of the config, as ``--cfg-options`` gives them.
        device: of the model.
        backend: what computes, as of ``mmattn.inference.TilePredictor``.

    Raises:
        InputError: if a file cannot be read, or the two do not fit together.
    """
    config = load_config(member.config, options)
    if split is not None:
        config.test_dataloader.dataset.split = split
    if tta:
        use_tta(config, member.config)
    weights = read_checkpoint(member.checkpoint)
    if weights is None:
        raise InputError(f'checkpoint {member.checkpoint!r}: an ensemble is made of files')
    try:
        model, loader = _build(config)
    except Exception as error:
        text = f'{type(error).__name__}: {one_line(error)}'
        raise InputError(f'config {member.config!r} cannot be built: {text}') from error
    check_fit(model, weights, member.checkpoint)
    load_state_dict(getattr(model, 'module', model), weights)
    model = model.to(device).eval()
    run_by_backend(model, backend)
    names, probabilities, truths, groups = [], [], [], []
    with torch.inference_mode():
        for batch in tracked(loader, member.name):
            for sample in model.test_step(batch):
                names.append(str(sample.metainfo['img_id']))
                groups.append(str(sample.metainfo.get('group') or names[-1]))
                probabilities.append(salt_probability(sample.seg_logits.data).float().cpu().numpy())
                truths.append(sample.gt_sem_seg.data[0].cpu().numpy() if 'gt_sem_seg' in sample else None)
    return Predictions(tuple(names), tuple(probabilities), tuple(truths), tuple(groups))


def predict_once(member: Member, folder: Path, **settings: object) -> Predictions:
    """Predicts as ``predict`` does, or reads what an earlier call with the same files and settings left in a folder."""
    path = folder / f'{_fingerprint(member, settings)}.npz'
    if path.is_file():
        with np.load(path) as stored:
            count = len(stored['names'])
            probability = tuple(stored[f'p{index}'] for index in range(count))
            truth = tuple(stored.get(f't{index}') for index in range(count))
            return Predictions(tuple(stored['names'].tolist()), probability, truth, tuple(stored['groups'].tolist()))
    made = predict(member, **settings)
    arrays = {f'p{index}': array for index, array in enumerate(made.probability)}
    arrays |= {f't{index}': array for index, array in enumerate(made.truth) if array is not None}
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix('.part.npz')
    np.savez_compressed(partial, names=np.array(made.names), groups=np.array(made.groups), **arrays)
    partial.replace(path)
    return made


def combine(predictions: Sequence[Predictions], weights: Sequence[float]) -> Predictions:
    """Averages the probabilities of several models.

    Raises:
        ValueError: if they are not of the same tiles.
    """
    first = predictions[0]
    for other in predictions[1:]:
        if other.names != first.names:
            raise ValueError(
                f'the members predict different tiles: {len(first.names)} from {first.names[0]}, '
                f'{len(other.names)} from {other.names[0]}; weights fitted on validation need one fold'
            )
    together = zip(*(own.probability for own in predictions))
    means = [np.tensordot(np.asarray(weights, np.float32), np.stack(tile), axes=1) for tile in together]
    return Predictions(first.names, tuple(means), first.truth, first.groups)


def _build(config: Config) -> tuple[torch.nn.Module, DataLoader]:
    init_default_scope(config.get('default_scope', 'mmseg'))
    replace_sync_bn(config.model)
    return MODELS.build(config.model), Runner.build_dataloader(config.test_dataloader, seed=0)


def _fingerprint(member: Member, settings: dict) -> str:
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    digest.update(load_config(member.config, settings.get('options')).dump().encode())
    if not Path(member.checkpoint).is_file():
        raise InputError(f'checkpoint {member.checkpoint!r} is not a file')
    with open(member.checkpoint, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()[:16]


def fit(predictions: list[Predictions]) -> np.ndarray:
    """Fits weights on labelled tiles."""
    pixels = [np.concatenate([tile.ravel()[::_EVERY] for tile in own.probability]) for own in predictions]
    truth = np.concatenate([tile.ravel()[::_EVERY] for tile in predictions[0].truth])
    return fit_weights(np.stack(pixels), truth)


def cross_fitted(predictions: list[Predictions]) -> Predictions:
    """Averages each half of the mosaics with the weights that the other half decides."""
    halves = predictions[0].halves()
    parts = []
    for own, other in (halves, halves[::-1]):
        weights = fit([member.take(other) for member in predictions])
        parts.append(combine([member.take(own) for member in predictions], weights))
    return Predictions(*(getattr(parts[0], own.name) + getattr(parts[1], own.name) for own in fields(Predictions)))
