"""Softmax attention as an operator that computes some queries at a time.

The forward pass takes some queries with all keys and records the logarithm of each query's normaliser. With that the
backward pass computes the weights of any piece of the matrix again, so it goes through the pieces one by one (the
derivation is in section 3.1 of FlashAttention, https://arxiv.org/abs/2205.14135).

Logits and softmax are in the dtype of queries and keys. Values may be narrower: then all products but those that give
logits are.
"""

import torch
from torch import Tensor

from mmattn.kernels.products import exponentials, multiply_columns, multiply_rows, slices, without_denormals

TILE_ELEMENTS = 1 << 21  # weights held at a time: 8 MiB of float32, the fastest of 2 to 32 MiB at 97 x 97 positions
MIN_ROWS = 128  # queries held at a time at least: matrix products of fewer rows are slow
PIECE = 1024, 512  # queries and keys of the backward pass's pieces
SMALL = 1 << 17  # pairs of an image up to which all images are computed at once


@torch.library.custom_op('mmattn::softmax_attention', mutates_args=())
def attend(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Attends without a scale.

    Args:
        query: (B, D, N), float32 or wider.
        key: (B, D, M).
        value: (B, C, M), of the same dtype or bfloat16.

    Returns:
        (B, C, N) in the dtype of ``value``, and the logarithms of the normalisers (B, N) in that of ``query``.
    """
    queries, keys = query.shape[2], key.shape[2]
    if queries * keys <= SMALL:
        logits = torch.bmm(query.mT, key)
        weights = without_denormals(logits.softmax(-1))
        return torch.bmm(value, weights.mT.to(value.dtype)), logits.amax(-1) - weights.amax(-1).log()
    out = value.new_empty(*value.shape[:2], queries)
    record = query.new_empty(len(query), queries)
    height = max(TILE_ELEMENTS // keys, MIN_ROWS)
    for image_query, image_key, image_value, gathered, kept in zip(query, key, value, out, record):
        of_query, of_key = image_query.t().contiguous(), image_key.t().contiguous()
        image_value = image_value.contiguous()
        for rows in slices(queries, height):
            logits = multiply_rows(of_query[rows], of_key)
            largest = logits.amax(-1)
            weights = torch.softmax(logits, -1)
            del logits
            kept[rows] = largest - weights.amax(-1).log()
            gathered[:, rows] = multiply_rows(image_value, without_denormals(weights).to(value.dtype))
    return out, record


@attend.register_fake
def _(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    return value.new_empty(*value.shape[:2], query.shape[2]), query.new_empty(len(query), query.shape[2])


@torch.library.custom_op('mmattn::softmax_attention_backward', mutates_args=())
def attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, record: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the gradients of query, key and value, for that of the result and what ``attend`` took and returned."""
    narrow = value.dtype
    if query.shape[2] * key.shape[2] <= SMALL:
        weights = exponentials(torch.baddbmm(record.unsqueeze(2), query.mT, key, beta=-1))
        mean = (grad.to(query.dtype) * out).sum(1).unsqueeze(2)
        grad_logits = torch.baddbmm(mean, grad.mT.to(query.dtype), value.to(query.dtype), beta=-1).mul_(weights)
        return torch.bmm(key, grad_logits.mT), torch.bmm(query, grad_logits), torch.bmm(grad, weights.to(narrow))
    grads = tuple(torch.zeros_like(t, dtype=query.dtype) for t in (query, key, value))
    for image in zip(grad, query, key, value, out, record, *grads):
        for rows in slices(query.shape[2], PIECE[0]):
            _backward_rows(rows, *image)
    return *grads[:2], grads[2].to(narrow)


def _backward_rows(
    rows: slice,
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    record: Tensor,
    grad_query: Tensor,
    grad_key: Tensor,
    grad_value: Tensor,
) -> None:
    """Adds what some queries of an image contribute to the gradients; logits are less the logarithms they lack."""
    narrow, wide = value.dtype, query.dtype
    grad, query = grad[:, rows].contiguous(), query[:, rows].contiguous()
    by_row, of_query = grad.t().contiguous(), query.t().contiguous()
    mean = (grad.to(wide) * out[:, rows]).sum(0)
    query = query.to(narrow)
    for columns in slices(key.shape[1], PIECE[1]):
        part_key, part_value = key[:, columns].contiguous(), value[:, columns].contiguous()
        weights = exponentials(multiply_columns(part_key, of_query, -record[rows]))
        grad_value[:, columns] += multiply_columns(weights.to(narrow), grad)
        if narrow == wide:
            grad_logits = multiply_columns(part_value, by_row, -mean).mul_(weights)
        else:
            grad_logits = (multiply_columns(part_value, by_row) - mean[:, None]).mul_(weights).to(narrow)
        grad_query[:, rows] += multiply_rows(part_key.to(narrow), grad_logits)
        grad_key[:, columns] += multiply_columns(grad_logits, query)


@attend_backward.register_fake
def _(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, record: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return query.new_empty(query.shape), key.new_empty(key.shape), value.new_empty(value.shape)


def _save(ctx, inputs: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, grad: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    with torch.autocast(grad.device.type, enabled=False):
        return torch.ops.mmattn.softmax_attention_backward(grad, *ctx.saved_tensors)


attend.register_autograd(_backward, setup_context=_save)
