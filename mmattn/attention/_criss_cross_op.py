"""Criss-cross attention as one operator for the CPU.

The formulas are those of ``criss_cross_attention``. Queries, keys and values come packed with the channels last, as
one matrix product makes them, and so do their gradients; products read and write them where they lie. Maps in between
are channels first, as the network has them.
"""

import torch
from torch import Tensor


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


@torch.library.custom_op('mmattn::criss_cross_attention', mutates_args=())
def attend(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Adds to each position what it gathers from its row and column.

    Args:
        x: (B, C, H, W).
        packed: (B, H, W, 2 D + C), the queries, keys and values of each position.
        gamma: (1,), factor of what is added.

    Returns:
        (B, C, H, W) in the dtype of ``x``, and the weights (B, H, W, H + W), the column's first, in that of ``packed``.
    """
    batch, channels, height, width = x.shape
    embed = (packed.shape[-1] - channels) // 2
    weights = packed.new_empty(batch, height, width, height + width)
    out = x.new_empty(x.shape)
    for origin, image, kept, result in zip(x, packed, weights, out):
        query, key, value = image.split([embed, embed, channels], -1)
        logits = _wide(query).new_empty(kept.shape)
        _similarities(_wide(query), _wide(key), logits)
        logits[..., :height].diagonal(dim1=0, dim2=2).fill_(float('-inf'))  # the row counts the position itself
        kept.copy_(logits.softmax(-1))
        del logits
        gathered = value.new_empty(value.shape)
        _along_both(kept, value, gathered)
        result.view(channels, -1).copy_(gathered.view(-1, channels).t())
        torch.add(origin, result, alpha=gamma.item(), out=result)
    return out, weights


@attend.register_fake
def _(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    batch, _, height, width = x.shape
    return x.new_empty(x.shape), packed.new_empty(batch, height, width, height + width)


@torch.library.custom_op('mmattn::criss_cross_attention_backward', mutates_args=())
def attend_backward(grad: Tensor, packed: Tensor, weights: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the gradients of ``packed`` and ``gamma`` for that of the result, (B, C, H, W)."""
    channels = grad.shape[1]
    embed = (packed.shape[-1] - channels) // 2
    grad_packed, grad_gamma = packed.new_empty(packed.shape), torch.zeros_like(gamma)
    for image, kept, grad_image, result in zip(packed, weights, grad, grad_packed):
        query, key, value = image.split([embed, embed, channels], -1)
        grad_query, grad_key, grad_value = result.split([embed, embed, channels], -1)
        gathered = value.new_empty(value.shape)
        gathered.view(-1, channels).copy_(grad_image.reshape(channels, -1).t())
        grad_weights = torch.empty_like(kept)
        _similarities(gathered, value, grad_weights)
        _along_both(gamma.to(kept.dtype) * kept, gathered, grad_value, transposed=True)
        del gathered
        grad_weights, kept = _wide(grad_weights), _wide(kept)
        grad_gamma += torch.dot(grad_weights.flatten(), kept.flatten()).to(gamma.dtype)
        grad_weights = torch.ops.aten._softmax_backward_data(grad_weights, kept, -1, kept.dtype)
        grad_logits = grad_weights.mul_(gamma.to(kept.dtype)).to(packed.dtype)
        _along_both(grad_logits, key, grad_query)
        _along_both(grad_logits, query, grad_key, transposed=True)
    return grad_packed, grad_gamma


@attend_backward.register_fake
def _(grad: Tensor, packed: Tensor, weights: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    return packed.new_empty(packed.shape), gamma.new_empty(gamma.shape)


def _save(ctx, inputs: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
    _, packed, gamma = inputs
    ctx.save_for_backward(packed, output[1], gamma)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    packed, weights, gamma = ctx.saved_tensors
    with torch.autocast(grad.device.type, enabled=False):
        attended = torch.ops.mmattn.criss_cross_attention_backward(grad.to(packed.dtype), packed, weights, gamma)
    return grad, *attended


attend.register_autograd(_backward, setup_context=_save)
