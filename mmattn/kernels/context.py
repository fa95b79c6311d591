"""What the tensors are computed for, and what the processor can do: the questions that choose an engine."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from mmattn.common.names import did_you_mean

FEW_PAIRS = 1 << 17
"""Pairs of a head up to which the plain steps may serve: they hold the weights of all heads."""

ENGINES = ('auto', 'reference', 'cpu', 'fused', 'triton')


def constant_when_compiled(function: Callable) -> Callable:
    """Marks a function whose result a compiled graph takes as it is, as ``torch.compiler.assume_constant_result`` does.

    That imports all of PyTorch's compiler, a second's work, only to set this attribute.
    """
    function._dynamo_marked_constant = True
    return function


def _checked(source: str, name: str) -> str:
    if name not in ENGINES:
        there = ', '.join(map(repr, ENGINES))
        raise ValueError(f'{source} must be one of {there}, got {name!r}{did_you_mean(name, ENGINES)}')
    return name


_engine = _checked('MMATTN_ENGINE', os.environ.get('MMATTN_ENGINE') or 'auto')


def is_allowed(engine: str) -> bool:
    """Tells whether an engine may serve: any, unless ``use_engine`` or MMATTN_ENGINE names one."""
    return _engine in ('auto', engine)


@contextmanager
def use_engine(name: str) -> Iterator[None]:
    """Forces an engine for all attention operators of the process, while the block runs.

    Args:
        name: 'reference' for the plain mathematics everywhere; 'cpu', 'fused' or 'triton' for that engine where it
            takes the tensors and the reference elsewhere; 'auto' for the first of the table that takes them.

    Raises:
        ValueError: for another name.
    """
    global _engine
    before, _engine = _engine, _checked('use_engine', name)
    try:
        yield
    finally:
        _engine = before


def is_exporting() -> bool:
    """Tells whether the model is being exported or traced, where only PyTorch's own operators have a translation."""
    exporting = getattr(torch.compiler, 'is_exporting', torch.compiler.is_compiling)  # new in PyTorch 2.7
    return exporting() or torch.jit.is_tracing()


def is_prediction(x: Tensor) -> bool:
    """Tells whether a CPU computes on ``x`` for its values alone: no gradients, no graph, no autocast."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing() or not is_allowed('cpu'):
        return False
    # Tensors that only stand for others, as when multiply-adds are counted, are of another type.
    return type(x) is Tensor and x.device.type == 'cpu' and not torch.is_autocast_enabled('cpu')


@constant_when_compiled
def has_bfloat16() -> bool:
    """Tells whether the processor multiplies bfloat16 by instructions of its own rather than by way of float32."""
    if platform.machine().lower() in ('x86_64', 'amd64'):  # oneDNN takes bfloat16 from AVX-512 on, slowly there
        names = ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
        return any(getattr(torch.cpu, name, bool)() for name in names)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@constant_when_compiled
def fuses_bfloat16() -> bool:
    """Tells whether PyTorch's fused attention for CPUs is fast in bfloat16: on x86 where there is AMX.

    With the bfloat16 of AVX-512 alone its products go by a BLAS that converts: four times the time of its own plain
    products, measured on a Zen 5 with PyTorch 2.13.
    """
    if platform.machine().lower() in ('x86_64', 'amd64'):
        return getattr(torch.cpu, '_is_amx_tile_supported', bool)()
    return has_bfloat16()


def plain_attention_is_faster(query: Tensor, key: Tensor) -> bool:
    """Tells whether the plain steps of attention are faster than PyTorch's fused one, for few pairs of positions.

    They are in bfloat16 on a CPU that multiplies it where the fused one does not (``fuses_bfloat16``): 2 to 4 times
    forward and 3 to 12 times with backward on a Zen 5, for windows of 7 x 7 and 1,024 queries of 64 keys. Logits are
    then rounded to bfloat16, as in PyTorch's and MMSegmentation's plain layers; their softmax is float32.

    Args:
        query: (..., N, D).
        key: (..., M, D).
    """
    if is_exporting() or query.device.type != 'cpu' or query.dtype != torch.bfloat16:
        return False
    return has_bfloat16() and not fuses_bfloat16() and query.shape[-2] * key.shape[-2] <= FEW_PAIRS
