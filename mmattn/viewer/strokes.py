"""What a stroke of a brush and a polygon cover of a section."""

from typing import NamedTuple

import numpy as np
from skimage.draw import polygon2mask

from mmattn.common.checks import check_positive


class Patch(NamedTuple):
    """Part of a section.

    Args:
        down, across: half-open ranges of positions.
        mask: bool (down, across), what is covered; may be empty.
    """

    down: tuple[int, int]
    across: tuple[int, int]
    mask: np.ndarray


def brush_patch(points: np.ndarray, radii: tuple[float, float], shape: tuple[int, int]) -> Patch:
    """What a round brush covers on its way.

    Args:
        points: (N, 2) positions down and across on the way, one or more.
        radii: of the brush, down and across; cells whose centre is that near are covered.
        shape: of the section.

    Raises:
        ValueError: if there is no finite point, or a radius is not positive.
    """
    points = _checked(points, least=1)
    for name, radius in zip(('down', 'across'), radii):
        check_positive('brush', f'radius {name}', radius)
    radii = np.array(radii, float)
    patch = _around(points.min(axis=0) - radii, points.max(axis=0) + radii, shape)
    top, left = patch.down[0], patch.across[0]
    ends = [points[:1], points[:1]] if len(points) == 1 else [points[:-1], points[1:]]
    for start, stop in zip(*ends):
        part = _around(np.minimum(start, stop) - radii, np.maximum(start, stop) + radii, shape)
        down, across = (np.arange(*edges, dtype=float) for edges in (part.down, part.across))
        cells = np.stack(np.meshgrid(down, across, indexing='ij'), axis=-1)
        inside = _distance(cells / radii, start / radii, stop / radii) <= 1 + 1e-9
        rows = slice(part.down[0] - top, part.down[1] - top)
        patch.mask[rows, part.across[0] - left : part.across[1] - left] |= inside
    return patch


def polygon_patch(points: np.ndarray, shape: tuple[int, int]) -> Patch:
    """What lies inside a closed polygon.

    Args:
        points: (N, 2) positions down and across of its corners, three or more.
        shape: of the section.

    Raises:
        ValueError: if there are fewer corners, or one is not finite.
    """
    points = _checked(points, least=3)
    patch = _around(points.min(axis=0), points.max(axis=0), shape)
    corner = np.array([patch.down[0], patch.across[0]])
    return patch._replace(mask=polygon2mask(patch.mask.shape, points - corner)) if patch.mask.size else patch


def _checked(points: np.ndarray, least: int) -> np.ndarray:
    points = np.asarray(points, float)
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < least or not np.isfinite(points).all():
        what = 'a polygon has three corners or more' if least > 1 else 'a stroke has points of two finite numbers'
        raise ValueError(f'{what}, got {points.tolist()!r:.80}')
    return points


def _around(low: np.ndarray, high: np.ndarray, shape: tuple[int, int]) -> Patch:
    """The cells between two corners, nothing covered."""
    starts = [min(max(int(np.floor(one)), 0), size) for one, size in zip(low, shape)]
    stops = [max(start, min(int(np.ceil(one)) + 1, size)) for start, one, size in zip(starts, high, shape)]
    return Patch(*zip(starts, stops), np.zeros(np.subtract(stops, starts), bool))


def _distance(cells: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Of cells (..., 2) from the line between two points."""
    way = stop - start
    length = float(way @ way)
    along = np.clip((cells - start) @ way / length, 0, 1) if length else np.zeros(cells.shape[:-1])
    return np.linalg.norm(cells - start - along[..., None] * way, axis=-1)
