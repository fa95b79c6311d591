"""Renames the tensors of published checkpoints to our names.

A source is a list of rules. Each rule matches whole keys, after the wrappers that checkpoints carry (a ``state_dict``
entry, ``module.`` prefixes) are taken off; the first that matches decides. A key that no rule matches is an error:
a checkpoint that loads only in part is worse than one that does not load.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmattn.checkpoints.groups import Group

_WRAPPERS = ('state_dict', 'model')
_OTHER_PARTS = ('neck.', 'decode_head.', 'auxiliary_head.', 'data_preprocessor.')


@dataclass(frozen=True)
class Rule:
    r"""One renaming.

    Args:
        pattern: regular expression that the whole published key must match.
        target: our key, with ``\1`` or ``\g<name>`` for groups, or what makes it of the match; None drops the tensor.
        change: applied to the tensor's values.
    """

    pattern: str
    target: str | Callable[[re.Match], str] | None
    change: Callable[[Tensor], Tensor] | None = None

    def apply(self, key: str, value: Tensor) -> dict[str, Tensor] | None:
        """Returns the renamed entry, an empty dict where it is dropped, or None where the rule does not match."""
        match = re.fullmatch(self.pattern, key)
        if match is None:
            return None
        if self.target is None:
            return {}
        target = self.target(match) if callable(self.target) else match.expand(self.target)
        return {target: value if self.change is None else self.change(value)}


@dataclass(frozen=True)
class Source:
    """A family of checkpoints.

    Args:
        rules: renamings of a component's keys, without its prefix, and of a full checkpoint's keys.
        prefixes: what is taken off every key of a single component though the rules know it, the longest first.
            Prefixes that they do not know are taken off anyway.
        groups: our names that stand together; where only some are there, the others are missing.
        segmentors: whether segmentors of MMSegmentation's are read too: their backbone by the rules, and their other
            parts under the names that they have.
        parts: of a segmentor, that our names begin with; taken off where a checkpoint holds one part alone.
    """

    rules: tuple[Rule, ...]
    prefixes: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    segmentors: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversion:
    """Renamed tensors, and what became of each of the published ones.

    Args:
        tensors: our names to tensors.
        renamed: published name to ours, all of them joined by ', ' where there are several.
        dropped: published names of tensors that have no place in our modules.
    """

    tensors: dict[str, Tensor]
    renamed: dict[str, str]
    dropped: tuple[str, ...]


def unwrap(checkpoint: Mapping) -> dict[str, Tensor]:
    """Takes a checkpoint's tensors out of its ``state_dict`` or ``model`` entry and off their ``module.`` prefixes.

    NumPy's arrays become tensors.

    Raises:
        TypeError: if what remains is not a mapping from names to tensors.
        KeyError: if there is no tensor, or a name is there with and without ``module.``.
    """
    if not isinstance(checkpoint, Mapping):
        raise TypeError(f'convert_state_dict: expected a dict of tensors, got a {type(checkpoint).__name__}')
    wrapped = [checkpoint[name] for name in _WRAPPERS if isinstance(checkpoint.get(name), Mapping)]
    tensors = wrapped[0] if wrapped else checkpoint
    tensors = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in tensors.items()}
    strange = [key for key, value in tensors.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if strange:
        raise TypeError(
            f'convert_state_dict: not a named tensor: {", ".join(map(str, strange[:5]))}; '
            f'expected a dict of tensors, or one under {" or ".join(map(repr, _WRAPPERS))}'
        )
    if not tensors:
        raise KeyError('convert_state_dict: there is no tensor')
    unwrapped = {key.removeprefix('module.'): value for key, value in tensors.items()}
    if len(unwrapped) < len(tensors):
        raise KeyError('convert_state_dict: the checkpoint has tensors with and without the prefix `module.`')
    return unwrapped


def take_component(tensors: dict[str, Tensor], component: str) -> dict[str, Tensor]:
    """Takes the tensors under one prefix, without it.

    Args:
        tensors: of a whole model.
        component: the prefix, with or without its last dot.

    Raises:
        KeyError: if there is nothing under it; the message names the prefixes that there are.
    """
    prefix = component.removesuffix('.') + '.'
    taken = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    if not taken:
        there = ', '.join(sorted({key.split('.')[0] for key in tensors})[:10])
        raise KeyError(f'convert_state_dict: no tensors under the component {component!r}; there are {there}')
    return taken


def strip_component(tensors: dict[str, Tensor], source: Source) -> dict[str, Tensor]:
    """Takes off the prefixes that every key has: what is left are the tensors of one component.

    These are the source's, and as many more as it takes for the rules to know a name.
    """
    stripped = tensors
    while shared := _shared_prefix(stripped, source):
        stripped = {key.removeprefix(shared): value for key, value in stripped.items()}
    known = any(re.fullmatch(rule.pattern, key) for rule in source.rules for key in stripped)
    return stripped if known else tensors


def _shared_prefix(tensors: dict[str, Tensor], source: Source) -> str | None:
    """Returns the next prefix to take off, or None."""
    for prefix in source.prefixes:
        if tensors and all(key.startswith(prefix) for key in tensors):
            return prefix
    if len(tensors) < 2 or any(re.fullmatch(rule.pattern, key) for rule in source.rules for key in tensors):
        return None
    first, dot, _ = next(iter(tensors)).partition('.')
    return first + dot if dot and all(key.startswith(first + dot) for key in tensors) else None


def split_segmentor(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Splits what a segmentor of MMSegmentation's holds into its backbone, without the prefix, and its other parts.

    Both are empty where this is no segmentor.
    """
    if not all(key.startswith(('backbone.', *_OTHER_PARTS)) for key in tensors):
        return {}, {}
    backbone = {k.removeprefix('backbone.'): value for k, value in tensors.items() if k.startswith('backbone.')}
    others = {key: value for key, value in tensors.items() if key.startswith(_OTHER_PARTS)}
    return (backbone, others) if backbone and others else ({}, {})


def convert(tensors: dict[str, Tensor], rules: Iterable[Rule], source: str) -> Conversion:
    """Applies ``rules`` to each tensor.

    Raises:
        KeyError: if a key matches no rule; the message names it, and a part of the model of which rules know a tensor.
    """
    rules = tuple(rules)
    converted: dict[str, Tensor] = {}
    renamed: dict[str, str] = {}
    dropped, unknown = [], []
    for key, value in tensors.items():
        entry = next((new for rule in rules if (new := rule.apply(key, value)) is not None), None)
        if entry is None:
            unknown.append(key)
        elif not entry:
            dropped.append(key)
        else:
            renamed[key] = ', '.join(entry)
            converted.update(entry)
    if unknown:
        more = f' and {len(unknown) - 10} more' if len(unknown) > 10 else ''
        part = _part_that_is_known(unknown, rules) or _part_apart_from(unknown, renamed)
        hint = f'; to convert a part of the model alone, name it: component={part!r}' if part else ''
        raise KeyError(f'convert_state_dict: source {source!r} does not know {", ".join(unknown[:10])}{more}{hint}')
    return Conversion(converted, renamed, tuple(dropped))


def take_part(conversion: Conversion, part: str) -> Conversion:
    """Takes what lies under one prefix of our names, without it; the rest counts as dropped.

    Raises:
        KeyError: if there is nothing under it.
    """
    prefix = f'{part}.'
    renamed = {old: new.replace(prefix, '') for old, new in conversion.renamed.items() if new.startswith(prefix)}
    others = (name for name in conversion.renamed if name not in renamed)
    return Conversion(take_component(conversion.tensors, part), renamed, (*conversion.dropped, *others))


def single_part(conversion: Conversion, parts: Iterable[str]) -> Conversion:
    """Takes off our names the part of a segmentor that they all lie in; leaves a segmentor of several parts."""
    for part in parts:
        if conversion.tensors and all(name.startswith(f'{part}.') for name in conversion.tensors):
            return take_part(conversion, part)
    return conversion


def _part_that_is_known(unknown: Iterable[str], rules: Iterable[Rule]) -> str | None:
    """Returns the first name before a dot without which the rules know a tensor that they did not know."""
    for key in unknown:
        part, _, rest = key.partition('.')
        if any(re.fullmatch(rule.pattern, rest) for rule in rules):
            return part
    return None


def _part_apart_from(unknown: Iterable[str], renamed: Iterable[str]) -> str | None:
    """Returns the name before a dot that all renamed tensors share and no unknown one has."""
    parts = {key.partition('.')[0] for key in renamed if '.' in key}
    shared = len(parts) == 1 and all('.' in key for key in renamed)
    return parts.pop() if shared and not parts & {key.partition('.')[0] for key in unknown} else None
