"""Salt bodies as level sets: positive inside, about the distance to the boundary in samples.

Each shape is a function of depth and crossline position relative to the section, so that one body continues from inline
to inline while its centre and width change smoothly.
"""

from collections.abc import Callable

import numpy as np

from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve, SmoothField, SmoothScalar
from mmattn.seismic.synthetic.grid import Grid

Shape = Callable[[int], np.ndarray]


class _Context:
    """What every shape is drawn from."""

    def __init__(self, rng: np.random.Generator, grid: Grid, axis: InlineAxis, wavelength: float) -> None:
        self.rng, self.grid, self.axis = rng, grid, axis
        self.z = grid.z[:, None]
        self.x = grid.x[None, :]
        self.height, self.width = grid.height, grid.width
        self.extent = float(min(grid.height, grid.width))
        self.curve_scale = 8 + wavelength * rng.uniform(1.0, 3.0)

    def curve(self) -> SmoothCurve:
        return SmoothCurve(self.rng, self.axis, self.grid.x, self.curve_scale)

    def drift(self, amplitude: float) -> Callable[[int], np.float32]:
        scalar = SmoothScalar(self.rng, self.axis)
        return lambda inline: np.float32(amplitude) * scalar.at(inline)


def _flank(context: _Context) -> Shape:
    """A boundary across the section at any angle: salt on one side."""
    rng = context.rng
    angle = rng.uniform(-np.pi, np.pi) if rng.uniform() < 0.6 else rng.normal(0, 0.9)
    nz, nx = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    curve, height = context.curve(), np.float32(rng.gamma(1.5, 0.12) * context.curve_scale)
    plane = (context.z - context.height / 2) * nz + (context.x - context.width / 2) * nx
    turn = context.drift(0.3)
    return lambda y: plane + height * curve.at(y) + turn(y) * (context.x - context.width / 2)


def _dome(context: _Context) -> Shape:
    """A pillow or dome: salt below a swell."""
    rng = context.rng
    centre, half_width = rng.uniform(-0.1, 1.1) * context.width, rng.uniform(0.15, 0.5) * context.extent
    swell = rng.uniform(0.3, 1.1) * context.extent
    curve, height = context.curve(), np.float32(rng.gamma(1.5, 0.08) * context.curve_scale)
    power = rng.uniform(1.5, 2.5)
    shift, grow = context.drift(0.15 * context.extent), context.drift(0.15)

    def at(y: int) -> np.ndarray:
        u = np.abs(context.grid.x - np.float32(centre) - shift(y)) / np.float32(half_width)
        top = np.exp(-(u**power)) * np.float32(swell) * (1 + grow(y)) + height * curve.at(y)
        return (context.z + top - context.height) / np.sqrt(1 + np.mean(np.diff(top) ** 2))

    return at


def _diapir(context: _Context) -> Shape:
    """A stock with a head that may overhang its stem."""
    rng = context.rng
    centre, lean = rng.uniform(0, 1) * context.width, rng.normal(0, 0.25)
    crest, head_height = rng.uniform(-0.2, 0.6) * context.height, rng.uniform(0.15, 0.5) * context.height
    head, stem = rng.uniform(0.0, 0.25) * context.width, rng.uniform(0.05, 0.2) * context.width
    foot = rng.uniform(0.0, 0.4)
    shift, grow = context.drift(0.12 * context.extent), context.drift(0.2)
    z = context.z
    below = np.maximum(z - crest, 0)
    u = below / head_height
    profile = head * np.exp(-((u - 0.6) ** 2) * 4) + stem + foot * np.maximum(below - head_height, 0)
    width = profile * np.sqrt(1 - np.exp(-3 * u))

    above = np.maximum(crest - z, 0)
    return lambda y: width * (1 + grow(y)) - np.hypot(context.x - centre - lean * (z - crest) - shift(y), above)


def _sheet(context: _Context) -> Shape:
    """A tongue or sheet between top and base, which may pinch out on one side."""
    rng = context.rng
    middle, thickness = rng.uniform(0.1, 0.9) * context.height, rng.uniform(0.08, 0.35) * context.height
    slope, tip = rng.normal(0, 0.3), rng.uniform(-0.2, 1.0)
    side = rng.choice([-1.0, 1.0])
    top, base = context.curve(), context.curve()
    rough_top, rough_base = rng.gamma(1.5, 0.1) * context.curve_scale, rng.gamma(1.5, 0.1) * context.curve_scale
    shift = context.drift(0.1 * context.height)
    u = side * (context.grid.x / context.width - 0.5) + 0.5
    reach = np.float32(rng.uniform(0.3, 1.0))
    wedge = np.sqrt(np.clip((u - tip) / reach, 0, 1.5)) + 4 * np.minimum(u - tip, 0)
    line = (middle + slope * (context.grid.x - context.width / 2)).astype(np.float32)

    def at(y: int) -> np.ndarray:
        half = wedge * thickness
        upper = line - half + rough_top * top.at(y) + shift(y)
        lower = line + half + rough_base * base.at(y) + shift(y)
        return np.minimum(context.z - upper, lower - context.z) / np.float32(np.hypot(1, slope))

    return at


def _canopy(context: _Context) -> Shape:
    """Bodies that merged over a minibasin."""
    parts = [_SHAPES[str(name)](context) for name in context.rng.choice(['sheet', 'diapir', 'dome'], size=2)]
    return lambda y: np.maximum(parts[0](y), parts[1](y))


def _basin(context: _Context) -> Shape:
    """Salt all around a sediment pocket that hangs from the top or rises from below."""
    rng = context.rng
    dome = _dome(context)
    if rng.uniform() < 0.5:
        return lambda y: -dome(y)[::-1]
    return lambda y: -dome(y)


def _raft(context: _Context) -> Shape:
    """A closed blob."""
    rng = context.rng
    centre_z, centre_x = rng.uniform(0.2, 0.8) * context.height, rng.uniform(0.2, 0.8) * context.width
    radius_z, radius_x = rng.uniform(0.12, 0.3) * context.height, rng.uniform(0.15, 0.45) * context.width
    tilt = rng.normal(0, 0.4)
    shift, grow = context.drift(0.15 * context.extent), context.drift(0.25)

    def at(y: int) -> np.ndarray:
        x = context.x - centre_x - shift(y)
        radius = np.sqrt(((context.z - centre_z - tilt * x) / radius_z) ** 2 + (x / radius_x) ** 2)
        return (1 + grow(y) - radius) * min(radius_z, radius_x)

    return at


_SHAPES: dict[str, Callable[[_Context], Shape]] = {
    'flank': _flank,
    'dome': _dome,
    'diapir': _diapir,
    'sheet': _sheet,
    'canopy': _canopy,
    'basin': _basin,
    'raft': _raft,
}
_FREQUENCY = dict(flank=0.38, dome=0.15, diapir=0.1, sheet=0.1, canopy=0.05, basin=0.19, raft=0.03)

# Salt coverage of the TGS training tiles that have any: share of those tiles between each two edges.
_COVERAGE_EDGES = np.array([0.0005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98, 1.0])
_COVERAGE_SHARE = np.array([0.07, 0.107, 0.066, 0.117, 0.086, 0.076, 0.099, 0.085, 0.072, 0.062, 0.063, 0.061, 0.036])


def draw_coverage(rng: np.random.Generator) -> float:
    """Draws the share of a section with salt that is salt, as TGS has it (mean 0.40)."""
    share = np.cumsum(_COVERAGE_SHARE) / _COVERAGE_SHARE.sum()
    return float(np.interp(rng.uniform(), np.concatenate([[0.0], share]), _COVERAGE_EDGES))


class SaltBody:
    """The salt of a scene.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        axis: Inline axis of the large forms.
        fine_axis: Inline axis of the rugosity.
        wavelength: Dominant wavelength in samples; rugosity scales with it.
        coverage: Share of the scene that is salt, in (0, 1].
    """

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        axis: InlineAxis,
        fine_axis: InlineAxis,
        *,
        wavelength: float,
        coverage: float,
    ) -> None:
        self._grid = grid
        context = _Context(rng, grid, axis, wavelength)
        self._shape = _SHAPES[str(rng.choice(list(_FREQUENCY), p=list(_FREQUENCY.values())))](context)
        scale = wavelength * (rng.uniform(0.15, 0.5) if rng.uniform() < 0.3 else rng.uniform(0.5, 1.5)) + 2
        self._rugosity = SmoothField(rng, fine_axis, grid.z, grid.x, (scale, scale))
        self._rugosity_height = np.float32(rng.gamma(0.8, 0.18) * scale)
        self._offset = np.float32(0)
        step = max(1, axis.count // 9)
        sample = [grid.crop(self.level(y))[::2, ::2].ravel() for y in range(step // 2, axis.count, step)]
        self._offset = -np.float32(np.quantile(np.concatenate(sample), 1 - coverage))

    def level(self, inline: int) -> np.ndarray:
        """Returns the level set on one inline, float32 (Z, X): positive in salt, in samples from the boundary."""
        level = self._shape(inline).astype(np.float32, copy=False)
        return level + self._rugosity.at(inline) * self._rugosity_height + self._offset
