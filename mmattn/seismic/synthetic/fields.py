"""Smooth random functions: the raw material of layers, salt surfaces and gain maps.

A field is a grid of white Gaussian coefficients spread by Gaussian bumps along each axis, so that it costs two small matrix
products. Coefficients have a third, inline, axis: in a volume they change smoothly from inline to inline, in a single section
there is one inline only.
"""

import numpy as np


def gaussian_basis(positions: np.ndarray, scale: float) -> np.ndarray:
    """Returns the (N, M) matrix that spreads M white coefficients into a unit-variance smooth function at N positions.

    Args:
        positions: Ascending sample positions, shape (N,).
        scale: Correlation length in samples; the bumps have this spacing and 0.8 times this standard deviation.
    """
    first, last = np.floor(positions[0] / scale) - 2, np.ceil(positions[-1] / scale) + 2
    centres = np.arange(first, last + 1, dtype=np.float32)
    offset = (positions[:, None].astype(np.float32) / np.float32(scale) - centres) / np.float32(0.8)
    basis = np.exp(np.float32(-0.5) * offset * offset)
    return basis / np.sqrt((basis * basis).sum(axis=1, keepdims=True))


class InlineAxis:
    """The axis across sections.

    Args:
        count: Number of inlines; 1 for a single section.
        scale: Correlation length of everything random along this axis, in inlines.
    """

    def __init__(self, count: int = 1, scale: float = 40.0) -> None:
        self.count = count
        self.basis = np.ones((1, 1), np.float32) if count == 1 else gaussian_basis(np.arange(count), scale)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Draws white coefficients of shape (M, *shape), M being the number of bumps along the inlines."""
        return rng.standard_normal((self.basis.shape[1], *shape), dtype=np.float32)

    def at(self, coefficients: np.ndarray, inline: int) -> np.ndarray:
        """Interpolates coefficients (M, *shape) to one inline, shape (*shape); unit variance is kept."""
        return coefficients[0] if self.count == 1 else np.tensordot(self.basis[inline], coefficients, axes=1)


class SmoothCurve:
    """A smooth random function of the crossline position, unit variance, shape (X,) at each inline."""

    def __init__(self, rng: np.random.Generator, axis: InlineAxis, x: np.ndarray, scale: float) -> None:
        self._axis = axis
        self._basis = gaussian_basis(x, scale)
        self._coefficients = axis.draw(rng, (self._basis.shape[1],))

    def at(self, inline: int) -> np.ndarray:
        """Returns the curve on one inline, shape (X,)."""
        return self._basis @ self._axis.at(self._coefficients, inline)


class SmoothField:
    """A smooth random function of depth and crossline position, unit variance, shape (Z, X) at each inline."""

    def __init__(
        self,
        rng: np.random.Generator,
        axis: InlineAxis,
        z: np.ndarray,
        x: np.ndarray,
        scale: tuple[float, float],
    ) -> None:
        self._axis = axis
        self._basis_z = gaussian_basis(z, scale[0])
        self._basis_x = gaussian_basis(x, scale[1])
        self._coefficients = axis.draw(rng, (self._basis_z.shape[1], self._basis_x.shape[1]))

    def at(self, inline: int) -> np.ndarray:
        """Returns the field on one inline, shape (Z, X)."""
        return self._basis_z @ self._axis.at(self._coefficients, inline) @ self._basis_x.T
