"""The sample grid of a section: the tile itself and a margin that the wavelet filter wraps into."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import fft

MARGIN = 13  # samples on each side at least


@dataclass(frozen=True)
class Grid:
    """Depth and crossline positions of a padded section, in samples; the tile starts at (0, 0).

    Args:
        height: Samples of the tile.
        width: Traces of the tile.
    """

    height: int
    width: int

    @cached_property
    def z(self) -> np.ndarray:
        """Depths, float32 (Z,), from ``-MARGIN``."""
        return np.arange(-MARGIN, fft.next_fast_len(self.height + 2 * MARGIN) - MARGIN, dtype=np.float32)

    @cached_property
    def x(self) -> np.ndarray:
        """Crossline positions, float32 (X,), from ``-MARGIN``."""
        return np.arange(-MARGIN, fft.next_fast_len(self.width + 2 * MARGIN) - MARGIN, dtype=np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (Z, X) of the padded section."""
        return len(self.z), len(self.x)

    @cached_property
    def taper(self) -> np.ndarray:
        """Cosine taper, one over the tile and zero at the padded border, float32 (Z, X)."""

        def one_axis(positions: np.ndarray, size: int) -> np.ndarray:
            outside = np.maximum(-positions / MARGIN, (positions - (size - 1)) / (positions[-1] - (size - 1)))
            return (0.5 + 0.5 * np.cos(np.pi * np.clip(outside, 0, 1))).astype(np.float32)

        return one_axis(self.z, self.height)[:, None] * one_axis(self.x, self.width)

    @cached_property
    def wavenumbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Wavenumbers (kz, kx) of the half spectrum in cycles a sample, float32 (Z, 1) and (1, X // 2 + 1)."""
        kz = fft.fftfreq(len(self.z)).astype(np.float32)
        kx = fft.rfftfreq(len(self.x)).astype(np.float32)
        return kz[:, None], kx[None, :]

    def crop(self, padded: np.ndarray) -> np.ndarray:
        """Cuts the tile (H, W) out of a padded section (Z, X)."""
        return padded[MARGIN : MARGIN + self.height, MARGIN : MARGIN + self.width]


@lru_cache(maxsize=16)
def get_grid(height: int, width: int) -> Grid:
    """Returns the grid of a tile; grids are shared, since they hold constants only."""
    return Grid(height, width)
