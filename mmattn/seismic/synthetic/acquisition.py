"""What the survey and whoever cut tiles out of it add to a section: water, footprint, clipping, each tile's stretch.

What cannot be known of a survey is drawn at random. The shares were chosen by looking at TGS tiles and at their
statistics (docs/synthetic.md).
"""

import numpy as np

from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve
from mmattn.seismic.synthetic.grid import Grid
from mmattn.seismic.synthetic.imaging import ricker_wavelet

_WATER, _STRIPES, _CLIPPED, _STRETCHED, _CONSTANT = 0.04, 0.25, 0.1, 0.8, 0.02  # shares of the sections


def apply_acquisition(
    rng: np.random.Generator, grid: Grid, amplitude: np.ndarray, mask: np.ndarray, *, wavelength: float, noise: float
) -> None:
    """Changes a section, and its mask under water, in place.

    Args:
        rng: Source of randomness.
        grid: Sample grid of the section.
        amplitude: About zero, float32 (H, W).
        mask: Salt 1, uint8 (H, W).
        wavelength: Dominant wavelength in samples.
        noise: Factor on the footprint.
    """
    if rng.uniform() < _CONSTANT and not mask.any():
        amplitude[:] = 0
        return
    if rng.uniform() < _WATER:
        _add_water(rng, grid, amplitude, mask, wavelength)
    if rng.uniform() < _STRIPES:
        _add_footprint(rng, amplitude, np.float32(noise))
    if rng.uniform() < _CLIPPED:
        limit = np.float32(rng.uniform(1.5, 4)) * amplitude.std()
        np.clip(amplitude, -limit, limit, out=amplitude)


def stretch(rng: np.random.Generator, amplitude: np.ndarray) -> np.ndarray:
    """Scales a section to about -1 to 1: mostly from its least to its largest value, as tiles often are.

    Zero amplitude then lies wherever it falls; in the other sections it stays zero.
    """
    low, high = float(amplitude.min()), float(amplitude.max())
    if high - low < 1e-6:
        return np.full_like(amplitude, rng.uniform(-1, 1))
    if rng.uniform() < _STRETCHED:
        return (amplitude - np.float32((low + high) / 2)) * np.float32(2 * rng.uniform(0.75, 1.02) / (high - low))
    return amplitude * np.float32(1 / (max(-low, high) * rng.uniform(0.7, 1.05)))


def _add_water(
    rng: np.random.Generator, grid: Grid, amplitude: np.ndarray, mask: np.ndarray, wavelength: float
) -> None:
    """A quiet layer above a bright, smooth bottom."""
    curve = SmoothCurve(rng, InlineAxis(), grid.x[grid.margin : grid.margin + grid.width], 30 + 2 * wavelength)
    bottom = rng.uniform(0.05, 0.6) * grid.height + rng.gamma(1.5, 0.3) * wavelength * curve.at(0)
    below = np.arange(grid.height, dtype=np.float32)[:, None] - bottom.astype(np.float32)
    if mask.any() and not mask[below >= 0].any():
        return  # all of its salt would be drowned
    amplitude *= np.where(below < 0, np.float32(rng.uniform(0, 0.1)), 1)
    amplitude += np.float32(rng.uniform(1, 4)) * ricker_wavelet(below, wavelength=wavelength)
    mask[below < 0] = 0


def _add_footprint(rng: np.random.Generator, amplitude: np.ndarray, noise: np.float32) -> None:
    """Traces that differ in gain and in zero, with a period or without."""
    width = amplitude.shape[1]
    pattern = rng.standard_normal((2, width), dtype=np.float32)
    if rng.uniform() < 0.5:
        pattern = pattern[:, np.arange(width) % int(rng.integers(2, 12))]
    gain, zero = noise * rng.uniform(0, 0.15), noise * rng.uniform(0, 0.15) * amplitude.std()
    amplitude *= np.maximum(1 + np.float32(gain) * pattern[0], 0.2)
    amplitude += np.float32(zero) * pattern[1]
