"""Folds that keep the tiles of one mosaic together and hold equal shares of each salt coverage."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from mmattn.seismic.tiles.tgs import FoldRow

NUM_CLASSES = 11
"""Coverage classes: no salt, then tenths of the tile."""


def coverage_class(coverage: float) -> int:
    """0 for no salt, else 1 to 10 for each tenth of the tile that holds salt."""
    return int(np.ceil(coverage * 10))


def make_folds(
    groups: Mapping[str, str], coverage: Mapping[str, float], *, num_folds: int = 5, seed: int = 0
) -> dict[str, FoldRow]:
    """Splits tiles into folds by whole groups.

    The groups are taken largest first, equal sizes in an order drawn from ``seed``. Each goes where it lowers the
    misfit most: the squared distance of the fold's number of tiles, and of its number of tiles in each coverage class,
    from an equal share, each relative to that share. Single tiles come last and even out what the mosaics left.

    Args:
        groups: Group name by tile id.
        coverage: Share of salt pixels (0 to 1) by tile id, the same ids.
        num_folds: Number of folds, at least 2.
        seed: Draws another, equally good split.

    Returns:
        Group, fold and coverage by tile id, sorted by id.

    Raises:
        ValueError: ``num_folds`` is below 2 or above the number of groups, or the ids differ.
    """
    if groups.keys() != coverage.keys():
        raise ValueError(f'groups holds {len(groups)} ids and coverage {len(coverage)}; both must hold the same ids')
    members: dict[str, list[str]] = defaultdict(list)
    for tile in sorted(groups):
        members[groups[tile]].append(tile)
    if isinstance(num_folds, bool) or not isinstance(num_folds, int) or not 2 <= num_folds <= len(members):
        raise ValueError(f'num_folds must be a whole number from 2 to the {len(members)} groups, got {num_folds!r}')
    names = sorted(members)
    order = np.random.default_rng(seed).permutation(len(names))
    names = sorted((names[k] for k in order), key=lambda name: -len(members[name]))
    counts = {name: _class_counts([coverage[tile] for tile in members[name]]) for name in names}
    share = np.maximum(sum(counts.values()) / num_folds, 1e-9)
    filled = np.zeros((num_folds, NUM_CLASSES + 1))
    fold_of = {}
    for name in names:
        # What the misfit sum((filled - share)**2 / share) grows by when the group joins a fold; less is better.
        growth = (counts[name] * (counts[name] + 2 * (filled - share)) / share).sum(axis=1)
        fold_of[name] = int(growth.argmin())
        filled[fold_of[name]] += counts[name]
    return {tile: FoldRow(groups[tile], fold_of[groups[tile]], coverage[tile]) for tile in sorted(groups)}


def _class_counts(coverages: list[float]) -> np.ndarray:
    """Number of tiles in each coverage class, and of all tiles last."""
    classes = [coverage_class(value) for value in coverages]
    return np.append(np.bincount(classes, minlength=NUM_CLASSES), len(classes)).astype(np.float64)
