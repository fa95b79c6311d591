"""A surface as points and as grids: columns of text, CSV, ZMAP+, Irap classic and GeoTIFF.

ZMAP+ has no rotation, so a survey that is turned is resampled to nodes north to east, linearly between traces. Irap
grids may be turned but not skewed. A GeoTIFF takes any affine map. Z is in the unit of the samples.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmattn.common.files import write_whole, written_whole
from mmattn.common.tables import format_rows
from mmattn.seismic.export.coordinates import SurveyMap
from mmattn.seismic.segy.geometry import line_step
from mmattn.seismic.volumes.slice_picture import short

ZMAP_NULL, IRAP_NULL = 1e30, 9999900.0
_UNIT_CODES = {'m': 9001, 'ft': 9002}
_MOST_NODES = 4_000_000
"""Of a surface that is resampled; nodes are farther apart where there would be more."""
_A_LINE = 5, 6
"""Values a line, of ZMAP+ and Irap."""


@dataclass(frozen=True)
class Surface:
    """A horizon on a survey.

    Args:
        z: (I, X), NaN where there is none.
        ilines, xlines: (I,) and (X,) line numbers.
        x, y: (I, X) coordinates.
        name: of the surface, for headers.
        unit: of z.
    """

    z: np.ndarray
    ilines: np.ndarray
    xlines: np.ndarray
    x: np.ndarray
    y: np.ndarray
    name: str
    unit: str


def write_xyz(surface: Surface, path: Path) -> None:
    """Writes a line ``X Y Z`` for each place that has the surface."""
    rows, columns = np.nonzero(np.isfinite(surface.z) & np.isfinite(surface.x))
    values = np.column_stack([axis[rows, columns] for axis in (surface.x, surface.y, surface.z)])
    write_whole(path, format_rows(values, '%.3f %.3f %.4f'))


def write_line_columns(surface: Surface, path: Path) -> None:
    """Writes a line ``inline crossline Z`` for each place that has the surface."""
    rows, columns = np.nonzero(np.isfinite(surface.z))
    values = np.column_stack([surface.ilines[rows], surface.xlines[columns], surface.z[rows, columns]])
    write_whole(path, format_rows(values, '%d %d %.4f'))


def nodes(surface: Surface, survey: SurveyMap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The surface on nodes that run north and east.

    Where lines already do, the nodes are the traces. Else they are as far apart as traces are in the nearer of both
    directions, and cover the whole survey; between traces the surface is linear, and there is none beside a hole.

    Returns:
        (columns,) x and (rows,) y, both rising, and (rows, columns) z.
    """
    steps = np.stack([survey.per_iline * _step(surface.ilines), survey.per_xline * _step(surface.xlines)])
    lengths = np.hypot(*steps.T)
    straight = np.abs(steps) < 1e-6 * lengths[:, None]
    even = all(line_step(numbers) or len(numbers) == 1 for numbers in (surface.ilines, surface.xlines))
    if even and (straight == np.eye(2, dtype=bool)).all() | (straight == ~np.eye(2, dtype=bool)).all():
        along_x = bool(straight[0, 0])  # inlines step northwards: columns of z run east
        z = surface.z if along_x else surface.z.T
        x, y = (surface.x[0], surface.y[:, 0]) if along_x else (surface.x[:, 0], surface.y[0])
        z = z[:, np.argsort(x)][np.argsort(y)]
        return np.sort(x), np.sort(y), z
    area = float(np.ptp(surface.x) * np.ptp(surface.y))
    size = max(float(lengths.min()), (area / _MOST_NODES) ** 0.5)
    x, y = (np.arange(values.min(), values.max() + 0.999 * size, size) for values in (surface.x, surface.y))
    return x, y, resample(surface, survey, *np.meshgrid(x, y))


def resample(surface: Surface, survey: SurveyMap, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The surface at coordinates, bilinear between four traces, NaN where one of those that count has none."""
    iline, xline = survey.lines(x, y)
    places = (_position(surface.ilines, iline), _position(surface.xlines, xline))
    result, inside = np.zeros(x.shape), np.ones(x.shape, bool)
    corners, shares = [], []
    for place, count in zip(places, surface.z.shape):
        inside &= (place > -1e-6) & (place < count - 1 + 1e-6)
        near = np.rint(place)
        place = np.where(np.abs(place - near) < 1e-6, near, place)  # on a line its neighbour does not count
        place = np.clip(np.nan_to_num(place), 0, count - 1)
        first = np.minimum(place.astype(np.int64), max(count - 2, 0))
        corners.append((first, np.minimum(first + 1, count - 1)))
        shares.append((1 - (place - first), place - first))
    for i, rows in enumerate(corners[0]):
        for j, columns in enumerate(corners[1]):
            share = shares[0][i] * shares[1][j]
            result += np.where(share > 0, share * surface.z[rows, columns], 0)
    return np.where(inside, result, np.nan)


def write_zmap(surface: Surface, survey: SurveyMap, path: Path) -> None:
    """Writes a ZMAP+ grid: columns from west to east, each from north to south."""
    x, y, z = nodes(surface, survey)
    width = 15
    head = [
        f'! {surface.name}, Z in {surface.unit}, positive downwards',
        f'@{surface.name.upper()} HEADER, GRID, {_A_LINE[0]}',
        f'{width}, {ZMAP_NULL:.7E}, , 4, 1',
        f'{len(y)}, {len(x)}, {x[0]:.4f}, {x[-1]:.4f}, {y[0]:.4f}, {y[-1]:.4f}',
        '0.0, 0.0, 0.0',
        '@',
    ]
    null = f'{ZMAP_NULL:{width}.7E}'
    body = []
    for column in z.T[:, ::-1]:
        words = [f'{value:{width}.4f}' if np.isfinite(value) else null for value in column]
        body += [''.join(words[at : at + _A_LINE[0]]) for at in range(0, len(words), _A_LINE[0])]
    write_whole(path, '\n'.join([*head, *body]) + '\n')


def write_irap(surface: Surface, survey: SurveyMap, path: Path) -> bool:
    """Writes an Irap classic (ASCII) grid, turned as the survey is.

    Returns:
        False, and no file, where lines are unevenly numbered or do not cross at right angles.
    """
    even = all(line_step(numbers) or len(numbers) == 1 for numbers in (surface.ilines, surface.xlines))
    if not even or not survey.is_rectangular:
        return False
    per_row, per_column = survey.per_iline * _step(surface.ilines), survey.per_xline * _step(surface.xlines)
    z, first = surface.z, np.array([surface.x[0, 0], surface.y[0, 0]])
    if per_column[0] * per_row[1] - per_column[1] * per_row[0] < 0:  # the second axis is left of the first
        z, per_row, first = z[::-1], -per_row, np.array([surface.x[-1, 0], surface.y[-1, 0]])
    rows, columns = z.shape
    angle = float(np.degrees(np.arctan2(per_column[1], per_column[0])) % 360)
    steps = np.hypot(*per_column), np.hypot(*per_row)
    ends = first + np.array([(columns - 1) * steps[0], (rows - 1) * steps[1]])
    head = [
        f'-996 {rows} {steps[0]:.6f} {steps[1]:.6f}',
        f'{first[0]:.4f} {ends[0]:.4f} {first[1]:.4f} {ends[1]:.4f}',
        f'{columns} {angle:.6f} {first[0]:.4f} {first[1]:.4f}',
        '0 0 0 0 0 0 0',
    ]
    words = [f'{value:.4f}' for value in np.where(np.isfinite(z), z, IRAP_NULL).ravel()]
    body = [' '.join(words[at : at + _A_LINE[1]]) for at in range(0, len(words), _A_LINE[1])]
    write_whole(path, '\n'.join([*head, *body]) + '\n')
    return True


def write_geotiff(surface: Surface, survey: SurveyMap, path: Path) -> bool:
    """Writes a float32 GeoTIFF, a row for each inline, with the survey's own affine map and NaN for no surface.

    Returns:
        False, and no file, where tifffile is missing or lines are unevenly numbered.
    """
    try:
        import tifffile
    except ImportError:
        return False
    if not all(line_step(numbers) or len(numbers) == 1 for numbers in (surface.ilines, surface.xlines)):
        return False
    per_row, per_column = survey.per_iline * _step(surface.ilines), survey.per_xline * _step(surface.xlines)
    corner = np.array([surface.x[0, 0], surface.y[0, 0]]) - (per_row + per_column) / 2  # of the pixel, not its middle
    matrix = np.eye(4)
    matrix[:2, 0], matrix[:2, 1], matrix[:2, 3] = per_column, per_row, corner
    keys = [
        (1024, 1),
        (1025, 1),
        (3072, 32767),
        *([(3076, _UNIT_CODES[survey.unit])] if survey.unit in _UNIT_CODES else []),
    ]
    directory = [1, 1, 0, len(keys), *(word for key, value in keys for word in (key, 0, 1, value))]
    tags = [
        (34264, 'd', 16, tuple(matrix.ravel().tolist()), True),  # ModelTransformation
        (
            34735,
            'H',
            len(directory),
            tuple(directory),
            True,
        ),  # GeoKeyDirectory: projected, pixels are areas, own system
        (42113, 's', 0, 'nan', True),  # GDAL's no data
    ]
    with written_whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            surface.z.astype(np.float32),
            photometric='minisblack',
            description=f'{surface.name}, Z in {surface.unit}',
            extratags=tags,
            metadata=None,
        )
    return True


def _step(numbers: np.ndarray) -> float:
    return float(numbers[1] - numbers[0]) if len(numbers) > 1 else 1.0


def _position(numbers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Positions, as fractions, of line numbers; beyond the last lines as far as the steps there reach."""
    places = np.interp(wanted, numbers, np.arange(len(numbers)))
    low, high = numbers[0], numbers[-1]
    step = _step(numbers)
    places = np.where(wanted < low, (wanted - low) / step, places)
    return np.where(wanted > high, len(numbers) - 1 + (wanted - high) / step, places)


def describe_surface(surface: Surface) -> dict[str, object]:
    """How many places it has, and its least and largest Z."""
    z = surface.z[np.isfinite(surface.z)]
    ends = [short(float(value)) for value in (z.min(), z.max())] if z.size else []
    return dict(places=int(z.size), shallowest=ends[0] if ends else None, deepest=ends[1] if ends else None)
