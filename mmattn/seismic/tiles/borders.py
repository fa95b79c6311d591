"""How strongly two tiles' borders speak for the tiles being neighbours in one picture.

Each border is a strip of three pixel lines, turned into a cosine spectrum along the border, its mean dropped and its
energy scaled to 1, for tiles are scaled to the full grey range one by one. Seams inside the tiles, of which there are
plenty, give for each frequency the covariance of the strips on both sides; with its canonical correlations rho the
evidence for a seam between the canonical variates u and v is the Gaussian log-likelihood ratio (in nats)

    sum( -log(1 - rho^2) / 2  -  (rho^2 (u^2 + v^2) - 2 rho u v) / (2 (1 - rho^2)) ).

A border crossed by a single strong event has fewer independent samples than that counts, so the evidence is discounted
by the spread of the energy along both borders. Nothing is learned from known neighbours.
"""

from typing import NamedTuple

import numpy as np
from scipy.fft import dct

LINES = 3
"""Pixel lines of a border strip."""
MAX_CORRELATION = 0.8
"""Factor on the canonical correlations: real seams are a little less alike than those inside a tile."""
EVEN_SPREAD = 0.4
"""Spread of energy along a border (1: even; seismic traces: 0.25 to 0.45) from which on nothing is discounted."""
MIN_SIZE = 16
"""Smallest height and width of tiles in pixels."""


class Borders(NamedTuple):
    """Borders of N tiles along one axis; ``first @ second.T`` is the evidence (N, N) in nats.

    Entry (i, j) is for tile j lying right of tile i, or below it. ``valid`` (N,) is False where a border is constant.
    """

    first: np.ndarray
    second: np.ndarray
    valid: np.ndarray

    def evidence(self, first: int, second: int) -> float:
        """Evidence that tile ``second`` lies right of (below) tile ``first``; 0 where a border tells nothing."""
        if not (self.valid[first] and self.valid[second]):
            return 0.0
        return float(self.first[first] @ self.second[second])


def fit_borders(images: np.ndarray, *, axis: int) -> Borders:
    """Learns what seams look like from the tiles' insides and describes each tile's two borders.

    Args:
        images: (N, H, W) uint8.
        axis: 1 for neighbours side by side, 0 for one below the other.

    Raises:
        ValueError: The shape is not (N, H, W), the tiles are too small, or ``axis`` is neither 0 nor 1.
    """
    if images.ndim != 3 or min(images.shape[1:]) < MIN_SIZE:
        raise ValueError(f'images must have the shape (N, H, W) with H and W from {MIN_SIZE}, got {images.shape}')
    if axis not in (0, 1):
        raise ValueError(f'axis must be 0 or 1, got {axis!r}')
    if axis == 0:
        images = images.transpose(0, 2, 1)
    before, after, correlation = _seam_statistics(images)
    ends, starts = images[:, :, : -LINES - 1 : -1].astype(np.float32), images[:, :, :LINES].astype(np.float32)
    valid = (np.ptp(ends, axis=(1, 2)) > 0) & (np.ptp(starts, axis=(1, 2)) > 0)
    u = np.einsum('nfk,fkl->nfl', _spectrum(ends), before)
    v = np.einsum('nfk,fkl->nfl', _spectrum(starts), after)
    square = correlation**2 / (1 - correlation**2) / 2
    constant = -np.log(1 - correlation**2).sum() / 2
    one = np.ones((len(images), 1), dtype=np.float32)
    # One product gives it all: (weighted u, own terms, 1) times (v, 1, own terms).
    first = [_flat(u * correlation / (1 - correlation**2)), constant - _flat(u**2 * square).sum(1, keepdims=True), one]
    second = [_flat(v), one, -_flat(v**2 * square).sum(1, keepdims=True)]
    return Borders(
        (np.concatenate(first, axis=1) * _spread_weight(ends)).astype(np.float32),
        (np.concatenate(second, axis=1) * _spread_weight(starts)).astype(np.float32),
        valid,
    )


def _seam_statistics(images: np.ndarray, *, max_tiles: int = 2000, step: int = 7) -> tuple[np.ndarray, ...]:
    """Canonical correlation analysis of the strips on both sides of seams inside the tiles, per frequency.

    Returns:
        Maps (F, LINES, LINES) from spectra to canonical variates before and after the seam, and the correlations
        (F, LINES), scaled by :data:`MAX_CORRELATION`.
    """
    images = images[np.ptp(images, axis=(1, 2)) > 0]
    images = images[np.linspace(0, len(images) - 1, min(max_tiles, len(images))).astype(int)].astype(np.float32)
    width = images.shape[2]
    seams = range(LINES, width - LINES + 1, step)
    before = np.concatenate([_spectrum(images[:, :, c - LINES : c][:, :, ::-1]) for c in seams])
    after = np.concatenate([_spectrum(images[:, :, c : c + LINES]) for c in seams])
    telling = (before.any(axis=(1, 2))) & (after.any(axis=(1, 2)))
    before, after = before[telling], after[telling]
    white_before, white_after = _whitener(before), _whitener(after)
    cross = np.einsum('nfk,nfl->fkl', before, after) / max(len(before), 1)
    left, correlation, right = np.linalg.svd(white_before @ cross @ white_after)
    return white_before @ left, white_after @ right.transpose(0, 2, 1), np.minimum(correlation, 1) * MAX_CORRELATION


def _spectrum(strips: np.ndarray) -> np.ndarray:
    """Low frequencies of strips (N, L, LINES) along the border, without the mean, at unit energy: (N, F, LINES).

    Wavelengths below 5 pixels are left out; they are mostly noise.
    """
    spectrum = dct(strips, axis=1, norm='ortho')[:, 1:]
    energy = np.sqrt((spectrum**2).mean(axis=(1, 2), keepdims=True))
    # Half a grey level keeps rounding noise of nearly constant borders from being blown up.
    return (spectrum / (energy + 0.5))[:, : int(0.4 * strips.shape[1])]


def _whitener(samples: np.ndarray, *, floor: float = 1e-3) -> np.ndarray:
    """Inverse square root (F, LINES, LINES) of the covariance of samples (N, F, LINES)."""
    covariance = np.einsum('nfk,nfl->fkl', samples, samples) / max(len(samples), 1)
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0) + floor * values.max(axis=-1, keepdims=True) + 1e-12
    return np.einsum('fij,fj,fkj->fik', vectors, values**-0.5, vectors)


def _spread_weight(strips: np.ndarray) -> np.ndarray:
    """Discount (N, 1) for borders whose energy sits in few pixels, from the participation ratio along the border."""
    energy = ((strips - strips.mean(axis=(1, 2), keepdims=True)) ** 2).mean(axis=2) + 0.01
    spread = energy.mean(axis=1) ** 2 / (energy**2).mean(axis=1)
    return np.minimum(spread / EVEN_SPREAD, 1)[:, None] ** 0.25


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
