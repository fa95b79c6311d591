"""Windows over an axis, and the weights with which their predictions are blended.

A section is covered by a grid of windows: the windows of one axis times those of the other. The weights of an axis are
whole multiples of 1/4096 that sum to one at every sample, so their products over two axes are float32 numbers without
rounding that sum to exactly one at every pixel.
"""

import math
from dataclasses import dataclass

import numpy as np

_UNITS = 4096  # 12 bits an axis: a product of two weights fits float32's 24-bit mantissa


@dataclass(frozen=True)
class AxisTiles:
    """The windows of one axis.

    Args:
        size: samples of the axis.
        length: samples of a window, at most ``size``.
        starts: first sample of each window, rising from 0 to ``size - length``.
        weights: (len(starts), length) float32, the blending weight of each sample of each window; those that meet at
            a sample of the axis sum to one.
    """

    size: int
    length: int
    starts: tuple[int, ...]
    weights: np.ndarray


def tile_axis(size: int, window: int, stride: int, *, multiple: int = 1) -> AxisTiles:
    """Covers an axis with windows of equal length, evenly spread.

    There are as many windows as sliding by ``stride`` needs. They are shortened to the smallest multiple of
    ``multiple`` with which neighbours still overlap by at least ``window - stride`` samples.

    Args:
        size: samples of the axis, at least 1.
        window: longest window; an axis that is shorter is covered by one window of its own size.
        stride: largest step from one window to the next, 1 to ``window``.
        multiple: what the network pads to.

    Raises:
        ValueError: an argument out of its range.
    """
    if size < 1 or window < 1 or multiple < 1:
        raise ValueError(f'size, window and multiple must be at least 1, got {size}, {window} and {multiple}')
    if not 1 <= stride <= window:
        raise ValueError(f'stride must lie in 1 to the window {window}, got {stride}')
    count = max(math.ceil((size - window) / stride), 0) + 1
    length = min(window, size)
    if count > 1:
        shortest = math.ceil((size + (count - 1) * (window - stride)) / count)
        length = min(length, math.ceil(shortest / multiple) * multiple)
    last = size - length
    starts = tuple(round(number * last / max(count - 1, 1)) for number in range(count))
    return AxisTiles(size, length, starts, _blending_weights(size, length, starts))


def _blending_weights(size: int, length: int, starts: tuple[int, ...]) -> np.ndarray:
    """Raised-cosine windows divided by their sum, rounded to whole units that still sum to one."""
    bump = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    positions = np.asarray(starts)[:, None] + np.arange(length)
    total = np.bincount(positions.ravel(), np.tile(bump, len(starts)))
    units = np.floor(bump / total[positions] * _UNITS).astype(np.int64)
    assigned = np.bincount(positions.ravel(), units.ravel()).astype(np.int64)
    heaviest, owner = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for number in range(len(starts)):  # what rounding left over goes to the window that weighs most
        here = positions[number]
        heavier = units[number] > heaviest[here]
        owner[here[heavier]] = number
        heaviest[here] = np.maximum(heaviest[here], units[number])
    samples = np.arange(size)
    units[owner, samples - np.asarray(starts)[owner]] += _UNITS - assigned
    return (units / _UNITS).astype(np.float32)
