"""Smooth random functions: the raw material of layers, salt surfaces and gain maps.

A field is a grid of white Gaussian coefficients spread by Gaussian bumps along each axis, so that it costs two small
matrix products. Coefficients have a third, inline, axis: in a volume they change smoothly from inline to inline; a
single section is a volume of one inline.
"""

import numpy as np

_BLOCK = 2**18  # multiplications that BLAS libraries leave to one thread


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


def multiply(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Matrix product in blocks that run on one thread, since the last digit would depend on how many there are."""
    inner = left.shape[1]
    width = max(1, min(right.shape[1], _BLOCK // (8 * inner)))
    height = max(1, _BLOCK // (inner * width))
    if height >= len(left) and width == right.shape[1]:
        return left @ right
    product = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    for row in range(0, len(left), height):
        for column in range(0, right.shape[1], width):
            part = left[row : row + height] @ right[:, column : column + width]
            product[row : row + height, column : column + width] = part
    return product


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
        if self.count == 1:
            return coefficients[0]
        weights = self.basis[inline]
        near = np.flatnonzero(weights > 1e-6)
        return sum(weights[bump] * coefficients[bump] for bump in near)


class SmoothCurve:
    """A smooth random function of the crossline position, unit variance, shape (X,) at each inline."""

    def __init__(self, rng: np.random.Generator, axis: InlineAxis, x: np.ndarray, scale: float) -> None:
        self._axis = axis
        self._basis = gaussian_basis(x, scale)
        self._coefficients = axis.draw(rng, (self._basis.shape[1],))

    def at(self, inline: int) -> np.ndarray:
        """Returns the curve on one inline, shape (X,)."""
        return (self._basis * self._axis.at(self._coefficients, inline)).sum(axis=1)


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
        columns = multiply(self._basis_z, self._axis.at(self._coefficients, inline))
        return multiply(columns, self._basis_x.T)


class SmoothScalar:
    """A random number of unit variance that changes smoothly along the inlines."""

    def __init__(self, rng: np.random.Generator, axis: InlineAxis) -> None:
        self._axis = axis
        self._coefficients = axis.draw(rng, ())

    def at(self, inline: int) -> np.float32:
        """Returns the number on one inline."""
        return np.float32(self._axis.at(self._coefficients, inline))
