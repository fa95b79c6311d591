"""Layered sediments: a stratigraphic coordinate bent by folds and faults, and the impedance of each layer."""

from dataclasses import dataclass

import numpy as np

from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve, SmoothField, SmoothScalar
from mmattn.seismic.synthetic.grid import Grid

TABLE_RATE = 16  # impedance samples a wavelength


class LayerTable:
    """Impedance against the stratigraphic coordinate: blocky layers, gathered in bright and quiet packages.

    Args:
        rng: Source of randomness.
        wavelength: Dominant wavelength in samples; layers scale with it.
        extent: Stratigraphic range that must not repeat, in samples.
    """

    def __init__(self, rng: np.random.Generator, *, wavelength: float, extent: float) -> None:
        self._rate = np.float32(TABLE_RATE / wavelength)
        size = 1 << int(np.ceil(np.log2(TABLE_RATE * extent / wavelength)))
        mean_thickness = rng.uniform(0.15, 0.45) * TABLE_RATE
        thickness = rng.gamma(rng.uniform(1.0, 4.0), 1.0, size=int(2.5 * size / mean_thickness) + 8)
        thickness = np.maximum(1, np.rint(thickness * mean_thickness / thickness.mean())).astype(int)
        layer = rng.standard_normal(len(thickness)) * rng.gamma(4.0, 1.0, len(thickness))
        package = np.repeat(rng.standard_normal(len(layer) // 12 + 1), 12)[: len(layer)]
        layer *= np.exp(rng.uniform(0.1, 0.4) * package)
        values = np.repeat(layer, thickness)[:size].astype(np.float32)
        self._table = (values - values.mean()) / values.std()
        self._mask, self._shift = size - 1, np.float32(size)  # the shift keeps what is truncated positive

    def at(self, coordinate: np.ndarray) -> np.ndarray:
        """Looks up the impedance, unit variance; ``coordinate`` is in samples, any shape."""
        return self._table.take((coordinate * self._rate + self._shift).astype(np.int32) & self._mask)


@dataclass(frozen=True)
class Fault:
    """A planar fault that dies out upwards."""

    x: float
    z: float
    cotangent: float
    throw: float
    growth: float
    bend: SmoothScalar


class Strata:
    """The sediments of a scene: two sequences with an unconformity between them.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        axis: Inline axis of coarse structure.
        fine_axis: Inline axis of small-scale structure.
        wavelength: Dominant wavelength in samples.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        axis: InlineAxis,
        fine_axis: InlineAxis,
        *,
        wavelength: float,
    ) -> None:
        self._grid = grid
        height, width = grid.height, grid.width
        extent = 2.0 * (len(grid.z) + len(grid.x)) + 0.3 * axis.count + 8 * wavelength
        self._table = LayerTable(rng, wavelength=wavelength, extent=2 * extent)
        self._far = np.float32(extent)
        dip = np.clip(rng.normal(0, rng.choice([0.1, 0.4, 0.9], p=[0.25, 0.4, 0.35])), -1.3, 1.3)
        self._cosine, self._sine = np.float32(np.cos(dip)), np.float32(np.sin(dip))
        self._inline_dip = np.float32(rng.normal(0, 0.15))
        self._fan = np.float32(rng.normal(0, 0.3) / max(height, width))
        scale = rng.uniform(0.7, 3) * wavelength + 6
        self._fold = SmoothCurve(rng, axis, grid.x, scale)
        self._fold_height = np.float32(rng.gamma(1.5, 0.14) * scale)
        self._fold_growth = np.float32(rng.uniform(-0.6, 1.0) / height)
        wobble = wavelength * rng.uniform(0.3, 0.9)
        wobble_x = wobble * rng.uniform(0.4, 1.1)
        self._wobble = SmoothField(rng, fine_axis, grid.z, grid.x, (wobble, wobble_x))
        self._wobble_height = np.float32(min(wavelength * rng.gamma(1.5, 0.2), 0.6 * wobble_x))
        facies = wavelength * rng.uniform(0.6, 2.5) + 3
        self._facies = SmoothField(rng, axis, grid.z, grid.x, (facies, facies * rng.uniform(0.5, 1.5)))
        self._facies_weight = np.float32(rng.uniform(0.2, 1.3))
        self._faults = [self._draw_fault(rng, axis, wavelength) for _ in range(rng.poisson(0.9))]
        self._unconformity = None
        if rng.uniform() < 0.35:
            self._unconformity = SmoothCurve(rng, axis, grid.x, rng.uniform(2, 5) * wavelength + 10)
            self._unconformity_depth = np.float32(rng.uniform(-0.1, 0.7) * height)
            self._unconformity_height = np.float32(wavelength * rng.uniform(0.1, 1.2))
            self._unconformity_slope = np.float32(rng.normal(0, 0.15))
            self._drape = np.float32(rng.uniform(0, 1))
            self._upper_table = LayerTable(rng, wavelength=wavelength * rng.uniform(0.8, 1.3), extent=extent)
            self._upper_gain = np.float32(rng.uniform(0.3, 1.2))
        self._centre = np.float32(width * rng.uniform(0, 1))

    def _draw_fault(self, rng: np.random.Generator, axis: InlineAxis, wavelength: float) -> Fault:
        side = rng.choice([-1.0, 1.0])
        return Fault(
            x=rng.uniform(0, 1) * self._grid.width,
            z=rng.uniform(-0.3, 0.8) * self._grid.height,
            cotangent=side * rng.uniform(0.15, 0.9),
            throw=side * wavelength * rng.gamma(2.0, 0.45),
            growth=rng.uniform(0.5, 4) * wavelength,
            bend=SmoothScalar(rng, axis),
        )

    def multiples(self) -> np.ndarray:
        """Returns flat false layers, (Z, 1), as residual multiples draw them over salt."""
        return self._table.at(self._grid.z[:, None] * np.float32(0.7) + self._far)

    def coordinate(
        self, inline: int, *, uplift: np.ndarray | None, disorder: np.ndarray | None
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
        """Returns the stratigraphic coordinate on one inline: equal values are one layer, whatever bent it.

        Args:
            inline: Inline number.
            uplift: Extra stratigraphic depth in samples (drag along salt), (Z, X).
            disorder: Displacement in samples that breaks the layering (mass transport), (Z, X).

        Returns:
            The coordinate in samples, float32 (Z, X), and of the sequence above an unconformity, where there is one,
            its extent, bool (Z, X), and a coordinate of its own, (Z, X); else None.
        """
        z, x = self._grid.z[:, None], self._grid.x[None, :]
        lateral = x - self._centre
        fold = self._fold.at(inline) * self._fold_height + self._inline_dip * np.float32(inline)
        shape = z * (self._cosine + self._fan * lateral) + (lateral * self._sine + fold)
        shape = shape - (z * self._fold_growth) * fold + self._wobble.at(inline) * self._wobble_height
        for fault in self._faults:
            place = np.float32(fault.x) + fault.bend.at(inline) * np.float32(0.15 * self._grid.width)
            side = (x - place) - (z - fault.z) * np.float32(fault.cotangent) > 0
            throw = np.clip((z - fault.z) * np.float32(1 / fault.growth) + 0.5, 0, 1) * np.float32(fault.throw)
            shape += side * throw
        for extra in (uplift, disorder):
            if extra is not None:
                shape += extra
        if self._unconformity is None:
            return shape, None
        surface = self._unconformity.at(inline) * self._unconformity_height + self._unconformity_depth
        surface = surface + self._grid.x * self._unconformity_slope
        return shape, (z < surface, z - self._drape * surface + (0 if uplift is None else 0.5 * uplift))

    def impedance(self, inline: int, *, uplift: np.ndarray | None, disorder: np.ndarray | None) -> np.ndarray:
        """Returns the sediments' impedance on one inline, float32 (Z, X), about unit variance.

        Arguments are those of ``coordinate``.
        """
        shape, upper = self.coordinate(inline, uplift=uplift, disorder=disorder)
        values = self._table.at(shape)
        values = values + self._facies_weight * self._facies.at(inline) * self._table.at(shape + self._far)
        if upper is not None:
            extent, above = upper
            values = np.where(extent, self._upper_table.at(above) * self._upper_gain, values)
        return values
