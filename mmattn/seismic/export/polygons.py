"""Outlines of salt on sections, as closed polygons with line numbers and coordinates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.measure import find_contours

from mmattn.common.files import written_whole
from mmattn.common.tables import format_rows
from mmattn.seismic.volumes.volume import Volume

Coordinates = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Positions of inlines and crosslines, as fractions, to x and y."""
HEADER = 'direction', 'line', 'polygon', 'kind', 'iline', 'xline', 'z', 'x', 'y'


@dataclass(frozen=True)
class Polygon:
    """A closed outline on a section; the last vertex is the first.

    Args:
        points: (n, 2) positions, as fractions: traces and samples.
        is_hole: whether it encloses what is no salt, inside of salt.
    """

    points: np.ndarray
    is_hole: bool


def outlines(section: np.ndarray, threshold: float) -> list[Polygon]:
    """Traces the threshold around the salt of a section, closed at the section's edges half a cell outside.

    Args:
        section: (T, S) probability.
        threshold: above which there is salt.
    """
    if not (section > threshold).any():
        return []
    outside = threshold - max(float(section.max()) - threshold, 1e-6)
    padded = np.pad(np.asarray(section, np.float64), 1, constant_values=outside)
    found = find_contours(padded, threshold, fully_connected='low', positive_orientation='high')
    return [Polygon(line - 1, _area(line) < 0) for line in found if len(line) > 3]


def write_polygons(
    path: Path,
    volume: Volume,
    sections: Iterable[tuple[str, int, np.ndarray]],
    coordinates: Coordinates,
    *,
    threshold: float,
) -> int:
    """Writes the vertices of all outlines as CSV, in the order of their polygons.

    Args:
        path: of the table.
        volume: gives line numbers and samples.
        sections: direction ('iline' or 'xline'), position and (T, S) probability of each section.
        coordinates: of positions.
        threshold: above which there is salt.

    Returns:
        How many polygons there are.
    """
    count = 0
    with written_whole(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(','.join(HEADER) + '\n')
        for direction, position, section in sections:
            for polygon in outlines(section, threshold):
                count += 1
                file.write(_rows(volume, direction, position, count, polygon, coordinates))
    return count


def _rows(
    volume: Volume, direction: str, position: int, number: int, polygon: Polygon, coordinates: Coordinates
) -> str:
    traces, depths = polygon.points.T
    fixed = np.full(len(traces), float(position))
    places = (fixed, traces) if direction == 'iline' else (traces, fixed)
    lines = [_at(numbers, place) for numbers, place in zip((volume.ilines, volume.xlines), places)]
    values = np.column_stack([*lines, _at(volume.samples, depths), *coordinates(*places)])
    line = int((volume.ilines if direction == 'iline' else volume.xlines)[position])
    head = f'{direction},{line},{number},{"hole" if polygon.is_hole else "salt"}'
    return format_rows(values, head + ',%.3f,%.3f,%.3f,%.3f,%.3f')


def _at(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    numbers = np.asarray(numbers, np.float64)
    inside = np.interp(places, np.arange(len(numbers)), numbers)
    step = float(numbers[1] - numbers[0]) if len(numbers) > 1 else 1.0
    last = float(numbers[-1] - numbers[-2]) if len(numbers) > 1 else 1.0
    beyond = places - (len(numbers) - 1)
    return inside + np.minimum(places, 0) * step + np.maximum(beyond, 0) * last


def _area(points: np.ndarray) -> float:
    """Twice the signed area; find_contours, with high values to its left, gives salt a positive one."""
    a, b = points.T
    return float(np.sum(a[:-1] * b[1:] - a[1:] * b[:-1]))
