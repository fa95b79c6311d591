"""What the tensors are computed for, and what the processor can do: the questions that choose an engine."""

import platform

import torch
from torch import Tensor


@torch.compiler.assume_constant_result
def has_bfloat16() -> bool:
    """Tells whether the processor multiplies bfloat16 by instructions of its own rather than by way of float32."""
    if platform.machine().lower() in ('x86_64', 'amd64'):  # oneDNN takes bfloat16 from AVX-512 on, slowly there
        names = ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
        return any(getattr(torch.cpu, name, bool)() for name in names)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def is_prediction(x: Tensor) -> bool:
    """Tells whether a CPU computes on ``x`` for its values alone: no gradients, no graph, no autocast."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    # Tensors that only stand for others, as when multiply-adds are counted, are of another type.
    return type(x) is Tensor and x.device.type == 'cpu' and not torch.is_autocast_enabled('cpu')


def is_exporting() -> bool:
    """Tells whether the model is being exported or traced, where only PyTorch's own operators have a translation."""
    exporting = getattr(torch.compiler, 'is_exporting', torch.compiler.is_compiling)  # new in PyTorch 2.7
    return exporting() or torch.jit.is_tracing()
