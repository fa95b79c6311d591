"""Criss-cross attention on GPUs: launches the kernels of ``triton_kernels``.

The formulas and the layouts are those of ``operator``; the record between forward and backward is the
logarithm of the softmax's normaliser, and no weight is kept.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor

from mmattn.kernels.criss_cross import triton_kernels as kernels
from mmattn.kernels.criss_cross.layout import empty_map

CHANNELS = 64  # values of a tile: of 128, the registers hold half as many tiles at a time


def _tiles(packed: Tensor, embed: int) -> dict[str, Any]:
    """Options common to all kernels: positions and channels of a tile, and how float32 is multiplied."""
    side = 64 if packed.dtype.itemsize == 2 and embed <= 64 else 32
    exact = torch.get_float32_matmul_precision() == 'highest'
    return dict(
        ROWS=side, COLS=side, EMBED=max(triton.next_power_of_2(embed), 16), PRECISION='ieee' if exact else 'tf32'
    )


def _gather(
    packed: Tensor,
    values: Tensor,
    log_sum: Tensor,
    gamma: Tensor,
    out: Tensor,
    *,
    size: Sequence[int],
    embed: int,
    transposed: bool = False,
    scores: tuple[Tensor, Tensor] | None = None,
    residual: Tensor | None = None,
) -> None:
    """Writes gamma times the weighted sums of ``values`` along both lines to ``out``.

    Args:
        packed: (B, N, 2 D + C) for N = H * W.
        values: (B, N, V), the last axis dense.
        log_sum: (B, N).
        gamma: (1,).
        out: (B, N, V), of any strides.
        size: (H, W).
        embed: D.
        transposed: over the queries that look at a position, not over the keys that it looks at.
        scores: gradients of the weights (B, N, H + W) and their means (B, N); the logits' gradients weigh then.
        residual: (B, N, V) of any strides, added.
    """
    (batch, _, channels), (height, width) = values.shape, size
    options = _tiles(packed, embed)
    partial = values.new_empty(values.shape)
    grad_weights, means = (log_sum, log_sum) if scores is None else scores
    x = out if residual is None else residual
    for axis, (lines, length) in enumerate(((width, height), (height, width))):
        tiles = triton.cdiv(length, options['ROWS']) * triton.cdiv(channels, CHANNELS)
        kernels.gather[(lines, tiles, batch)](
            packed, values, log_sum, grad_weights, means, partial, x, gamma, out,
            height, width, embed, packed.shape[-1], channels,
            *values.stride()[:2], *x.stride(), *out.stride(),
            AXIS=axis, TRANSPOSED=transposed, SCORES=scores is not None, RESIDUAL=residual is not None,
            CHANNELS=CHANNELS, **options,
        )  # fmt: skip


def attend(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Does what ``operator.attend`` does; the record is the logarithm of the normaliser (B, H * W)."""
    batch, channels, height, width = x.shape
    packed = packed.flatten(1, 2).contiguous()
    embed = (packed.shape[-1] - channels) // 2
    options, longest = _tiles(packed, embed), max(height, width)
    log_sums = packed.new_empty(batch, 2, height * width, dtype=torch.float32)
    out, values = empty_map(x), packed[..., 2 * embed :]
    places, residual = out.flatten(2).mT, x.flatten(2).mT
    with torch.cuda.device_of(x):  # Triton launches on the current device, not on that of the tensors
        kernels.normaliser[(longest, triton.cdiv(longest, options['ROWS']), 2 * batch)](
            packed, log_sums, height, width, embed, packed.shape[-1], **options
        )
        log_sum = torch.logaddexp(log_sums[:, 0], log_sums[:, 1])
        _gather(packed, values, log_sum, gamma, places, size=(height, width), embed=embed, residual=residual)
    return out, log_sum


def attend_backward(
    grad: Tensor, features: Tensor, weight: Tensor, packed: Tensor, record: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Does what ``operator.attend_backward`` does."""
    batch, channels, height, width = grad.shape
    packed, grad = packed.flatten(1, 2).contiguous(), grad.flatten(2).mT.contiguous()
    with torch.cuda.device_of(grad):
        grad_packed, grad_gamma = _backward_packed(grad, packed, record, gamma, (height, width))
    many = weight.expand(batch, -1, -1)
    grad_features = empty_map(features)
    if grad_features.is_contiguous():
        torch.bmm(many.mT, grad_packed.mT, out=grad_features.view(batch, channels, -1))
    else:
        torch.bmm(grad_packed, many, out=grad_features.permute(0, 2, 3, 1).view(batch, -1, channels))
    grad_weight = torch.bmm(grad_packed.mT, features.flatten(2).mT).sum(0)
    return grad_features, grad_weight, grad_packed.sum((0, 1)), grad_gamma


def _backward_packed(
    grad: Tensor, packed: Tensor, log_sum: Tensor, gamma: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Returns the gradients of ``packed`` (B, N, 2 D + C) and gamma for that of the result (B, N, C), all dense."""
    (batch, positions, channels), (height, width) = grad.shape, size
    embed = (packed.shape[-1] - channels) // 2
    options, longest = _tiles(packed, embed), max(size)
    grad_weights = log_sum.new_empty(batch, positions, height + width)
    means = log_sum.new_empty(batch, 2, positions)
    kernels.weight_gradients[(longest, triton.cdiv(longest, options['ROWS']), 2 * batch)](
        packed, grad, log_sum, grad_weights, means, height, width, embed, packed.shape[-1], channels,
        CHANNELS=CHANNELS, **options,
    )  # fmt: skip
    means = means.sum(1)
    query, key, _ = packed.split([embed, embed, channels], -1)
    grad_packed = torch.empty_like(packed)
    grad_query, grad_key, grad_value = grad_packed.split([embed, embed, channels], -1)
    common, scores = dict(size=size, embed=embed), (grad_weights, means)
    _gather(packed, grad, log_sum, gamma, grad_value, transposed=True, **common)
    _gather(packed, key, log_sum, gamma, grad_query, scores=scores, **common)
    _gather(packed, query, log_sum, gamma, grad_key, scores=scores, transposed=True, **common)
    return grad_packed, means.sum().to(gamma.dtype).reshape(gamma.shape)
