"""Options of a class: which ones it takes, and an error that helps where it is given another."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from mmattn.common.names import did_you_mean

T = TypeVar('T', bound=type)
_CHECKED = '_mmattn_checks_options'


def accepted_options(cls: type) -> list[str] | None:
    """Returns the names that a class takes as options, those handed on to its bases by ``**kwargs`` included.

    Returns:
        Names, the class's own first; None if a base takes anything and hands it on to nobody.
    """
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if '__init__' not in vars(base):
            continue
        if base is object:
            return list(names)
        parameters = list(inspect.signature(vars(base)['__init__']).parameters.values())[1:]
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        names |= {parameter.name: None for parameter in parameters if parameter.kind in named}
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            return list(names)
    return None


def check_options(owner: str, options: Mapping[str, object], allowed: Iterable[str]) -> None:
    """Raises TypeError for the first option that is not allowed, with its value, near names and those there are."""
    allowed = list(allowed)
    for name, value in options.items():
        if name not in allowed:
            raise TypeError(
                f'{owner} has no option {name!r} (got {value!r}){did_you_mean(name, allowed)}; '
                f'there are {", ".join(allowed) or "none"}'
            )


def with_checked_options(cls: T) -> T:
    """Makes a class name itself, the option, its value and near names where it is given an option that it lacks.

    Without it Python names the base class at which the option ended, far from what the user wrote.
    """
    initialise: Callable = vars(cls).get('__init__')
    allowed = accepted_options(cls)
    if initialise is None or allowed is None or getattr(initialise, _CHECKED, False):
        return cls

    @functools.wraps(initialise)
    def checked(self: object, *args: object, **options: object) -> None:
        if next(base for base in type(self).__mro__ if '__init__' in vars(base)) is cls:  # not a base of what was built
            check_options(type(self).__name__, options, allowed)
        initialise(self, *args, **options)

    setattr(checked, _CHECKED, True)
    cls.__init__ = checked
    return cls
