"""From impedance to a migrated image: a point-spread function in the wavenumber domain.

A migrated image is the reflectivity filtered by the survey's point-spread function, whose spectrum is the wavelet's
along the wavenumber's length and the illumination along its direction (Lecomte, "Resolution and illumination analyses
in PSDM: A ray-based approach", The Leading Edge 27(5), 2008). It gives band-limited boundaries of any dip, dim steep
flanks and lateral smoothing for the price of one transform and its inverse.
"""

import numpy as np
from scipy import fft

from mmattn.seismic.synthetic.grid import Grid


def ricker_spectrum(wavenumber: np.ndarray, *, peak: float) -> np.ndarray:
    """Amplitude spectrum of the Ricker wavelet, one at its peak (Ricker, Geophysics 18(1), 1953)."""
    ratio = (wavenumber / np.float32(peak)) ** 2
    return ratio * np.exp(1 - ratio)


def ricker_wavelet(offset: np.ndarray, *, wavelength: float) -> np.ndarray:
    """The Ricker wavelet at an offset in samples from its peak, which is one; its spectrum peaks at the wavelength."""
    squared = (np.float32(np.pi / wavelength) * offset) ** 2
    return (1 - 2 * squared) * np.exp(-squared)


def ormsby_spectrum(wavenumber: np.ndarray, *, corners: tuple[float, float, float, float]) -> np.ndarray:
    """Trapezoid amplitude spectrum between four ascending corner wavenumbers, one on its plateau."""
    low_cut, low_pass, high_pass, high_cut = corners
    rise = (wavenumber - low_cut) / (low_pass - low_cut)
    fall = (high_cut - wavenumber) / (high_cut - high_pass)
    return np.clip(np.minimum(rise, fall), 0, 1)


class PointSpread:
    """A random band-limited, dip-limited imaging operator.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        wavelength: Dominant wavelength in samples.
    """

    def __init__(self, rng: np.random.Generator, grid: Grid, *, wavelength: float) -> None:
        kz, kx = grid.wavenumbers
        stretch = np.float32(np.exp(rng.normal(-1.05, 0.4)))
        radius = np.sqrt(kz * kz + (kx * stretch) ** 2)
        peak = 1 / wavelength
        if rng.uniform() < 0.6:
            band = ricker_spectrum(radius, peak=peak)
        else:
            low, high = rng.uniform(0.15, 0.5), rng.uniform(1.2, 2.2)
            band = ormsby_spectrum(
                radius, corners=(low * 0.4 * peak, low * peak, high * peak, high * rng.uniform(1.2, 2) * peak)
            )
        tilt = rng.normal(0, 0.35)
        along = kz * np.float32(np.cos(tilt)) + kx * np.float32(np.sin(tilt))
        aperture = np.float32(np.tan(rng.uniform(0.7, 1.5)))
        ratio = (kx * kx) / (aperture * aperture * (kz * kz) + np.float32(1e-6))
        phase = rng.choice([0.0, rng.normal(0.0, 0.5)])
        derivative = along * (1j * np.cos(phase) - np.sin(phase) * np.sign(along)).astype(np.complex64)
        spectrum = derivative * (band * np.exp(-ratio * ratio))
        # Layers of unit variance, about one-sided in wavenumber below the peak, come out with about unit variance.
        layers = 1 / (kz[:, 0] ** 2 + np.float32((0.5 * peak) ** 2))
        energy = (np.abs(spectrum[:, 0]) ** 2 * layers).sum() / layers.sum()
        leak = np.float32(rng.normal(0, 0.015)) * np.exp(-((radius / np.float32(0.4 * peak)) ** 2))
        self._spectrum = spectrum / np.sqrt(energy) + leak
        self._spectrum[0, 0] = 0

    def __call__(self, impedance: np.ndarray) -> np.ndarray:
        """Images an impedance section, both float32 (Z, X)."""
        return fft.irfft2(fft.rfft2(impedance) * self._spectrum, s=impedance.shape)
