"""What one export works with: the volume without small bodies, the coordinates, where it goes, what is to be said."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mmattn.common.checks import check_choice, check_number, check_whole
from mmattn.seismic.export.coordinates import SurveyMap, places_of_line, survey_map
from mmattn.seismic.export.horizons import NORMAL_90
from mmattn.seismic.export.mesh_files import MESH_FORMATS
from mmattn.seismic.salt.cleanup import Bodies, check_thresholds, find_bodies, label_bodies
from mmattn.seismic.volumes.volume import Volume

HORIZON_FORMATS: Mapping[str, str] = MappingProxyType(
    dict(xyz='.xyz', lines='_lines.dat', zmap='.zmap', irap='.irap', geotiff='.tif')
)
"""What the names of their files end with."""


_SLAB = 16 << 20


@dataclass(frozen=True)
class ExportOptions:
    """What is written, and how.

    Args:
        threshold: probability above which there is salt, 0 to 1.
        min_body: bodies of fewer voxels are left out of everything.
        hysteresis: so are those whose probability is nowhere above this; None leaves none out.
        factor: standard deviations on both sides that the intervals of top and base are wide.
        margins: by which those of top and of base are wider beyond, in the unit of the samples.
        horizons: formats of top and base beside CSV, of :data:`HORIZON_FORMATS`.
        meshes: formats of bodies, of ``obj``, ``ply``, ``vtk`` and ``ts``.
        most_meshes: the largest bodies of so many get meshes.
        polygons: directions of sections with outlines, of 'iline' and 'xline'.
        every: of the sections of a direction every so many have outlines.
        step: inlines read at a time; as many as 16 MiB hold by default, 16 at the most.

    Raises:
        TypeError, ValueError: if an option is out of its range.
    """

    threshold: float = 0.5
    min_body: int = 0
    hysteresis: float | None = None
    factor: float = NORMAL_90
    margins: tuple[float, float] = (0.0, 0.0)
    horizons: Sequence[str] = tuple(HORIZON_FORMATS)
    meshes: Sequence[str] = tuple(MESH_FORMATS)
    most_meshes: int = 20
    polygons: Sequence[str] = ('iline', 'xline')
    every: int = 1
    step: int | None = None

    def __post_init__(self) -> None:
        check_thresholds(self.threshold, self.hysteresis)
        check_whole('min_body', self.min_body)
        check_whole('most_meshes', self.most_meshes)
        check_whole('every', self.every, least=1)
        if self.step is not None:
            check_whole('step', self.step, least=1)
        check_number('factor', self.factor, low=0, high=1e6)
        for margin in self.margins:
            check_number('margins', margin)
        for option, allowed in (
            ('horizons', HORIZON_FORMATS),
            ('meshes', MESH_FORMATS),
            ('polygons', ('iline', 'xline')),
        ):
            for value in getattr(self, option):
                check_choice('export', option, value, allowed)


@dataclass
class Work:
    """One export.

    Args:
        volume: probability of salt.
        geometry: has line numbers, samples and coordinates.
        std: standard deviation of the probability, if there is one.
        folder: where files go.
        options: of what is written.
        progress: called with what is done, how far and out of how much.
        notes: what is to be said in the summary.
    """

    volume: Volume
    geometry: Volume
    std: Volume | None
    folder: Path
    options: ExportOptions
    progress: Callable[[str, int, int], None]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._taken_out: np.ndarray | None = None
        self.survey: SurveyMap | None = survey_map(self.geometry)
        if self.survey is None:
            self.x, self.y = places_of_line(self.geometry)
        else:
            self.x, self.y = self.survey.xy(self.geometry.ilines[:, None], self.geometry.xlines[None])
            self.notes += self.survey.notes

    @property
    def units(self) -> tuple[str, str]:
        """Of X and Y, and of Z."""
        horizontal = self.survey.unit if self.survey is not None else getattr(self.geometry, 'length_unit', '')
        return horizontal, self.geometry.sample_unit

    @property
    def step(self) -> int:
        """Inlines read at a time."""
        if self.options.step is not None:
            return self.options.step
        return min(max(_SLAB // (4 * self.volume.shape[1] * self.volume.shape[2]), 1), 16)

    def note(self, text: str) -> None:
        """Says something in the summary, once."""
        if text not in self.notes:
            self.notes.append(text)

    def read(self, start: int, stop: int) -> np.ndarray:
        """The probability of inlines, with salt of small bodies mirrored to below the threshold."""
        return self._without_small(self.volume.slab('iline', start, stop), slice(start, stop))

    def section(self, direction: str, position: int) -> np.ndarray:
        """The same of one section, (T, S)."""
        where = position if direction == 'iline' else (slice(None), position)
        return self._without_small(self.volume.section(direction, position), where)

    def mask(self, start: int, stop: int) -> np.ndarray:
        """Where there is salt."""
        return self.read(start, stop) > self.options.threshold

    def _without_small(self, values: np.ndarray, where: object) -> np.ndarray:
        if self._taken_out is None:
            return values
        return np.where(self._taken_out[where] != 0, 2 * self.options.threshold - values, values)

    def find_bodies(self) -> tuple[Bodies, int]:
        """Finds the bodies, and takes the small ones out of what is read from now on.

        Returns:
            Those that stay, and how many do not. Which voxels are taken out is held in a file beside the output.
        """
        shape, step = self.volume.shape, self.step
        hysteresis = self.options.hysteresis
        bodies = find_bodies(self.mask, shape, step=step, probability=None if hysteresis is None else self.read)
        small = bodies.voxels < self.options.min_body
        if hysteresis is not None:
            small |= bodies.peak <= hysteresis
        if not small.any():
            return bodies, 0
        with tempfile.TemporaryFile(dir=self.folder) as file:
            taken_out = np.memmap(file, np.uint8, 'w+', shape=shape)
        for start, numbers in label_bodies(self.mask, shape, bodies):
            taken_out[start : start + len(numbers)] = np.append(small, False)[numbers]
        self._taken_out = taken_out
        return find_bodies(self.mask, shape, step=step), int(np.count_nonzero(small))

    def places(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of positions, as fractions."""
        if self.survey is not None:
            return self.survey.xy(between(self.geometry.ilines, rows), between(self.geometry.xlines, columns))
        return between(self.x[0], columns), between(self.y[0], columns)


def between(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values at fractional positions, straight on beyond the ends."""
    numbers = np.asarray(numbers, np.float64)
    inside = np.interp(places, np.arange(len(numbers)), numbers)
    if len(numbers) < 2:
        return inside + np.asarray(places, float)
    ends = numbers[1] - numbers[0], numbers[-1] - numbers[-2]
    return inside + np.minimum(places, 0) * ends[0] + np.maximum(places - (len(numbers) - 1), 0) * ends[1]
