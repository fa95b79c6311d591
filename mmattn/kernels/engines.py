"""Which engine computes an attention operator: the one table.

Each mechanism's own file holds its mathematics in plain PyTorch, the *reference*. Engines compute the same faster or
with less memory:

- ``triton``: kernels of ours for NVIDIA GPUs;
- ``fused``: PyTorch's fused attention;
- ``cpu``: our operators that go piece by piece, made for CPUs; most are right on any device.

A mechanism asks ``find_engine`` and computes the reference where it gets None. The first engine that takes the tensors
serves; ``use_engine``, or the environment variable MMATTN_ENGINE, leaves one engine and the reference.
"""

from collections.abc import Callable
from typing import NamedTuple

from mmattn.kernels import channel, concatenation, multi_head, products, softmax
from mmattn.kernels.axial import engine as axial
from mmattn.kernels.context import is_allowed, use_engine
from mmattn.kernels.criss_cross import layer

__all__ = ['Engine', 'engines_of', 'find_engine', 'operators', 'use_engine']


class Engine(NamedTuple):
    """One way to compute an operator.

    Args:
        name: 'cpu', 'fused' or 'triton'.
        takes: tells from the operator's arguments whether it serves.
        run: computes the operator from the same arguments.
    """

    name: str
    takes: Callable[..., bool]
    run: Callable


_TABLE: dict[str, tuple[Engine, ...]] = {
    'axial': (Engine('cpu', axial.takes, axial.attend),),
    'channel': (Engine('cpu', channel.takes, channel.channel_attention),),
    'concatenation': (Engine('cpu', concatenation.takes, concatenation.sorted_sums),),
    'criss_cross': (
        Engine('triton', layer.takes_triton, layer.add_attended_by_triton),
        Engine('cpu', layer.takes_cpu, layer.add_attended),
    ),
    'multi_head': (Engine('fused', multi_head.takes, multi_head.fused),),
    'rows': (Engine('cpu', products.takes_rows, products.project_rows),),
    'softmax': (
        Engine('fused', softmax.takes_fused, softmax.fused_attention),
        Engine('cpu', softmax.takes_tiles, softmax.tiled_attention),
    ),
}


def find_engine(operator: str, *arguments: object) -> Callable | None:
    """Returns what computes an operator for its arguments, or None for the reference."""
    for engine in _TABLE[operator]:
        if is_allowed(engine.name) and engine.takes(*arguments):
            return engine.run
    return None


def engines_of(operator: str) -> tuple[Engine, ...]:
    """Returns an operator's engines, the one that serves first first."""
    return _TABLE[operator]


def operators() -> list[str]:
    """Returns the names of the operators that have engines."""
    return sorted(_TABLE)
