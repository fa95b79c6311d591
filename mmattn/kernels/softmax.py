"""Softmax attention over all positions by engines that never hold the N x M matrix, neither forward nor backward.

Shared by the position attention of DANet and the non-local block, whose queries and keys are narrower or wider than
their values. Two of PyTorch's fused kernels for GPUs hold no matrix: flash attention, for half precision and one width
of at most 256 channels, and memory-efficient attention, for float32 too and widths that are large or unequal. The one
for CPUs wants equal widths and is fast in bfloat16 by AMX. Where none serves PyTorch quietly takes the whole matrix,
hence the operator of ``softmax_tiles``, which is faster in float32 on a CPU, and in bfloat16 by AVX-512.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.kernels import softmax_tiles
from mmattn.kernels.context import constant_when_compiled, fuses_bfloat16, has_bfloat16, is_exporting


def takes_fused(query: Tensor, key: Tensor, value: Tensor, scale: float = 1.0) -> bool:
    """Tells whether PyTorch's fused attention serves without holding the matrix, or is what an export should hold.

    Args:
        query: (B, D, N).
        key: (B, D, M).
        value: (B, C, M).
        scale: factor on the logits.
    """
    if torch.jit.is_tracing():  # its exporters know no fused attention
        return False
    if is_exporting():
        return True
    if value.device.type == 'cuda':
        return has_lean_kernel(*(_room_for_rows(x, value.dtype) for x in (query, key, value)))
    return value.device.type == 'cpu' and value.dtype == torch.bfloat16 and fuses_bfloat16()


def fused_attention(query: Tensor, key: Tensor, value: Tensor, scale: float = 1.0) -> Tensor:
    """Sum over the M keys of softmax(scale * <query, key>) * value, (B, C, N) in the dtype of ``value``."""
    dtype, width = value.dtype, value.shape[1]
    with torch.autocast(value.device.type, enabled=False):
        if is_exporting():
            wide = torch.promote_types(dtype, torch.float32)
            return _library_attention(query.to(wide), key.to(wide), value.to(wide), scale).to(dtype)
        lay_out = _rows if value.device.type == 'cuda' else _equally_wide
        return _fused_attention(*lay_out(query.to(dtype), key.to(dtype), value), scale)[:, :width]


def takes_tiles(query: Tensor, key: Tensor, value: Tensor, scale: float = 1.0) -> bool:
    """Tells whether the operator that goes piece by piece serves: where nothing is exported."""
    return not is_exporting()


def tiled_attention(query: Tensor, key: Tensor, value: Tensor, scale: float = 1.0) -> Tensor:
    """Does what ``fused_attention`` does, with logits and softmax in float32 or wider.

    Where the processor multiplies bfloat16, values stay so.
    """
    dtype = value.dtype
    with torch.autocast(value.device.type, enabled=False):
        wide = torch.promote_types(dtype, torch.float32)
        query, key = query.to(wide), key.to(wide)
        if not (value.device.type == 'cpu' and dtype == torch.bfloat16 and has_bfloat16()):
            value = value.to(wide)
        return softmax_tiles.attend(query if scale == 1 else query * scale, key, value)[0].to(dtype)


def _library_attention(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    query, key, value = (t.mT.unsqueeze(1) for t in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value, scale=scale).squeeze(1).mT


def has_lean_kernel(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Tells whether ``scaled_dot_product_attention`` has a CUDA kernel for these that holds no N x M matrix.

    PyTorch answers for the tensors at hand, the GPU and the kernels that the user left enabled. What asks it cannot be
    compiled: a compiled graph goes by the demands of memory-efficient attention, half precision or float32, rows of
    whole 16 bytes and, for bfloat16, compute capability 8.0. The fused kernel of cuDNN does not count, because PyTorch
    may rank the whole matrix above it.

    Args:
        query: (B, heads, N, D) on a GPU, like the others.
        key: (B, heads, M, D).
        value: (B, heads, M, C).
    """
    if not torch.compiler.is_compiling():
        asked = torch.backends.cuda.SDPAParams(query, key, value, None, 0.0, False, False)
        return torch.backends.cuda.can_use_flash_attention(asked) or torch.backends.cuda.can_use_efficient_attention(
            asked
        )
    if query.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return False
    return _efficient_attention_serves(query.dtype == torch.bfloat16)


@constant_when_compiled
def _efficient_attention_serves(bfloat16: bool) -> bool:
    old = bfloat16 and torch.cuda.get_device_capability() < (8, 0)
    return torch.backends.cuda.mem_efficient_sdp_enabled() and not old


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The fused kernels compute logits and softmax in float32 whatever the dtype of the features."""
    return F.scaled_dot_product_attention(query, key, value, scale=scale)[:, 0].mT


def _rows(*features: Tensor) -> list[Tensor]:
    """Brings (B, C, N) to (B, 1, N, C) with the channels last and filled up to a multiple of 8, as the kernels want."""
    return [_aligned(x.mT.contiguous()).unsqueeze(1) for x in features]


def _equally_wide(*features: Tensor) -> list[Tensor]:
    """Brings (B, C, N) to (B, 1, N, C) with the channels filled up to those of the widest, as the CPU's kernel wants.

    In bfloat16 the wider products cost less than what the kernel saves: it takes half the time of the tiles.
    """
    width = max(x.shape[1] for x in features)
    return [F.pad(x.mT, (0, width - x.shape[1])).contiguous().unsqueeze(1) for x in features]


def _room_for_rows(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns an empty tensor of the shape and layout that ``_rows`` gives: only that decides on a kernel."""
    batch, channels, length = x.shape
    return x.new_empty(batch, 1, length, channels + -channels % 8, dtype=dtype)


def _aligned(x: Tensor) -> Tensor:
    lacking = -x.shape[-1] % 8
    return F.pad(x, (0, lacking)) if lacking else x
