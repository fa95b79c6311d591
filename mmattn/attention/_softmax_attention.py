"""Softmax attention over all positions that never holds the N x M matrix, neither forward nor backward.

Shared by the position attention of DANet and the non-local block, whose queries and keys are narrower or wider than
their values. Two of PyTorch's fused kernels hold no matrix: flash attention, for half precision and one width of at
most 256 channels, and memory-efficient attention, for float32 too and widths that are large or unequal. Where neither
serves, as on CPU with unequal widths, PyTorch quietly takes the whole matrix, hence the operator here: it takes some
rows at a time, and the backward pass computes them again (the derivation is in section 3.1 of FlashAttention,
https://arxiv.org/abs/2205.14135).
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

TILE_ELEMENTS = 1 << 21  # logits held at a time: 8 MiB of float32, the fastest of 2 to 32 MiB at 97 x 97 positions
MIN_ROWS = 128  # queries held at a time at least: matrix products of fewer rows are slow


def softmax_attention(query: Tensor, key: Tensor, value: Tensor, *, scale: float = 1.0) -> Tensor:
    """Sum over the M keys of softmax(scale * <query, key>) * value.

    Args:
        query: (B, D, N).
        key: (B, D, M).
        value: (B, C, M); C may differ from D.
        scale: factor on the logits.

    Returns:
        (B, C, N) in the dtype of ``value``. Logits and softmax are float32 or wider.
    """
    dtype = value.dtype
    with torch.autocast(value.device.type, enabled=False):
        if value.device.type == 'cuda' and not is_exporting():
            rows = _rows(query.to(dtype), key.to(dtype), value)
            if has_lean_kernel(*rows):
                return _fused_attention(*rows, scale)[..., : value.shape[1]].mT
        wide = torch.promote_types(dtype, torch.float32)
        query, key, value = query.to(wide), key.to(wide), value.to(wide)
        if is_exporting():
            return _library_attention(query, key, value, scale).to(dtype)
        return _tiled_attention(query if scale == 1 else query * scale, key, value).to(dtype)


def is_exporting() -> bool:
    """Tells whether the model is being exported or traced, where only PyTorch's own operators have a translation."""
    exporting = getattr(torch.compiler, 'is_exporting', torch.compiler.is_compiling)  # new in PyTorch 2.7
    return exporting() or torch.jit.is_tracing()


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


@torch.compiler.assume_constant_result
def _efficient_attention_serves(bfloat16: bool) -> bool:
    old = bfloat16 and torch.cuda.get_device_capability() < (8, 0)
    return torch.backends.cuda.mem_efficient_sdp_enabled() and not old


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The fused kernels compute logits and softmax in float32 whatever the dtype of the features."""
    return F.scaled_dot_product_attention(query, key, value, scale=scale)[:, 0]


def _rows(*features: Tensor) -> list[Tensor]:
    """Brings (B, C, N) to (B, 1, N, C) with the channels last and filled up to a multiple of 8, as the kernels want."""
    return [_aligned(x.mT.contiguous()).unsqueeze(1) for x in features]


def _aligned(x: Tensor) -> Tensor:
    lacking = -x.shape[-1] % 8
    return F.pad(x, (0, lacking)) if lacking else x


def _tiles(query: Tensor, key: Tensor) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Cuts batch x queries into pieces of ``TILE_ELEMENTS`` logits at most, or of ``MIN_ROWS`` queries.

    Yields:
        The images, their rows, the softmax weights (images, rows, M) there, and a buffer of the same shape. The next
        piece overwrites both.
    """
    (batch, _, queries), keys = query.shape, key.shape[2]
    height = min(queries, max(TILE_ELEMENTS // keys, MIN_ROWS))
    depth = min(batch, max(TILE_ELEMENTS // (height * keys), 1))
    buffers = query.new_empty(2, depth, height, keys)
    for image in range(0, batch, depth):
        images = slice(image, min(image + depth, batch))
        for row in range(0, queries, height):
            rows = slice(row, min(row + height, queries))
            logits, weights = buffers[:, : images.stop - image, : rows.stop - row]
            torch.bmm(query[images, :, rows].mT, key[images], out=logits)
            yield images, rows, torch.softmax(logits, -1, out=weights), logits


@torch.library.custom_op('mmattn::softmax_attention', mutates_args=())
def _tiled_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    out = value.new_empty(*value.shape[:2], query.shape[2])
    for images, rows, weights, _ in _tiles(query, key):
        out[images, :, rows] = torch.bmm(weights, value[images].mT).mT
    return out


@_tiled_attention.register_fake
def _(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return value.new_empty(*value.shape[:2], query.shape[2])


@torch.library.custom_op('mmattn::softmax_attention_backward', mutates_args=())
def _tiled_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    grad_query = query.new_empty(query.shape)
    # Channels last: the products below are a fifth faster so.
    grad_key, grad_value = (t.new_zeros(t.shape[0], t.shape[2], t.shape[1]) for t in (key, value))
    for images, rows, weights, buffer in _tiles(query, key):
        grad_out = grad[images, :, rows]
        grad_value[images].baddbmm_(weights.mT, grad_out.mT)
        mean = (grad_out * out[images, :, rows]).sum(1).unsqueeze(-1)
        grad_logits = torch.bmm(grad_out.mT, value[images], out=buffer).sub_(mean).mul_(weights)
        grad_query[images, :, rows] = torch.bmm(grad_logits, key[images].mT).mT
        grad_key[images].baddbmm_(grad_logits.mT, query[images, :, rows].mT)
    return grad_query, grad_key.mT, grad_value.mT


@_tiled_backward.register_fake
def _(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    grad_query = query.new_empty(query.shape)
    grad_key, grad_value = (t.new_empty(t.shape[0], t.shape[2], t.shape[1]).mT for t in (key, value))
    return grad_query, grad_key, grad_value


def _save(ctx, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    with torch.autocast(grad.device.type, enabled=False):
        return torch.ops.mmattn.softmax_attention_backward(grad, *ctx.saved_tensors)


_tiled_attention.register_autograd(_backward, setup_context=_save)
