"""The sample grid of a section: the tile itself and a margin that the wavelet filter wraps into."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil

import numpy as np
from scipy import fft

SMALLEST_MARGIN = 13  # samples


@dataclass(frozen=True)
class Grid:
    """Depth and crossline positions of a padded section, in samples; the tile starts at (0, 0).

    Args:
        height: Samples of the tile.
        width: Traces of the tile.
        margin: Samples on each side, at least; the geology goes on there.
    """

    height: int
    width: int
    margin: int

    @cached_property
    def z(self) -> np.ndarray:
        """Depths, float32 (Z,), from ``-margin``."""
        return self._positions(self.height)

    @cached_property
    def x(self) -> np.ndarray:
        """Crossline positions, float32 (X,), from ``-margin``."""
        return self._positions(self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (Z, X) of the padded section."""
        return len(self.z), len(self.x)

    @cached_property
    def wavenumbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Wavenumbers (kz, kx) of the half spectrum in cycles a sample, float32 (Z, 1) and (1, X // 2 + 1)."""
        kz = fft.fftfreq(len(self.z)).astype(np.float32)
        kx = fft.rfftfreq(len(self.x)).astype(np.float32)
        return kz[:, None], kx[None, :]

    def crop(self, padded: np.ndarray) -> np.ndarray:
        """Cuts the tile (H, W) out of a padded section (Z, X)."""
        return padded[self.margin : self.margin + self.height, self.margin : self.margin + self.width]

    def _positions(self, length: int) -> np.ndarray:
        padded = fft.next_fast_len(length + 2 * self.margin, real=True)
        return np.arange(-self.margin, padded - self.margin, dtype=np.float32)


def get_grid(height: int, width: int, wavelength: float) -> Grid:
    """Returns the grid of a tile with a margin of a wavelength, so that what wraps around does not reach the tile."""
    return _shared_grid(height, width, max(SMALLEST_MARGIN, ceil(wavelength)))


@lru_cache(maxsize=64)
def _shared_grid(height: int, width: int, margin: int) -> Grid:
    return Grid(height, width, margin)
