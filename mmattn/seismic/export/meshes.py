"""Salt bodies as closed triangle meshes, by marching cubes.

Lorensen and Cline, Marching Cubes, 1987; the implementation is scikit-image's of Lewiner et al., 2003, which leaves no
holes; where surfaces of ragged salt touch along an edge, the values are smoothed, as little as parts them. The volume
is surrounded by cells without salt, so that bodies which reach the survey's edge are closed there, half a cell outside.
Vertices are in X, Y and elevation: Z grows upwards, minus time or depth, so that X east, Y north and Z are
right-handed, and triangles are counter-clockwise seen from outside.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import marching_cubes

from mmattn.seismic.export.coordinates import SurveyMap

_ROOM = 1
"""Cells without salt beyond those that close a body."""
_NEAREST = 1e-4
"""Share of the largest value above the level by which grid points stay away from it."""
_SMOOTHING = 0.0, 0.4, 0.6, 0.8, 1.0


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    Args:
        vertices: (V, 3) float64 X, Y and Z, Z growing upwards.
        faces: (F, 3) int64.
        smoothing: standard deviation, in cells, of a Gaussian that the values were smoothed with before.
    """

    vertices: np.ndarray
    faces: np.ndarray
    smoothing: float = 0.0

    @cached_property
    def volume(self) -> float:
        """What the mesh encloses, negative where its triangles look inwards."""
        a, b, c = np.moveaxis(self.vertices[self.faces] - self.vertices.mean(axis=0), 1, 0)
        return float(np.einsum('ij,ij->', a, np.cross(b, c)) / 6)

    @cached_property
    def is_closed(self) -> bool:
        """Whether each edge belongs to exactly two triangles, which run along it in opposite directions."""
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        codes = np.sort(edges[:, 0] * len(self.vertices) + edges[:, 1])
        back = np.sort(edges[:, 1] * len(self.vertices) + edges[:, 0])
        return bool((codes[1:] != codes[:-1]).all()) and np.array_equal(codes, back)

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest X, Y and Z."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)


def mesh_body(
    values: np.ndarray,
    level: float,
    ilines: np.ndarray,
    xlines: np.ndarray,
    samples: np.ndarray,
    survey: SurveyMap,
) -> Mesh:
    """Makes the mesh of what lies above a level.

    Args:
        values: (I, X, S), of a body and of what is around it.
        level: of the surface; somewhere the values must be above it.
        ilines, xlines: (I,) and (X,) line numbers.
        samples: (S,) times or depths, growing downwards.
        survey: gives X and Y.

    Returns:
        A closed mesh, or one that touches itself along edges where no smoothing parts it; each piece of its surface
        encloses salt, or a cavity in it.

    Raises:
        ValueError: if nothing lies above the level.
    """
    values = np.asarray(values, np.float32)
    if not (values > level).any():
        raise ValueError(f'no value lies above the level {level}, the largest is {values.max()}')
    outside = level - max(float(values.max()) - level, 1e-6)
    padded = np.pad(values, 1 + _ROOM, constant_values=outside)
    first = None
    for width in _SMOOTHING:
        field = gaussian_filter(padded, width) if width else padded
        if not (field > level).any():
            break
        mesh = _mesh(field, level, ilines, xlines, samples, survey, width)
        first = first or mesh
        if mesh.is_closed:
            return mesh
    return first


def _mesh(
    field: np.ndarray,
    level: float,
    ilines: np.ndarray,
    xlines: np.ndarray,
    samples: np.ndarray,
    survey: SurveyMap,
    width: float,
) -> Mesh:
    room = np.float32(_NEAREST * (float(field.max()) - level))  # a vertex on a grid point would be several at once
    near = np.abs(field - level) < room
    field = np.where(near, np.where(field > level, level + room, level - room), field)
    vertices, faces, _, _ = marching_cubes(field, level, allow_degenerate=True)
    places = vertices.astype(np.float64) - 1 - _ROOM
    lines = [_numbers_at(numbers, places[:, axis]) for axis, numbers in enumerate((ilines, xlines, samples))]
    x, y = survey.xy(lines[0], lines[1])
    mesh = Mesh(np.stack([x, y, -lines[2]], axis=1), faces.astype(np.int64), width)
    return mesh if mesh.volume > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1], width)


def _numbers_at(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Line numbers, times or depths at fractional positions, also half a cell outside."""
    numbers = np.asarray(numbers, np.float64)
    ends = (numbers[1] - numbers[0], numbers[-1] - numbers[-2]) if len(numbers) > 1 else (1.0, 1.0)
    beyond = 1 + _ROOM  # positions before the first
    before, behind = np.arange(-beyond, 0) * ends[0] + numbers[0], np.arange(1, beyond + 1) * ends[1] + numbers[-1]
    longer = np.concatenate([before, numbers, behind])
    return np.interp(places, np.arange(-beyond, len(numbers) + beyond), longer)
