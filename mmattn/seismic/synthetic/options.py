"""Checks of options: each returns the value or raises an error that names the option, the value and what is allowed."""

import math
import operator

import numpy as np

SHORTEST_WAVELENGTH = 4.0  # samples; below it the wavelet aliases
SMALLEST_SIZE = 16  # samples and traces


def check_whole(name: str, value: int, *, least: int = 0) -> int:
    """Returns an integer of at least ``least``; TypeError or ValueError otherwise."""
    try:
        if isinstance(value, bool):
            raise TypeError
        whole = operator.index(value)
    except TypeError:
        raise TypeError(f'{name} must be an integer, got {value!r}') from None
    if whole < least:
        raise ValueError(f'{name} must be at least {least}, got {whole}')
    return whole


def check_shape(name: str, value: tuple[int, ...], *, smallest: tuple[int, ...]) -> tuple[int, ...]:
    """Returns a shape with at least ``smallest`` in each axis; TypeError or ValueError otherwise."""
    if not isinstance(value, tuple | list) or len(value) != len(smallest):
        raise ValueError(f'{name} must be {len(smallest)} integers, got {value!r}')
    shape = tuple(check_whole(name, length) for length in value)
    if any(length < least for length, least in zip(shape, smallest)):
        raise ValueError(f'{name} must be at least {smallest}, got {shape}')
    return shape


def check_number(name: str, value: float, *, low: float, high: float) -> float:
    """Returns a number between bounds; TypeError or ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f'{name} must be a number, got {value!r}')
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f'{name} must be from {low:g} to {high:g}, got {value}')
    return float(value)


def check_wavelengths(value: tuple[float, float]) -> tuple[float, float]:
    """Returns the shortest and longest wavelength in samples; TypeError or ValueError otherwise."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f'wavelength must be two numbers, the shortest first, got {value!r}')
    low, high = (check_number('wavelength', length, low=SHORTEST_WAVELENGTH, high=200.0) for length in value)
    if low > high:
        raise ValueError(f'wavelength must be two numbers, the shortest first, got {value!r}')
    return low, high
