"""What is in a section besides geology: smiles, dipping noise, multiples, random noise and gain."""

import numpy as np

from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve, SmoothField
from mmattn.seismic.synthetic.grid import Grid

_RATE = 16  # table samples a wavelength


def _band_limited_series(rng: np.random.Generator, size: int, sparsity: float) -> np.ndarray:
    """A unit-variance series of ``size`` entries with ``_RATE`` entries a wavelength; sparse for sparsity near one."""
    spikes = rng.standard_normal(size, dtype=np.float32) * (rng.uniform(size=size) >= sparsity)
    offsets = np.arange(-_RATE, _RATE + 1) / (_RATE * 0.45)
    squared = (offsets * 1.6) ** 2
    series = np.convolve(spikes, (1 - squared) * np.exp(-squared / 2), mode='same')
    return (series / (series.std() + 1e-6)).astype(np.float32)


class CoherentNoise:
    """Migration smiles (arcs about a point above) or dipping linear noise, in a part of the section.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        axis: Inline axis.
        wavelength: Dominant wavelength in samples.
        kind: ``'smile'`` or ``'linear'``.
    """

    def __init__(self, rng: np.random.Generator, grid: Grid, axis: InlineAxis, *, wavelength: float, kind: str) -> None:
        z, x = grid.z[:, None], grid.x[None, :]
        if kind == 'smile':
            centre_z, centre_x = -rng.uniform(0.1, 1.0) * grid.height, rng.uniform(-0.3, 1.3) * grid.width
            distance = np.hypot(z - np.float32(centre_z), x - np.float32(centre_x))
            sparsity = 0.92
        else:
            angle = rng.choice([-1, 1]) * rng.uniform(0.3, 1.2)
            distance = (z * np.float32(np.cos(angle)) + x * np.float32(np.sin(angle))) + 3 * (len(grid.z) + len(grid.x))
            sparsity = 0.0
        rate = _RATE / (wavelength * rng.uniform(0.7, 1.2))
        index = (distance * np.float32(rate)).astype(np.int32)
        size = int(index.max()) + 1
        scale = 0.2 * (grid.height + grid.width)
        self._pattern = _band_limited_series(rng, size, sparsity).take(index)
        self._window = SmoothField(rng, axis, grid.z, grid.x, (scale, scale))

    def at(self, inline: int) -> np.ndarray:
        """Returns the noise on one inline, float32 (Z, X)."""
        return self._pattern * np.maximum(self._window.at(inline), 0)


class Streaks:
    """Noise of migration along steep paths that lean and fan out: long in depth, short across, unit variance.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        axis: Inline axis.
        wavelength: Dominant wavelength in samples.
    """

    def __init__(self, rng: np.random.Generator, grid: Grid, axis: InlineAxis, *, wavelength: float) -> None:
        z, x = grid.z[:, None], grid.x[None, :]
        lean, fan = rng.normal(0, 0.25), rng.normal(0, 0.25) / grid.width
        middle = np.float32(rng.uniform(-0.5, 1.5) * grid.height), np.float32(rng.uniform(0, 1) * grid.width)
        place = x + (z - middle[0]) * (np.float32(lean) + np.float32(fan) * (x - middle[1]))
        place -= place.min()
        columns = place.astype(np.int32)
        across = np.arange(int(columns.max()) + 1, dtype=np.float32)
        scale = max(1.2, wavelength * rng.uniform(0.1, 0.3))
        self._field = SmoothField(rng, axis, grid.z, across, (scale * rng.uniform(1.5, 8), scale))
        self._index = columns + (np.arange(len(grid.z)) * len(across))[:, None]

    def at(self, inline: int) -> np.ndarray:
        """Returns the noise on one inline, float32 (Z, X)."""
        return self._field.at(inline).ravel().take(self._index)


class Gain:
    """Amplitude decay with depth and smooth lateral and local variation, all positive."""

    def __init__(self, rng: np.random.Generator, grid: Grid, axis: InlineAxis) -> None:
        scale = rng.uniform(0.2, 0.6) * min(grid.height, grid.width) + 6
        self._local = SmoothField(rng, axis, grid.z, grid.x, (scale, scale))
        self._traces = SmoothCurve(rng, axis, grid.x, scale)
        self._strength = np.float32(rng.gamma(1.5, 0.08)), np.float32(rng.gamma(1.2, 0.06))
        self._decay = grid.z[:, None] * np.float32(rng.normal(0.3, 0.35) / grid.height)

    def at(self, inline: int) -> np.ndarray:
        """Returns the gain on one inline, float32 (Z, X)."""
        local, traces = self._strength
        return np.exp(local * self._local.at(inline) + (traces * self._traces.at(inline) - self._decay))
