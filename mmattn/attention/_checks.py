"""Checks of options that several attention layers share."""

from collections.abc import Iterable, Sequence
from numbers import Real


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


def check_positive_ints(owner: str, option: str, values: Sequence[int], count: int | None = None) -> tuple[int, ...]:
    """Returns ``values`` as a tuple, or raises unless they are ``count`` integers (one at least for None) above 0.

    Raises:
        TypeError: if one of them is not an integer.
        ValueError: if they are no sequence of so many, or one of them is below 1.
    """
    wanted = 'one number at least' if count is None else f'{count} numbers'
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValueError(f'{owner}: {option} must have {wanted}, got {values!r}')
    if not values or len(values) != (count or len(values)):
        raise ValueError(f'{owner}: {option} must have {wanted}, got {tuple(values)}')
    return tuple(check_positive_int(owner, option, value) for value in values)


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


def check_choice(owner: str, option: str, value: str, allowed: Iterable[str]) -> str:
    """Returns ``value``, or raises ValueError if it is not among ``allowed``."""
    if value not in (allowed := tuple(allowed)):
        raise ValueError(f'{owner}: {option} must be one of {", ".join(map(repr, allowed))}, got {value!r}')
    return value


def check_feature_map(owner: str, x, channels: int) -> None:
    """Raises unless ``x`` is a (B, C, H, W) map of ``channels`` channels."""
    if x.dim() != 4 or x.shape[1] != channels:
        raise ValueError(f'{owner}: expected a (B, {channels}, H, W) input, got shape {tuple(x.shape)}')
