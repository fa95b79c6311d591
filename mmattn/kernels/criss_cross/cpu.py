"""Criss-cross attention of an image in plain PyTorch, some rows of queries at a time.

Sums go along the rows and columns of packed features. The weights of a tile of rows are all that is held of them; the
backward pass computes them again from the logarithms of their normalisers.
"""

import torch
from torch import Tensor

from mmattn.kernels.products import exponentials, slices, without_denormals

TILE_POSITIONS = 1024  # projected back at a time, so that little is held in another layout
TILE_ELEMENTS = 1 << 22  # weights of a tile: 16 MiB of float32, all of a map of 128 x 128
MIN_ROWS = 16  # rows of a tile at least: products of fewer are slow


def wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def tiles(height: int, width: int) -> list[slice]:
    """Cuts the rows of a map into tiles."""
    return slices(height, max(TILE_ELEMENTS // (width * (height + width)), MIN_ROWS))


def _columns_and_rows(weights: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """Views the weights (R, W, H + W) of a tile as those in each column (W, R, H) and in each row (R, W, W)."""
    return weights[..., :height].transpose(0, 1), weights[..., height:]


def _gather(weights: Tensor, value: Tensor, rows: slice, out: Tensor) -> None:
    """Writes the weighted sums of ``value`` (H, W, C) for the queries of a tile to ``out`` (R, W, C)."""
    column, row = _columns_and_rows(weights, len(value))
    torch.bmm(row, value[rows], out=out)
    out.transpose(0, 1).baddbmm_(column, value.transpose(0, 1))


def _scatter(weights: Tensor, value: Tensor, rows: slice, out: Tensor) -> None:
    """Adds ``value`` (R, W, C) of a tile's queries, weighted, to the positions that they see, ``out`` (H, W, C)."""
    column, row = _columns_and_rows(weights, len(out))
    out[rows].baddbmm_(row.mT, value)
    out.transpose(0, 1).baddbmm_(column.mT, value.transpose(0, 1))


def _similarities(left: Tensor, right: Tensor, rows: slice) -> Tensor:
    """Products of a tile's ``left`` (R, W, C) with what it sees of ``right`` (H, W, C), (R, W, H + W)."""
    out = left.new_empty(*left.shape[:2], len(right) + right.shape[1])
    column, row = _columns_and_rows(out, len(right))
    column.copy_(torch.bmm(left.transpose(0, 1), right.permute(1, 2, 0)))
    row.copy_(torch.bmm(left, right[rows].mT))
    return out


def _logits(query: Tensor, key: Tensor, rows: slice) -> Tensor:
    """Logits of a tile, (R, W, H + W); each position counts in its row, not in its column again."""
    logits = _similarities(query[rows], key, rows)
    logits[..., rows].diagonal(dim1=0, dim2=2).fill_(float('-inf'))
    return logits


def attend_image(packed: Tensor, channels: int, gathered: Tensor, record: Tensor) -> None:
    """Attends in an image.

    Args:
        packed: (H, W, 2 D + C).
        channels: C.
        gathered: (H, W, C), which takes what each position gathers.
        record: (H, W), which takes the logarithms of the normalisers.
    """
    embed = (packed.shape[-1] - channels) // 2
    query, key, value = packed.split([embed, embed, channels], -1)
    query, key = wide(query), wide(key)
    for rows in tiles(*packed.shape[:2]):
        logits = _logits(query, key, rows)
        largest = logits.amax(-1)
        weights = torch.softmax(logits, -1)
        del logits
        record[rows] = largest - weights.amax(-1).log()
        _gather(without_denormals(weights).to(packed.dtype), value, rows, gathered[rows])


def backward_image(grad: Tensor, packed: Tensor, record: Tensor, gamma: Tensor, grad_packed: Tensor) -> Tensor:
    """Writes an image's gradient of ``packed`` for that of the result, (H, W, C), and returns that of gamma."""
    channels, embed = grad.shape[-1], (packed.shape[-1] - grad.shape[-1]) // 2
    query, key, value = packed.split([embed, embed, channels], -1)
    wide_query, wide_key = wide(query), wide(key)
    grad_query, grad_key, grad_value = grad_packed.zero_().split([embed, embed, channels], -1)
    grad_gamma = record.new_zeros(())
    for rows in tiles(*packed.shape[:2]):
        weights = exponentials(_logits(wide_query, wide_key, rows).sub_(record[rows].unsqueeze(-1)))
        grad_weights = wide(_similarities(grad[rows], value, rows))
        grad_gamma += torch.dot(grad_weights.flatten(), weights.flatten())
        grad_logits = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
        del grad_weights
        _scatter(weights.mul_(gamma.to(weights.dtype)).to(packed.dtype), grad[rows], rows, grad_value)
        grad_logits = grad_logits.mul_(gamma.to(weights.dtype)).to(packed.dtype)
        _gather(grad_logits, key, rows, grad_query[rows])
        _scatter(grad_logits, query[rows], rows, grad_key)
    return grad_gamma
