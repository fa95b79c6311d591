"""Velocity models with salt by index, from the strata and salt bodies of the synthetic survey."""

from dataclasses import dataclass

import numpy as np

from mmattn.common.checks import check_number, check_shape, check_whole
from mmattn.seismic.synthetic.bodies import SaltBody
from mmattn.seismic.synthetic.fields import InlineAxis
from mmattn.seismic.synthetic.geology import Strata
from mmattn.seismic.synthetic.grid import Grid, get_grid
from mmattn.seismic.synthetic.options import SHORTEST_WAVELENGTH, SMALLEST_SIZE
from mmattn.seismic.synthetic.section import draw_wavelength

WATER = 1500.0  # m/s
SEDIMENTS = 1500.0, 3900.0  # m/s, the slowest and the fastest
FAST_BEDS = 4000.0, 4400.0  # m/s, of carbonate or volcanic beds
SALT = 4400.0, 4520.0  # m/s
_CORRELATION = 200.0, 600.0  # metres over which structures change, the shortest and longest
_THICKNESS = 120.0, 420.0  # metres, bounds of a model's mean layer
_COVERAGE = 0.03, 0.28
_SHALLOWEST_SALT = 180.0  # metres


@dataclass(frozen=True)
class VelocityModel:
    """One model and its truth.

    Attributes:
        velocity: P-wave velocity in m/s, float32 (H, W); row 0 is the surface.
        salt: Salt 1, anything else 0, uint8 (H, W), from the geometry; beds as fast as salt are 0.
    """

    velocity: np.ndarray
    salt: np.ndarray


class VelocitySurvey:
    """An endless set of models: model ``i`` follows from the seed, ``i`` and the options alone, in any order.

    Layers follow the survey's stratigraphic coordinate, with its dips, folds, faults, unconformities and drag along
    salt. Velocity rises with it, but slow layers lie under fast ones too. Some models have water on top, some a bed as
    fast as salt that is none.

    Args:
        size: Rows and columns (H, W), at least 16 each.
        dx: Metres a cell; a finer grid shows less geology, not thinner layers.
        seed: Of the survey, from 0.
        salt_probability: Share of the models with salt, of which it fills 3 to 28 %.
        water_probability: Share of the models with a layer of water.
        fast_bed_probability: Share of the models with a bed of 4,000 to 4,400 m/s.

    Raises:
        TypeError: An option of the wrong kind.
        ValueError: An option out of its range.
    """

    def __init__(
        self,
        size: tuple[int, int] = (64, 96),
        *,
        dx: float = 30.0,
        seed: int = 0,
        salt_probability: float = 0.85,
        water_probability: float = 1 / 3,
        fast_bed_probability: float = 0.15,
    ) -> None:
        self.size = check_shape('size', size, smallest=(SMALLEST_SIZE, SMALLEST_SIZE))
        self.dx = check_number('dx', dx, low=1, high=200)
        self.seed = check_whole('seed', seed)
        self.salt_probability = check_number('salt_probability', salt_probability, low=0, high=1)
        self.water_probability = check_number('water_probability', water_probability, low=0, high=1)
        self.fast_bed_probability = check_number('fast_bed_probability', fast_bed_probability, low=0, high=1)

    def model(self, index: int) -> VelocityModel:
        """Makes model ``index``, from 0.

        Raises:
            TypeError: The index is no integer.
            ValueError: The index is negative.
        """
        rng = np.random.default_rng([self.seed, check_whole('index', index)])
        has_salt, has_water, has_bed = rng.uniform(size=3) < (
            self.salt_probability,
            self.water_probability,
            self.fast_bed_probability,
        )
        bounds = [max(SHORTEST_WAVELENGTH, metres / self.dx) for metres in _CORRELATION]
        wavelength = draw_wavelength(rng, tuple(bounds))
        grid = get_grid(*self.size, wavelength)
        axis = InlineAxis()
        strata = Strata(rng, grid, axis, axis, wavelength=wavelength)
        level = uplift = None
        if has_salt:
            coverage = rng.uniform(*_COVERAGE)
            level = SaltBody(rng, grid, axis, axis, wavelength=wavelength, coverage=coverage).level(0)
            uplift = _drag(rng, level, wavelength)
        velocity, shallow = self._sediments(rng, grid, strata, uplift, has_bed)
        bottom = np.zeros(self.size[1], np.float32)
        if has_water:
            bottom = self._water_bottom(rng, shallow)
            velocity = np.where(np.arange(self.size[0])[:, None] < bottom, np.float32(WATER), velocity)
        salt = np.zeros(self.size, bool)
        if level is not None:
            top = np.maximum(bottom, _SHALLOWEST_SALT / self.dx)
            salt = (grid.crop(level) > 0) & (np.arange(self.size[0])[:, None] >= top)
            velocity = np.where(salt, np.float32(rng.uniform(*SALT)), velocity)
        return VelocityModel(velocity.astype(np.float32), salt.astype(np.uint8))

    def _sediments(
        self, rng: np.random.Generator, grid: Grid, strata: Strata, uplift: np.ndarray | None, has_bed: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Velocities (H, W), and the depth of a shallow horizon about its mean, (W,) cells."""
        coordinate, upper = strata.coordinate(0, uplift=uplift, disorder=None)
        coordinate = grid.crop(coordinate)
        gradient, surface = rng.uniform(0.4, 0.95), rng.uniform(1650, 2200)
        velocity, layers = self._layered(rng, coordinate, gradient, surface)
        if has_bed:
            bed = layers == rng.choice(np.unique(layers[len(layers) // 4 :]))
            velocity = np.where(bed, np.float32(rng.uniform(*FAST_BEDS)), velocity)
        if upper is not None:
            extent, above = (grid.crop(part) for part in upper)
            velocity = np.where(extent, self._layered(rng, above, gradient, surface)[0], velocity)
        return velocity, coordinate[0].mean() - coordinate[0]

    def _layered(
        self, rng: np.random.Generator, coordinate: np.ndarray, gradient: float, surface: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Velocity of constant layers (H, W), and the layer's number in each cell.

        Args:
            rng: Source of randomness.
            coordinate: Stratigraphic coordinate in cells, (H, W).
            gradient: In 1/s: m/s a metre of the coordinate.
            surface: Velocity where the coordinate has its mean at the surface, m/s.
        """
        low, high = float(coordinate.min()), float(coordinate.max())
        mean = rng.uniform(*_THICKNESS) / self.dx
        thickness = np.maximum(rng.gamma(4.0, mean / 4, size=int((high - low) / mean * 2) + 16), 1.5)
        edges = low - rng.uniform(0, mean) + np.concatenate([[0.0], np.cumsum(thickness)])
        middle = (edges[:-1] + edges[1:]) / 2 - coordinate[0].mean()
        values = surface + gradient * self.dx * middle + rng.normal(0, 110, len(middle))
        layer = np.clip(np.searchsorted(edges, coordinate, side='right') - 1, 0, len(middle) - 1)
        return np.clip(values, *SEDIMENTS).astype(np.float32)[layer], layer

    def _water_bottom(self, rng: np.random.Generator, shallow: np.ndarray) -> np.ndarray:
        """Depth of the water bottom in cells, (W,): flat, or following the first horizon."""
        depth = rng.uniform(2, 0.2 * self.size[0])
        relief = shallow if rng.uniform() < 0.5 else 0 * shallow
        return np.clip(depth + relief, 1, 0.35 * self.size[0]).astype(np.float32)


def _drag(rng: np.random.Generator, level: np.ndarray, wavelength: float) -> np.ndarray:
    """Stratigraphic shift in cells: layers dragged up along salt, with a rim syncline beside, (Z, X)."""
    reach = rng.uniform(0.5, 3) * wavelength + 4
    drag, syncline = rng.uniform(0.2, 1.2) * reach, rng.uniform(0, 0.7)
    distance = np.minimum(level, 0) / np.float32(reach)
    return np.float32(drag) * (np.exp(distance) - np.float32(syncline) * np.exp(distance / 3))
