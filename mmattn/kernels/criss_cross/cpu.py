"""Criss-cross attention image by image, in plain PyTorch: sums along the rows and columns of packed features."""

import torch
from torch import Tensor

TILE_POSITIONS = 1024  # projected back at a time, so that little is held in another layout


def _columns_and_rows(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Views an image's weights (H, W, H + W) as those in each column (W, H, H) and in each row (H, W, W)."""
    height = weights.shape[0]
    return weights[..., :height].transpose(0, 1), weights[..., height:]


def wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def along_both(weights: Tensor, value: Tensor, out: Tensor, *, transposed: bool = False) -> None:
    """Writes the weighted sums of ``value`` (H, W, C) along each row and column to ``out`` of its shape."""
    column, row = _columns_and_rows(weights)
    if transposed:
        column, row = column.mT, row.mT
    torch.bmm(row, value, out=out)
    out.transpose(0, 1).baddbmm_(column, value.transpose(0, 1))


def similarities(left: Tensor, right: Tensor, out: Tensor) -> None:
    """Writes the products of ``left`` and ``right`` (H, W, C) along each row and column to ``out`` (H, W, H + W)."""
    column, row = _columns_and_rows(out)
    column.copy_(torch.bmm(left.transpose(0, 1), right.permute(1, 2, 0)))
    row.copy_(torch.bmm(left, right.mT))


def backward_image(grad: Tensor, packed: Tensor, weights: Tensor, gamma: Tensor, grad_packed: Tensor) -> Tensor:
    """Writes an image's gradient of ``packed`` for that of the result, (H, W, C), and returns that of gamma."""
    channels, embed = grad.shape[-1], (packed.shape[-1] - grad.shape[-1]) // 2
    query, key, value = packed.split([embed, embed, channels], -1)
    grad_query, grad_key, grad_value = grad_packed.split([embed, embed, channels], -1)
    along_both(gamma.to(weights.dtype) * weights, grad, grad_value, transposed=True)
    grad_weights = torch.empty_like(weights)
    similarities(grad, value, grad_weights)
    grad_weights, weights = wide(grad_weights), wide(weights)
    grad_gamma = torch.dot(grad_weights.flatten(), weights.flatten())
    grad_weights = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
    grad_logits = grad_weights.mul_(gamma.to(weights.dtype)).to(packed.dtype)
    along_both(grad_logits, key, grad_query)
    along_both(grad_logits, query, grad_key, transposed=True)
    return grad_gamma
