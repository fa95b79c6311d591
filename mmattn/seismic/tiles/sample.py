"""Labelled tiles of a prepared folder, by fold."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmattn.seismic.tiles.tgs import read_folds, read_image, read_mask


@dataclass(frozen=True)
class TileSample:
    """Tiles with their masks.

    Attributes:
        images: Grey values, uint8 (N, H, W).
        masks: Salt 1, uint8 (N, H, W).
        groups: N names; tiles of one name lie in one mosaic.
    """

    images: np.ndarray
    masks: np.ndarray
    groups: tuple[str, ...]


def read_sample(
    folder: str | os.PathLike, folds: Sequence[int] | None = None, *, count: int | None = None, seed: int = 0
) -> TileSample:
    """Reads tiles of a folder that tools/prepare_tgs.py wrote.

    Args:
        folder: With images/, masks/ and folds.csv.
        folds: Which; None for all.
        count: How many tiles at most, chosen at random; None for all.
        seed: Of the choice.

    Returns:
        The tiles, by name where all are read.

    Raises:
        FileNotFoundError: There is no folds.csv, or a tile is missing.
        ValueError: No tile is in these folds.
    """
    folder = Path(folder)
    table = folder / 'folds.csv'
    if not table.is_file():
        raise FileNotFoundError(f'{str(folder)!r} has no folds.csv: tools/prepare_tgs.py writes such a folder')
    rows = [(name, row.group) for name, row in read_folds(table).items() if folds is None or row.fold in folds]
    if not rows:
        raise ValueError(f'{str(folder)!r} has no tiles in folds {list(folds or ())}')
    if count is not None and count < len(rows):
        rows = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))[:count]]
    images = [read_image(folder / 'images' / f'{name}.png') for name, _ in rows]
    masks = [read_mask(folder / 'masks' / f'{name}.png') for name, _ in rows]
    return TileSample(np.stack(images), np.stack(masks), tuple(group for _, group in rows))
