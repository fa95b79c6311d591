r"""Tensors that belong together: where some of them are, the others must not be missing.

A checkpoint does not say what it should hold. But a convolution's bias without its weight, or a query without a key,
is a part of a layer, and a model would keep random numbers in the rest.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    r"""Names of ours that stand together under one prefix.

    Args:
        names: any of them calls for all of them; relative to the prefix.
        needs: called for by ``names``, but found alone elsewhere too.
        prefix: regular expression of the whole prefix, its dot included; any by default.
    """

    names: tuple[str, ...]
    needs: tuple[str, ...] = ()
    prefix: str = r'(?:.+\.)?'

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Returns the names, with their prefix, that ``keys`` call for but do not hold, in the group's order."""
        keys = set(keys)
        prefixes = {
            key.removesuffix(name) for key in keys for name in self.names if key == name or key.endswith(f'.{name}')
        }
        return [
            prefix + name
            for prefix in sorted(prefixes)
            if re.fullmatch(self.prefix, prefix)
            for name in self.names + self.needs
            if prefix + name not in keys
        ]


def check_complete(keys: Iterable[str], groups: Iterable[Group], source: str) -> None:
    """Raises unless every group that is there is there as a whole.

    Args:
        keys: converted names.
        groups: of the source.
        source: named in the message.

    Raises:
        KeyError: the message names what is missing.
    """
    keys = list(keys)
    missing = list(dict.fromkeys(name for group in groups for name in group.missing(keys)))
    if missing:
        more = f' and {len(missing) - 10} more' if len(missing) > 10 else ''
        raise KeyError(
            f'convert_state_dict: source {source!r}, under our names: missing {", ".join(missing[:10])}{more}'
        )


def batch_norm(*layers: str, prefix: str = Group.prefix) -> tuple[Group, ...]:
    """Groups of batch normalisations at ``layers``.

    The running statistics may be absent together, as in a layer that keeps none and in a set of gradients, and so may
    the count of batches.
    """
    groups = []
    for layer in layers:
        scale = tuple(f'{layer}.{name}' for name in ('weight', 'bias'))
        statistics = tuple(f'{layer}.{name}' for name in ('running_mean', 'running_var'))
        groups += [Group(scale, prefix=prefix), Group(statistics, needs=scale, prefix=prefix)]
    return tuple(groups)


QUERY_KEY_VALUE = tuple(f'{name}_conv.{kind}' for name in ('query', 'key', 'value') for kind in ('weight', 'bias'))
