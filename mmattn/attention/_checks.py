"""Checks of options that several attention layers share."""

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Real

from torch import Tensor


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
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'{owner}: {option} must be an integer, got {value!r}')
    if value < minimum:
        raise ValueError(f'{owner}: {option} must be at least {minimum}, got {value}')
    return value


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
    if not isinstance(value, Real):
        raise TypeError(f'{owner}: {option} must be a number, got {value!r}')
    if not 0 <= value < 1:
        raise ValueError(f'{owner}: {option} must be at least 0 and below 1, got {value!r}')
    return value


def check_positive(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises if it is no number above 0."""
    if not isinstance(value, Real):
        raise TypeError(f'{owner}: {option} must be a number, got {value!r}')
    if not value > 0:
        raise ValueError(f'{owner}: {option} must be above 0, got {value!r}')
    return value


def check_not_negative(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises if it is no finite number of at least 0."""
    if not isinstance(value, Real):
        raise TypeError(f'{owner}: {option} must be a number, got {value!r}')
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


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Returns what ends an error message on an unknown name: the known names most like it, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=2)
    return f'; did you mean {" or ".join(repr(by_lower[candidate]) for candidate in near)}?' if near else ''


def check_feature_map(owner: str, x: Tensor, channels: int) -> None:
    """Raises ValueError unless ``x`` is a (B, C, H, W) map of ``channels`` channels."""
    if x.dim() != 4 or x.shape[1] != channels:
        raise ValueError(f'{owner}: expected a (B, {channels}, H, W) input, got shape {tuple(x.shape)}')


def check_same_batch(owner: str, x: Tensor, what: str, other: Tensor) -> None:
    """Raises ValueError unless two inputs have as many images; one image would serve for all of the other's."""
    if x.shape[0] != other.shape[0]:
        raise ValueError(f'{owner}: expected a {what} of {x.shape[0]} images, as the input has, got {other.shape[0]}')
