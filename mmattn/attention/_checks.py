"""Checks of options that several attention layers share."""

from collections.abc import Iterable


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


def check_positive(owner: str, option: str, value: float) -> float:
    """Returns ``value``, or raises ValueError if it is not above 0."""
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
