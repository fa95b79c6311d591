"""Values in a config that nothing checks, and that make a training another one without a word."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from mmengine.config import Config

from mmattn.common.checks import check_number, check_whole
from mmattn.common.errors import InputError

_MAY_BE_NAN = ('null_value', 'salt_value', 'ignore_value', 'fill_value')  # values of somebody's data
_LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def check_values(config: Config, path: str) -> None:
    """Checks numbers of an experiment by their names: counts, rates, weights of losses, scales.

    Args:
        config: the experiment.
        path: its file, named in the message.

    Raises:
        InputError: for a value of the wrong kind or out of its range; names its place.
    """
    for place, value in _walk(config._cfg_dict, ''):
        name = place.split('.')[-1]
        if isinstance(value, float) and math.isnan(value) and name not in _MAY_BE_NAN:
            raise InputError(f'config {path!r}: {place} is not a number')
        check = _in_parts(place).get(name) or _CHECKS.get(name)
        if check is not None and not isinstance(value, Mapping):
            try:
                check(place, value)
            except (TypeError, ValueError) as error:
                raise InputError(f'config {path!r}: {error}') from None


def _walk(node: object, place: str) -> Iterator[tuple[str, object]]:
    """Every value with its dotted place; of lists of numbers the numbers, too, under the list's name."""
    for key, value in node.items() if isinstance(node, Mapping) else enumerate(node):
        here = f'{place}.{key}' if place else str(key)
        nested = isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value)
        if nested or isinstance(value, Mapping):
            yield from _walk(value, here)
        else:
            yield here, value
            if isinstance(value, list | tuple):
                yield from ((here, item) for item in value if isinstance(item, float))


def _each(check: Callable) -> Callable:
    """A check that takes a list of such values, too."""

    def of_each(name: str, value: object) -> None:
        for item in value if isinstance(value, list | tuple) else (value,):
            check(name, item)

    return of_each


def _or_none(check: Callable) -> Callable:
    return lambda name, value: None if value is None else check(name, value)


def _interval(name: str, value: object) -> None:
    """A number of epochs or iterations; -1 is mmengine's for never."""
    if value != -1 or isinstance(value, bool):
        check_whole(name, value, least=1)


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f'{name} must be True or False, got {value!r}')


def _launcher(name: str, value: object) -> None:
    if value not in _LAUNCHERS:
        raise ValueError(f'{name} must be one of {", ".join(_LAUNCHERS)}, got {value!r}')


def _positive(name: str, value: object) -> None:
    if check_number(name, value, low=0) == 0:
        raise ValueError(f'{name} must be above 0, got {value!r}')


_COUNT, _NATURAL = partial(check_whole, least=1), partial(check_whole, least=0)
_RATE, _NOT_NEGATIVE = partial(check_number, low=0, high=1), partial(check_number, low=0)
_CHECKS: dict[str, Callable] = {
    'batch_size': _COUNT,
    'num_workers': _NATURAL,
    'shuffle': _or_none(_flag),
    'persistent_workers': _flag,
    'interval': _interval,
    'by_epoch': _flag,
    'loss_weight': _each(_or_none(_NOT_NEGATIVE)),
    'dropout_ratio': _each(_RATE),
    'drop_rate': _each(_RATE),
    'drop_path_rate': _each(_RATE),
    'attn_drop_rate': _each(_RATE),
    'lr': _each(_NOT_NEGATIVE),
    'weight_decay': _NOT_NEGATIVE,
    'lr_mult': _NOT_NEGATIVE,
    'decay_mult': _NOT_NEGATIVE,
    'betas': _each(_RATE),
    'mean': _each(_or_none(check_number)),
    'threshold': _or_none(_RATE),
    'launcher': _launcher,
    'use_sigmoid': _flag,
    'align_corners': _or_none(_flag),
    'norm_eval': _flag,
    'with_cp': _flag,
}
_OF_PARTS: dict[str, dict[str, Callable]] = {
    'train_cfg': dict(max_epochs=_COUNT, max_iters=_COUNT, val_interval=_COUNT, val_begin=_NATURAL),
    'decode_head': dict(num_classes=_COUNT, channels=_COUNT, out_channels=_or_none(_COUNT)),
    'auxiliary_head': dict(num_classes=_COUNT, channels=_COUNT, out_channels=_or_none(_COUNT)),
    'data_preprocessor': dict(std=_each(_or_none(_positive))),
    'randomness': dict(seed=_or_none(_NATURAL)),
}


def _in_parts(place: str) -> dict[str, Callable]:
    parts = place.split('.')[:-1]
    return {name: check for part in parts for name, check in _OF_PARTS.get(part, {}).items()}
