"""Criss-cross attention on GPUs: launches the kernels of ``triton_kernels``.

The formulas and the layouts are those of ``operator``; the record between forward and backward is the
logarithm of the softmax's normaliser, and no weight is kept. Products read and write whole rows of channels, because a
map of an odd number of positions, channels first, has no aligned lines; such maps are turned once on their way.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor

from mmattn.kernels.criss_cross import triton_kernels as kernels
from mmattn.kernels.criss_cross import triton_lines
from mmattn.kernels.criss_cross.layout import empty_map, has_channels_last
from mmattn.kernels.precision import has_tf32_products
from mmattn.kernels.products import positions_by_rows, rows_of

CHANNELS = 64  # values of a tile: of 128, the registers hold half as many tiles at a time
LONGEST = 128  # positions of a line up to which a program of ``triton_lines`` holds it whole


def _tiles(packed: Tensor, embed: int) -> dict[str, Any]:
    """Options common to all kernels: positions and channels of a tile, and how float32 is multiplied.

    Where PyTorch allows no TF32, float32 is multiplied in three parts of it: as exact, and on the tensor cores.
    """
    side = 64 if packed.dtype.itemsize == 2 and embed <= 64 else 32
    precision = 'tf32' if packed.dtype != torch.float32 or has_tf32_products() else 'tf32x3'
    options = dict(ROWS=side, COLS=side, EMBED=max(triton.next_power_of_2(embed), 16), PRECISION=precision)
    if packed.dtype == torch.float32 and embed > 64:  # of 32 positions, registers would lie in memory
        options['ROWS'] = 16
    return options


def _narrow_tiles(packed: Tensor, embed: int) -> dict[str, Any]:
    """Options of the gradients of queries and keys, whose accumulators want more registers."""
    options = _tiles(packed, embed)
    if packed.dtype != torch.float32:
        return dict(options, CHANNELS=CHANNELS, num_warps=8 if options['ROWS'] == 64 else 4)
    return dict(options, CHANNELS=min(CHANNELS, 32), num_warps=8 if options['ROWS'] > 16 else 4)


def _line_tiles(packed: Tensor, embed: int, size: Sequence[int]) -> dict[str, Any] | None:
    """Options of the kernel that takes lines whole, or None for long lines and wide numbers."""
    longest = max(size)
    if packed.dtype.itemsize > 2 or embed > 64 or longest > LONGEST:
        return None
    side = max(triton.next_power_of_2(longest), 16)
    return dict(SIDE=side, EMBED=max(triton.next_power_of_2(embed), 16), PRECISION='tf32', num_warps=max(side // 16, 1))


def _share(packed: Tensor, lines: int, channels: int) -> int:
    """Channels of a program that takes a line whole: all, or fewer where so few programs left a GPU idle."""
    processors = torch.cuda.get_device_properties(packed.device).multi_processor_count if packed.is_cuda else 1
    parts = min(triton.cdiv(2 * processors, max(lines, 1)), triton.cdiv(channels, CHANNELS))
    return triton.cdiv(triton.cdiv(channels, CHANNELS), parts) * CHANNELS


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
    residual: Tensor | None = None,
) -> None:
    """Writes gamma times the weighted sums of ``values`` along both lines to ``out``.

    Args:
        packed: (B, N, 2 D + C) for N = H * W.
        values: (B, N, V), the last axis dense.
        log_sum: (B, N); where lines are taken whole, it is written unless ``transposed``.
        gamma: (1,).
        out: (B, N, V), of any strides.
        size: (H, W).
        embed: D.
        transposed: over the queries that look at a position, not over the keys that it looks at.
        residual: (B, N, V) of any strides, added.
    """
    (batch, _, channels), (height, width) = values.shape, size
    partial = values.new_empty(values.shape)
    x = out if residual is None else residual
    whole = _line_tiles(packed, embed, size)
    if whole is not None:
        column_log = log_sum if transposed else torch.empty_like(log_sum)
        for axis, lines in enumerate((width, height)):
            share = _share(packed, lines * batch, channels)
            triton_lines.gather_line[(lines, triton.cdiv(channels, share), batch)](
                packed, values, log_sum, column_log, partial, x, gamma, out,
                height, width, embed, packed.shape[-1], channels, share,
                *values.stride()[:2], *x.stride(), *out.stride(),
                AXIS=axis, TRANSPOSED=transposed, RESIDUAL=residual is not None, CHANNELS=CHANNELS, **whole,
            )  # fmt: skip
        return
    options = _tiles(packed, embed)
    for axis, (lines, length) in enumerate(((width, height), (height, width))):
        tiles = triton.cdiv(length, options['ROWS']) * triton.cdiv(channels, CHANNELS)
        kernels.gather[(lines, tiles, batch)](
            packed, values, log_sum, partial, x, gamma, out,
            height, width, embed, packed.shape[-1], channels,
            *values.stride()[:2], *x.stride(), *out.stride(),
            AXIS=axis, TRANSPOSED=transposed, RESIDUAL=residual is not None, CHANNELS=CHANNELS, **options,
        )  # fmt: skip


def _log_sum(packed: Tensor, embed: int, size: tuple[int, int]) -> Tensor:
    """The logarithm of each query's normaliser (B, N); only room for it where the sums bring it along."""
    (batch, positions, total), (height, width), longest = packed.shape, size, max(size)
    if _line_tiles(packed, embed, size) is not None:
        return packed.new_empty(batch, positions, dtype=torch.float32)
    options = _tiles(packed, embed)
    log_sums = packed.new_empty(batch, 2, positions, dtype=torch.float32)
    kernels.normaliser[(longest, triton.cdiv(longest, options['ROWS']), 2 * batch)](
        packed, log_sums, height, width, embed, total, **options
    )
    return torch.logaddexp(log_sums[:, 0], log_sums[:, 1])


def attend(x: Tensor, packed: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Does what ``operator.attend`` does; the record is the logarithm of the normaliser (B, H * W)."""
    channels, height, width = x.shape[1:]
    packed = packed.flatten(1, 2).contiguous()
    embed = (packed.shape[-1] - channels) // 2
    out, values = empty_map(x), packed[..., 2 * embed :]
    places, residual = out.flatten(2).mT, x.flatten(2).mT
    with torch.cuda.device_of(x):  # Triton launches on the current device, not on that of the tensors
        log_sum = _log_sum(packed, embed, (height, width))
        _gather(packed, values, log_sum, gamma, places, size=(height, width), embed=embed, residual=residual)
    return out, log_sum


def attend_backward(
    grad: Tensor, features: Tensor, weight: Tensor, packed: Tensor, record: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Does what ``operator.attend_backward`` does."""
    batch, _, height, width = grad.shape
    packed, grad = packed.flatten(1, 2).contiguous(), grad.flatten(2).mT.contiguous()
    with torch.cuda.device_of(grad):
        grad_packed, grad_gamma = _backward_packed(grad, packed, record, gamma, (height, width))
    grad_rows = grad_packed.flatten(0, 1)
    maps = grad_packed.view(batch, height, width, -1).permute(0, 3, 1, 2)
    grad_features = positions_by_rows(maps, weight.t()).permute(0, 3, 1, 2)
    if not has_channels_last(features):
        grad_features = grad_features.contiguous()
    return grad_features, grad_rows.t() @ rows_of(features), grad_rows.sum(0), grad_gamma


def _backward_packed(
    grad: Tensor, packed: Tensor, log_sum: Tensor, gamma: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Returns the gradients of ``packed`` (B, N, 2 D + C) and gamma for that of the result (B, N, C), all dense."""
    (batch, positions, channels), (height, width) = grad.shape, size
    embed = (packed.shape[-1] - channels) // 2
    options = _narrow_tiles(packed, embed)
    grad_packed, means = torch.empty_like(packed), torch.empty_like(log_sum)
    partial = log_sum.new_empty(batch, positions, 2 * embed)
    for kernel in (kernels.query_gradients, kernels.key_gradients):
        for axis, (lines, length) in enumerate(((width, height), (height, width))):
            kernel[(lines, triton.cdiv(length, options['ROWS']), batch)](
                packed, grad, log_sum, means, partial, gamma, grad_packed,
                height, width, embed, packed.shape[-1], channels, AXIS=axis, **options,
            )  # fmt: skip
    del partial
    grad_value = grad_packed[..., 2 * embed :]
    _gather(packed, grad, log_sum, gamma, grad_value, size=size, embed=embed, transposed=True)
    return grad_packed, means.sum().to(gamma.dtype).reshape(gamma.shape)
