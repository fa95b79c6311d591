"""Sections along lines of any course over a survey."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mmattn.seismic.volumes.volume import Volume
from mmattn.viewer.sections import MOST, View, thin_range


def traces_along(corners: Sequence[tuple[float, float]], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The traces on a line through corners: one for each step along the axis in which a part goes farther.

    Args:
        corners: positions of inline and crossline, two or more; the nearest in the survey are taken.
        shape: (inlines, crosslines).

    Returns:
        Positions of inlines and of crosslines, (N,) each; no trace follows itself.

    Raises:
        ValueError: if there are fewer corners, or one is not finite.
    """
    corners = np.asarray(corners, float)
    if corners.ndim != 2 or len(corners) < 2 or not np.isfinite(corners).all():
        raise ValueError(f'a line has two corners or more of finite numbers, got {corners.tolist()!r:.80}')
    corners = np.clip(np.floor(corners + 0.5), 0, np.array(shape) - 1)
    parts = [corners[:1]]
    for start, stop in pairwise(corners):
        steps = int(abs(stop - start).max())
        parts.append(start + (stop - start) * (np.arange(1, steps + 1) / max(1, steps))[:, None])
    places = np.floor(np.concatenate(parts) + 0.5).astype(np.int64)
    return places[:, 0], places[:, 1]


def read_way(volume: Volume, rows: np.ndarray, columns: np.ndarray, most: tuple[int, int] = MOST) -> View:
    """Reads the section of some traces, every n-th trace and sample of it.

    Args:
        volume: to read from.
        rows, columns: (N,) positions of inlines and crosslines.
        most: cells across and down.

    Returns:
        Across are positions in ``rows``.
    """
    down, across = thin_range((0, volume.shape[2]), most[1]), thin_range((0, len(rows)), most[0])
    rows, columns = rows[across.start : across.stop : across.step], columns[across.start : across.stop : across.step]
    values = volume.traces(rows, columns)[:, down.start : down.stop : down.step]
    present = np.broadcast_to(volume.present[rows, columns], values.T.shape)
    return View(np.ascontiguousarray(values.T), present, down, across)
