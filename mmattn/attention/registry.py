"""The attention mechanisms by name: each registers its own class, short name and cost, and everything finds it here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from mmattn.common.names import did_you_mean
from mmattn.common.options import accepted_options, check_options, with_checked_options

Cost = str | Callable[[int, int, int], float]
Layer = TypeVar('Layer', bound=type[nn.Module])


@dataclass(frozen=True)
class Mechanism:
    """An attention layer as tables, ablations and configs know it.

    Args:
        layer: its class; the first argument is ``in_channels``.
        short: name for command lines and tables.
        cost: multiply-adds of one map with default options: an expression in C, H, W and N = H W, or a function of
            (C, H, W) whose docstring is the expression to show; none for layers of two inputs.
        inputs: number of maps that it takes.
    """

    layer: type[nn.Module]
    short: str
    cost: Cost | None = None
    inputs: int = 1

    @property
    def formula(self) -> str:
        """The cost as an expression for readers."""
        return self.cost if isinstance(self.cost, str) else (self.cost.__doc__ or '').strip().rstrip('.')

    def multiply_adds(self, channels: int, height: int, width: int) -> float:
        """Evaluates the cost at a size at which no hidden width is rounded."""
        if callable(self.cost):
            return self.cost(channels, height, width)
        names = dict(C=channels, H=height, W=width, N=height * width)
        return eval(self.cost, {'__builtins__': {}}, names)  # an expression of ours, written beside the layer


_MECHANISMS: dict[str, Mechanism] = {}


def mechanism(*, short: str, cost: Cost | None = None, inputs: int = 1) -> Callable[[Layer], Layer]:
    """Registers an attention layer; see :class:`Mechanism` for the arguments.

    Raises:
        ValueError: if the class's name or the short one is taken, or a layer of one input has no cost.
    """

    def register(layer: Layer) -> Layer:
        name = layer.__name__
        if inputs == 1 and cost is None:
            raise ValueError(f'mechanism: {name} needs a cost, its multiply-adds in C, H, W and N')
        taken = {name for known in _MECHANISMS.values() for name in (known.layer.__name__, known.short)}
        for own in (name, short):
            if own in taken:
                raise ValueError(f'mechanism: the name {own!r} is taken')
        _MECHANISMS[name] = Mechanism(with_checked_options(layer), short, cost, inputs)
        return layer

    return register


def mechanisms(*, inputs: int | None = None) -> dict[str, Mechanism]:
    """Returns the mechanisms by the names of their classes, sorted; those of so many inputs, or all for None."""
    return {name: _MECHANISMS[name] for name in sorted(_MECHANISMS) if inputs in (None, _MECHANISMS[name].inputs)}


def list_attention() -> list[str]:
    """Returns the names of the layers of one input, sorted: each maps (B, C, H, W) to the same shape."""
    return list(mechanisms(inputs=1))


def find_attention(owner: str, name: str) -> Mechanism:
    """Returns a mechanism by the name of its class.

    Args:
        owner: who asks, named in the message.
        name: of the class.

    Raises:
        ValueError: if there is none of that name; the message has near names and lists those there are.
    """
    known = mechanisms()
    if name not in known:
        there = f'{", ".join(list_attention())}; with two inputs {", ".join(mechanisms(inputs=2))}'
        raise ValueError(f'{owner}: no attention layer {name!r}{did_you_mean(name, known)}; there are {there}')
    return known[name]


def build_attention(name: str, in_channels: int, **options: object) -> nn.Module:
    """Builds an attention layer by name, without a config.

    Args:
        name: one of ``list_attention()``, or of the layers of two inputs, ``AttentionGate`` and ``MixAttention``.
        in_channels: channels of the feature map.
        **options: the layer's own options, ``gate_channels`` and ``key_channels`` of the second input among them.

    Returns:
        A module from (B, in_channels, H, W) to the same shape.

    Raises:
        ValueError: if there is no layer of that name, or an option has a wrong value.
        TypeError: if the layer has no such option, or needs one that is not there.
    """
    layer = find_attention('build_attention', name).layer
    check_options(name, options, (accepted_options(layer) or [])[1:])
    return layer(in_channels, **options)
