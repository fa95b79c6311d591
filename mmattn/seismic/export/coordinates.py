"""From line numbers to coordinates: the affine map that the trace headers' coordinates follow."""

from dataclasses import dataclass

import numpy as np

from mmattn.seismic.segy.bins import fit_planes
from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes.volume import Volume

_FARTHEST = 0.5
"""Share of a bin by which headers may miss the map before that is said."""


@dataclass(frozen=True)
class SurveyMap:
    """X and Y of every place of a survey: (x, y) = origin + inline * per_iline + crossline * per_xline.

    Args:
        origin: (2,), x and y at inline 0 and crossline 0.
        per_iline, per_xline: (2,), x and y from one number to the next.
        unit: of x and y, 'm' or 'ft'; '' where headers do not say, 'lines' where the map is of line numbers.
        scatter: largest distance of the headers' coordinates from the map, outliers among them.
        notes: what is odd, in words.
    """

    origin: np.ndarray
    per_iline: np.ndarray
    per_xline: np.ndarray
    unit: str = ''
    scatter: float = 0.0
    notes: tuple[str, ...] = ()

    def xy(self, iline: np.ndarray, xline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of line numbers, which may lie between lines; arrays of one shape."""
        x, y = (  # rounded, so that no -0.000 is written
            self.origin[axis]
            + self.per_iline[axis] * np.asarray(iline, float)
            + self.per_xline[axis] * np.asarray(xline)
            for axis in (0, 1)
        )
        return np.round(x, 6) + 0.0, np.round(y, 6) + 0.0

    def lines(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Line numbers, as fractions, of coordinates."""
        matrix = np.stack([self.per_iline, self.per_xline], axis=1)
        offset = np.stack([np.asarray(x, float) - self.origin[0], np.asarray(y, float) - self.origin[1]])
        iline, xline = np.einsum('ij,j...->i...', np.linalg.inv(matrix), offset)
        return iline, xline

    @property
    def is_rectangular(self) -> bool:
        """Whether lines cross at right angles, within a thousandth."""
        across = abs(float(self.per_iline @ self.per_xline))
        return across <= 1e-3 * float(np.hypot(*self.per_iline) * np.hypot(*self.per_xline))


def survey_map(volume: Volume) -> SurveyMap | None:
    """Fits the map to the coordinates in a volume's headers.

    Args:
        volume: a SEG-Y file, or an array, whose X and Y become crossline and inline numbers.

    Returns:
        None of a 2-D line with coordinates: its traces have places, but no map.
    """
    if not isinstance(volume, SegyVolume):
        return _of_lines('an array has no coordinates')
    if volume.has_angles:
        return _of_lines(f'coordinates are angles ({volume.coordinate_unit})')
    x, y = volume.coordinates()
    known = volume.present & np.isfinite(x) & np.isfinite(y) & ((x != 0) | (y != 0))
    if volume.is_2d:
        return None if known.any() else _of_lines('no trace has coordinates')
    fit = fit_planes(volume.ilines, volume.xlines, x, y, known)
    if fit is None:
        return _of_lines('coordinates do not tell both directions')
    slopes, origin = fit
    rows, columns = np.nonzero(known)
    found = SurveyMap(origin, slopes[0], slopes[1], volume.length_unit)
    there = found.xy(volume.ilines[rows], volume.xlines[columns])
    distance = np.hypot(x[rows, columns] - there[0], y[rows, columns] - there[1])
    size = min(volume.bin_size() or (np.inf,))
    notes = []
    if (far := int(np.count_nonzero(distance > _FARTHEST * size))) > 0:
        notes.append(
            f'{far} of {len(distance)} traces lie more than half a bin from the map that the others follow, the '
            f'farthest {distance.max():.6g}'
        )
    if not volume.length_unit:
        notes.append('headers do not give the unit of the coordinates')
    return SurveyMap(origin, slopes[0], slopes[1], volume.length_unit, float(distance.max()), tuple(notes))


def places_of_line(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the traces of a 2-D line, (1, X) each, NaN where headers have none."""
    x, y = volume.coordinates()
    nothing = (x == 0) & (y == 0)
    return np.where(nothing, np.nan, x), np.where(nothing, np.nan, y)


def _of_lines(why: str) -> SurveyMap:
    note = f'{why}: X is the crossline number and Y the inline number'
    return SurveyMap(np.zeros(2), np.array([0.0, 1.0]), np.array([1.0, 0.0]), 'lines', 0.0, (note,))
