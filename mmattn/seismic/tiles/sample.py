"""Labelled tiles of a prepared folder, by fold."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmattn.seismic.tiles.tgs import read_image, read_mask


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


def read_folds(
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
    with table.open(encoding='utf-8', newline='') as lines:
        rows = [row for row in csv.DictReader(lines) if folds is None or int(row['fold']) in folds]
    if not rows:
        raise ValueError(f'{str(folder)!r} has no tiles in folds {list(folds or ())}')
    if count is not None and count < len(rows):
        rows = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))[:count]]
    names = [row['id'] for row in rows]
    images = [read_image((folder / 'images' / f'{name}.png').read_bytes(), name=f'tile {name}') for name in names]
    masks = [read_mask((folder / 'masks' / f'{name}.png').read_bytes(), name=f'mask {name}') for name in names]
    return TileSample(np.stack(images), np.stack(masks), tuple(row['group'] for row in rows))
