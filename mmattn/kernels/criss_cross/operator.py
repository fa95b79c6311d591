"""Criss-cross attention as one operator for the CPU and CUDA.

The formulas are those of ``criss_cross_attention``. Queries, keys and values come packed with the channels last, as
one matrix product makes them, and so do their gradients; products read and write them where they lie. Maps in between
are channels first, as the network has them.

Between forward and backward the operator keeps the weights' normalisers. ``triton`` takes over on GPUs that can run
it.
"""

import torch
from torch import Tensor

from mmattn.kernels.criss_cross.cpu import TILE_POSITIONS, attend_image, backward_image, wide
from mmattn.kernels.criss_cross.layout import empty_map
from mmattn.kernels.products import multiply_rows


@torch.library.custom_op('mmattn::criss_cross_attention', mutates_args=(), device_types=('cpu', 'cuda'))
def attend(x: Tensor, packed: Tensor, gamma: Tensor, by_triton: bool) -> tuple[Tensor, Tensor]:
    """Adds to each position what it gathers from its row and column.

    Args:
        x: (B, C, H, W).
        packed: (B, H, W, 2 D + C), the queries, keys and values of each position.
        gamma: (1,), factor of what is added.
        by_triton: whether the kernels for GPUs compute it.

    Returns:
        (B, C, H, W) in the dtype of ``x``, and the record for the backward pass: the logarithms of the weights'
        normalisers, (B, H, W) in float32 or wider; or, of Triton, (B, H * W) in float32.
    """
    batch, channels, height, width = x.shape
    if by_triton:
        from mmattn.kernels.criss_cross import triton  # optional: only here Triton is needed

        return triton.attend(x, packed, gamma)
    record = wide(packed[:0]).new_empty(batch, height, width)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    gathered = packed.new_empty(height, width, channels)
    for origin, image, kept, result in zip(x, packed, record, out):
        attend_image(image, channels, gathered, kept)
        result.view(channels, -1).copy_(gathered.view(-1, channels).t())
        if x.is_cuda:  # asking for a number would wait for all that the GPU has to do
            torch.addcmul(origin, result, gamma.to(x.dtype), out=result)
        else:
            torch.add(origin, result, alpha=gamma.item(), out=result)
    return out, record


@attend.register_fake
def _(x: Tensor, packed: Tensor, gamma: Tensor, by_triton: bool) -> tuple[Tensor, Tensor]:
    batch, _, height, width = x.shape
    if by_triton:
        return empty_map(x), packed.new_empty(batch, height * width, dtype=torch.float32)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    return out, wide(packed).new_empty(batch, height, width)


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
    if _is_of_triton(record):
        from mmattn.kernels.criss_cross import triton

        return triton.attend_backward(grad, features, weight, packed, record, gamma)
    grad_features = torch.empty_like(grad, memory_format=torch.contiguous_format)
    grad_weight = torch.zeros_like(wide(weight), memory_format=torch.contiguous_format)
    grad_bias, grad_gamma = grad_weight.new_zeros(len(weight)), torch.zeros_like(gamma)
    transposed = weight.t().contiguous()
    for grad_image, origin, image, kept, result in zip(grad, features, packed, record, grad_features):
        gathered = result.view(*image.shape[:2], -1)  # until the result is due, its memory holds the gradient gathered
        gathered.flatten(0, 1).copy_(grad_image.reshape(len(grad_image), -1).t())
        grad_packed = torch.empty_like(image)
        grad_gamma += backward_image(gathered, image, kept, gamma, grad_packed).to(gamma.dtype)
        grad_packed = grad_packed.flatten(0, 1)
        grad_bias += grad_packed.sum(0)
        tiles = (part.split(TILE_POSITIONS, 1) for part in (origin.flatten(1), result.flatten(1)))
        for part, position, out in zip(grad_packed.split(TILE_POSITIONS), *tiles):
            grad_weight += multiply_rows(position.contiguous(), part.t()).t()
            out.copy_(multiply_rows(part, transposed).t())
    return grad_features, grad_weight.to(weight.dtype), grad_bias.to(weight.dtype), grad_gamma


@attend_backward.register_fake
def _(
    grad: Tensor, features: Tensor, weight: Tensor, packed: Tensor, record: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if _is_of_triton(record):
        grad_features = empty_map(features)
    else:
        grad_features = torch.empty_like(grad, memory_format=torch.contiguous_format)
    grad_weight = torch.empty_like(weight, memory_format=torch.contiguous_format)
    return grad_features, grad_weight, weight.new_empty(len(weight)), torch.empty_like(gamma)


def _is_of_triton(record: Tensor) -> bool:
    """Tells which engine's forward pass left the record: of Triton it has one axis for the positions."""
    return record.dim() == 2
