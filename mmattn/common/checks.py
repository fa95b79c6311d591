"""Checks of options: each returns the value, or raises an error that names the option, the value and what is allowed.

Whole numbers are anything that stands for one (``operator.index``), NumPy's integers among them; True and False are
none. Numbers are real and finite unless a check says otherwise.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from numbers import Real


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


def check_number(name: str, value: float, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Returns a finite number between bounds, which are allowed too; TypeError or ValueError otherwise."""
    _check_real(name, value)
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f'from {low:g} to {high:g}' if high < math.inf else f'at least {low:g}'
        raise ValueError(f'{name} must be {bounds if low > -math.inf else "finite"}, got {value}')
    return float(value)


def check_shape(name: str, value: tuple[int, ...], *, smallest: tuple[int, ...]) -> tuple[int, ...]:
    """Returns a shape with at least ``smallest`` in each axis; TypeError or ValueError otherwise."""
    if not isinstance(value, tuple | list) or len(value) != len(smallest):
        raise ValueError(f'{name} must be {len(smallest)} integers, got {value!r}')
    shape = tuple(check_whole(name, length) for length in value)
    if any(length < least for length, least in zip(shape, smallest)):
        raise ValueError(f'{name} must be at least {smallest}, got {shape}')
    return shape


def check_positive_int(owner: str, option: str, value: int, minimum: int = 1) -> int:
    """Returns ``value``, or raises if it is not an integer of at least ``minimum``.

    Args:
        owner: class whose option it is, named in the message.
        option: the option's name.
        value: what was given.
        minimum: the smallest value allowed.

    Raises:
        TypeError: if ``value`` is not an integer.
        ValueError: if ``value`` is below ``minimum``.
    """
    return check_whole(f'{owner}: {option}', value, least=minimum)


def check_positive_ints(
    owner: str, option: str, values: Sequence[int], count: int | None = None, *, minimum: int = 1
) -> tuple[int, ...]:
    """Returns ``values`` as a tuple, or raises unless they are ``count`` integers (one at least for None).

    Raises:
        TypeError: if one of them is not an integer.
        ValueError: if they are no sequence of so many, or one of them is below ``minimum``.
    """
    wanted = 'one number at least' if count is None else f'{count} numbers'
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValueError(f'{owner}: {option} must have {wanted}, got {values!r}')
    if not values or len(values) != (count or len(values)):
        raise ValueError(f'{owner}: {option} must have {wanted}, got {tuple(values)}')
    return tuple(check_positive_int(owner, option, value, minimum) for value in values)


def check_rate(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises unless it is a probability below 1."""
    _check_real(f'{owner}: {option}', value)
    if not 0 <= value < 1:
        raise ValueError(f'{owner}: {option} must be at least 0 and below 1, got {value!r}')
    return value


def check_positive(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises if it is no finite number above 0."""
    _check_real(f'{owner}: {option}', value)
    if not 0 < value < math.inf:
        raise ValueError(f'{owner}: {option} must be above 0, got {value!r}')
    return value


def check_not_negative(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises if it is no finite number of at least 0."""
    _check_real(f'{owner}: {option}', value)
    if not 0 <= value < math.inf:
        raise ValueError(f'{owner}: {option} must be a finite number of at least 0, got {value!r}')
    return value


def check_choice(owner: str, option: str, value: str, allowed: Iterable[str]) -> str:
    """Returns ``value``, or raises ValueError if it is not among ``allowed``."""
    if value not in (allowed := tuple(allowed)):
        raise ValueError(f'{owner}: {option} must be one of {", ".join(map(repr, allowed))}, got {value!r}')
    return value


def check_flag(owner: str, option: str, value: bool) -> bool:
    """Returns ``value``, or raises TypeError unless it is True or False: text such as 'no' would count as True."""
    if not isinstance(value, bool):
        raise TypeError(f'{owner}: {option} must be True or False, got {value!r}')
    return value


def _check_real(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f'{name} must be a number, got {value!r}')
