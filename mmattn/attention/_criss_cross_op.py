"""Criss-cross attention as one operator for the CPU and CUDA.

The formulas are those of ``criss_cross_attention``. Queries, keys and values come packed with the channels last, as
one matrix product makes them, and so do their gradients; products read and write them where they lie. Maps in between
are channels first, as the network has them.

Between forward and backward the operator keeps a record: the weights here, their normaliser in ``_criss_cross_triton``,
which takes over on GPUs that can run it.
"""

from importlib.util import find_spec

import torch
from torch import Tensor

from mmattn.attention._row_products import multiply_rows, without_denormals

TILE_POSITIONS = 1024  # projected back at a time, so that little is held in another layout
TRITON_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
TRITON_EMBED = 128  # tiles of wider queries and keys exceed the shared memory of some GPUs
_HAS_TRITON = find_spec('triton') is not None


def takes_triton(packed: Tensor, channels: int) -> bool:
    """Tells whether the Triton kernels serve (B, H, W, 2 D + C) with C ``channels`` on its device.

    They want NVIDIA's Ampere or later, no float64, D up to ``TRITON_EMBED`` and an image in 32-bit offsets.
    """
    return (
        _HAS_TRITON
        and packed.device.type == 'cuda'
        and torch.version.hip is None
        and packed.dtype in TRITON_DTYPES
        and packed.shape[-1] - channels <= 2 * TRITON_EMBED
        and packed.shape[1:].numel() < 2**31
        and torch.cuda.get_device_properties(packed.device).major >= 8
    )


def empty_map(x: Tensor) -> Tensor:
    """Returns a new map of the shape of ``x`` (B, C, H, W) with the channels last where its own are, else first."""
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.empty_like(x, memory_format=torch.channels_last if last else torch.contiguous_format)


def _columns_and_rows(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Views an image's weights (H, W, H + W) as those in each column (W, H, H) and in each row (H, W, W)."""
    height = weights.shape[0]
    return weights[..., :height].transpose(0, 1), weights[..., height:]


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _along_both(weights: Tensor, value: Tensor, out: Tensor, *, transposed: bool = False) -> None:
    """Writes the weighted sums of ``value`` (H, W, C) along each row and column to ``out`` of its shape."""
    column, row = _columns_and_rows(weights)
    if transposed:
        column, row = column.mT, row.mT
    torch.bmm(row, value, out=out)
    out.transpose(0, 1).baddbmm_(column, value.transpose(0, 1))


def _similarities(left: Tensor, right: Tensor, out: Tensor) -> None:
    """Writes the products of ``left`` and ``right`` (H, W, C) along each row and column to ``out`` (H, W, H + W)."""
    column, row = _columns_and_rows(out)
    column.copy_(torch.bmm(left.transpose(0, 1), right.permute(1, 2, 0)))
    row.copy_(torch.bmm(left, right.mT))


@torch.library.custom_op('mmattn::criss_cross_attention', mutates_args=(), device_types=('cpu', 'cuda'))
def attend(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Adds to each position what it gathers from its row and column.

    Args:
        x: (B, C, H, W).
        packed: (B, H, W, 2 D + C), the queries, keys and values of each position.
        gamma: (1,), factor of what is added.

    Returns:
        (B, C, H, W) in the dtype of ``x``, and the record for the backward pass: the weights (B, H, W, H + W), the
        column's first, in that of ``packed``; or the logarithm of their normaliser (B, H * W) in float32.
    """
    batch, channels, height, width = x.shape
    if takes_triton(packed, channels):
        from mmattn.attention import _criss_cross_triton  # optional: only here Triton is needed

        return _criss_cross_triton.attend(x, packed, gamma)
    embed = (packed.shape[-1] - channels) // 2
    weights = packed.new_empty(batch, height, width, height + width)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for origin, image, kept, result in zip(x, packed, weights, out):
        query, key, value = image.split([embed, embed, channels], -1)
        logits = _wide(query).new_empty(kept.shape)
        _similarities(_wide(query), _wide(key), logits)
        logits[..., :height].diagonal(dim1=0, dim2=2).fill_(float('-inf'))  # the row counts the position itself
        kept.copy_(without_denormals(logits.softmax(-1)))
        del logits
        gathered = value.new_empty(value.shape)
        _along_both(kept, value, gathered)
        result.view(channels, -1).copy_(gathered.view(-1, channels).t())
        torch.add(origin, result, alpha=gamma.item(), out=result)
    return out, weights


@attend.register_fake
def _(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    batch, channels, height, width = x.shape
    if takes_triton(packed, channels):
        return empty_map(x), packed.new_empty(batch, height * width, dtype=torch.float32)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    return out, packed.new_empty(batch, height, width, height + width)


@torch.library.custom_op('mmattn::criss_cross_attention_backward', mutates_args=(), device_types=('cpu', 'cuda'))
def attend_backward(
    grad: Tensor, features: Tensor, weight: Tensor, packed: Tensor, record: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns the gradients of what was projected and of gamma, for that of the result.

    Args:
        grad: (B, C, H, W), like all but ``record`` and ``gamma`` in the dtype of the products.
        features: (B, C, H, W), which were projected.
        weight: (2 D + C, C), the projections.
        packed: as ``attend`` had them.
        record: as ``attend`` returned it.
        gamma: (1,).

    Returns:
        The gradients of ``features``, without what passes by them, of ``weight``, of its bias (2 D + C,), of ``gamma``.
    """
    if takes_triton(packed, grad.shape[1]):
        from mmattn.attention import _criss_cross_triton

        return _criss_cross_triton.attend_backward(grad, features, weight, packed, record, gamma)
    grad_features = torch.empty_like(grad, memory_format=torch.contiguous_format)
    grad_weight = torch.zeros_like(_wide(weight), memory_format=torch.contiguous_format)
    grad_bias, grad_gamma = grad_weight.new_zeros(len(weight)), torch.zeros_like(gamma)
    transposed = weight.t().contiguous()
    for grad_image, origin, image, kept, result in zip(grad, features, packed, record, grad_features):
        gathered = result.view(*image.shape[:2], -1)  # until the result is due, its memory holds the gradient gathered
        gathered.flatten(0, 1).copy_(grad_image.reshape(len(grad_image), -1).t())
        grad_packed = torch.empty_like(image)
        grad_gamma += _backward_image(gathered, image, kept, gamma, grad_packed).to(gamma.dtype)
        grad_packed = grad_packed.flatten(0, 1)
        grad_bias += grad_packed.sum(0)
        tiles = (part.split(TILE_POSITIONS, 1) for part in (origin.flatten(1), result.flatten(1)))
        for part, position, out in zip(grad_packed.split(TILE_POSITIONS), *tiles):
            grad_weight += multiply_rows(position.contiguous(), part.t()).t()
            out.copy_(multiply_rows(part, transposed).t())
    return grad_features, grad_weight.to(weight.dtype), grad_bias.to(weight.dtype), grad_gamma


def _backward_image(grad: Tensor, packed: Tensor, weights: Tensor, gamma: Tensor, grad_packed: Tensor) -> Tensor:
    """Writes an image's gradient of ``packed`` for that of the result, (H, W, C), and returns that of gamma."""
    channels, embed = grad.shape[-1], (packed.shape[-1] - grad.shape[-1]) // 2
    query, key, value = packed.split([embed, embed, channels], -1)
    grad_query, grad_key, grad_value = grad_packed.split([embed, embed, channels], -1)
    _along_both(gamma.to(weights.dtype) * weights, grad, grad_value, transposed=True)
    grad_weights = torch.empty_like(weights)
    _similarities(grad, value, grad_weights)
    grad_weights, weights = _wide(grad_weights), _wide(weights)
    grad_gamma = torch.dot(grad_weights.flatten(), weights.flatten())
    grad_weights = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
    grad_logits = grad_weights.mul_(gamma.to(weights.dtype)).to(packed.dtype)
    _along_both(grad_logits, key, grad_query)
    _along_both(grad_logits, query, grad_key, transposed=True)
    return grad_gamma


@attend_backward.register_fake
def _(
    grad: Tensor, features: Tensor, weight: Tensor, packed: Tensor, record: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if takes_triton(packed, grad.shape[1]):
        grad_features = empty_map(features)
    else:
        grad_features = torch.empty_like(grad, memory_format=torch.contiguous_format)
    grad_weight = torch.empty_like(weight, memory_format=torch.contiguous_format)
    return grad_features, grad_weight, weight.new_empty(len(weight)), torch.empty_like(gamma)
