"""Checks of options: each returns the value or raises an error that names the option, the value and what is allowed."""

import math
import operator

import numpy as np


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


def check_number(name: str, value: float, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Returns a finite number between bounds, which are allowed too; TypeError or ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f'{name} must be a number, got {value!r}')
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f'from {low:g} to {high:g}' if high < math.inf else f'at least {low:g}'
        raise ValueError(f'{name} must be {bounds if low > -math.inf else "finite"}, got {value}')
    return float(value)
