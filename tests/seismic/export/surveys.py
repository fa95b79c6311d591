"""Salt volumes on turned and skewed grids, as SEG-Y."""

from pathlib import Path

import numpy as np

from mmattn.seismic import open_volume
from tests.seismic.segy_files import grid_file

SHAPE = 14, 16, 30
ILINES, XLINES = 100 + 2 * np.arange(14), 500 + np.arange(16)
ORIGIN = np.array([500_000.0, 6_000_000.0])
GRIDS = {
    'north': ((0.0, 25.0), (12.5, 0.0)),
    'east': ((25.0, 0.0), (0.0, 12.5)),
    'turned': (tuple(25 * np.array([-np.sin(0.5), np.cos(0.5)])), tuple(12.5 * np.array([np.cos(0.5), np.sin(0.5)]))),
    'left-handed': (tuple(25 * np.array([np.cos(2), np.sin(2)])), tuple(12.5 * np.array([-np.sin(2), np.cos(2)]))),
    'skewed': (tuple(25 * np.array([-np.sin(0.4), np.cos(0.4)])), tuple(12.5 * np.array([np.cos(0.9), np.sin(0.9)]))),
}
"""x and y of a step of two inline numbers, and of one crossline number."""


def xy(grid: str, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of positions."""
    steps = GRIDS[grid]
    return tuple(
        ORIGIN[axis] + np.asarray(row) * steps[0][axis] + np.asarray(column) * steps[1][axis] for axis in (0, 1)
    )


def write_salt(path: Path, values: np.ndarray, grid: str = 'turned', *, unit: int = 1, **options) -> Path:
    """Writes values (I, X, S), every 4 ms (or m) from 0, with coordinates in centimetres."""
    x, y = xy(grid, *np.indices(values.shape[:2]))
    lines = dict(ilines=ILINES[: values.shape[0]], xlines=XLINES[: values.shape[1]])
    headers = {181: np.rint(100 * x), 185: np.rint(100 * y), -71: -100}
    file = grid_file(values.astype(np.float32), headers=headers, binary={3255: unit}, **lines, **options)
    return file.write(path)


def ball(center: tuple[float, float, float] = (6.5, 7.5, 14.0), radius: float = 5.0) -> np.ndarray:
    """Probability of a ball (in cells), 0.5 on its surface and linear across it."""
    grid = np.indices(SHAPE).astype(float)
    distance = np.sqrt(sum((axis - middle) ** 2 for axis, middle in zip(grid, center)))
    return np.clip(0.5 + (radius - distance) / 4, 0, 1)


def open_salt(path: Path, values: np.ndarray, grid: str = 'turned', *, reading: dict | None = None, **options):
    """Writes and opens."""
    return open_volume(write_salt(path, values, grid, **options), **(reading or {}))
