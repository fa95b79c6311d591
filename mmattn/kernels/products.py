"""Products of many rows, or columns, with a matrix, most of them for CPUs.

PyTorch gives matrix products in float32 to the BLAS that it was built with, and 1x1 convolutions to oneDNN, if more
than one thread works. The BLAS of most builds is MKL, which uses AVX-512 on Intel's processors alone: on others that
have it, oneDNN is up to twice as fast and is asked by name. Elsewhere both run the same instructions, and MKL is as
fast, up to three times for few long rows: 256 of 4,096 by 512, one thread of an EPYC with AVX2, 14 and 42 ms.
"""

import math
import platform
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from mmattn.kernels.context import constant_when_compiled, has_bfloat16, is_exporting, is_prediction
from mmattn.kernels.precision import has_tf32_convolutions, has_tf32_products

FEWEST_ROWS = 4096
"""Below, what a call of oneDNN costs is more than what it gains."""


def takes_onednn(x: Tensor) -> bool:
    """Tells whether oneDNN is there, not turned off, and faster than the BLAS for tensors like this."""
    return x.device.type == 'cpu' and x.dtype == torch.float32 and _has_onednn()


@constant_when_compiled
def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled and not _has_fast_blas()


@cache
def _has_fast_blas() -> bool:
    if not torch.backends.mkl.is_available():
        return False
    try:
        processor = Path('/proc/cpuinfo').read_text()
    except OSError:  # not on Linux
        processor = platform.processor()
    return 'GenuineIntel' in processor or ('avx2' in processor and 'avx512f' not in processor)


def multiply_rows(rows: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiplies each row by a matrix.

    Args:
        rows: (M, K), contiguous.
        matrix: (N, K).
        bias: (N,), added to each row.

    Returns:
        (M, N), ``rows @ matrix.T + bias``.
    """
    if not takes_onednn(rows) or not rows.numel():
        return rows @ matrix.t() if bias is None else torch.addmm(bias, rows, matrix.t())
    count, width = rows.shape
    height = next(height for height in range(math.isqrt(count), 0, -1) if count % height == 0)
    image = rows.view(1, height, -1, width).permute(0, 3, 1, 2)  # channels last, as the rows lie
    out = torch.mkldnn_convolution(image, matrix[:, :, None, None], bias, [0, 0], [1, 1], [1, 1], 1)
    return out.permute(0, 2, 3, 1).reshape(count, -1)


def takes_rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tells whether a linear layer's products should go through ``multiply_rows``: many rows of a prediction on a CPU.

    Fewer rows, and rows that would have to be copied first, are faster by the BLAS (``tools/speed.py ops --ops vit``).
    """
    return is_prediction(x) and takes_onednn(x) and x.is_contiguous() and math.prod(x.shape[:-1]) >= FEWEST_ROWS


def project_rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Returns ``F.linear(x, weight, bias)``, (..., K) to (..., N)."""
    return multiply_rows(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], -1)


def convolve_points(conv: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """Applies a 1x1 convolution; in bfloat16 on a CPU without instructions for it by way of float32.

    There oneDNN's own bfloat16 convolutions are slow and, for some shapes on AVX-512, wrong: of (7, 64, 5) to 128
    channels by 18 %.
    """
    dtype = torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else x.dtype
    if x.device.type != 'cpu' or dtype != torch.bfloat16 or has_bfloat16() or is_exporting():
        return conv(x)
    with torch.autocast('cpu', enabled=False):
        bias = None if conv.bias is None else conv.bias.float()
        return conv._conv_forward(x.float(), conv.weight.float(), bias).to(dtype)


def multiply_columns(columns: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiplies a matrix by each column.

    Args:
        columns: (K, M), contiguous; oneDNN is slow with more than a few thousand of them.
        matrix: (N, K).
        bias: (N,), added to each product.

    Returns:
        (N, M), ``matrix @ columns + bias[:, None]``.
    """
    if not takes_onednn(columns) or not columns.numel():
        return matrix @ columns if bias is None else torch.addmm(bias[:, None], matrix, columns)
    image = columns.view(1, len(columns), 1, -1)
    return torch.mkldnn_convolution(image, matrix[:, :, None, None], bias, [0, 0], [1, 1], [1, 1], 1)[0, :, 0]


def slices(count: int, length: int) -> list[slice]:
    """Cuts ``count`` things into pieces of ``length``, the last maybe shorter."""
    return [slice(start, min(start + length, count)) for start in range(0, count, length)]


def without_denormals(weights: Tensor) -> Tensor:
    """Sets what is next to nothing beside a sum of one to zero, in place.

    Softmax weights that are too small for normal numbers, 1e-38 in float32, slow products with them down up to fifty
    times on many processors. All below 1e-30 go, so that their products with gradients are normal too.

    Args:
        weights: of a softmax, float32 or float64.

    Returns:
        ``weights``.
    """
    return torch.threshold_(weights, 1e-30 if weights.dtype == torch.float32 else 1e-290, 0.0)


def exponentials(logits: Tensor) -> Tensor:
    """Replaces logits by their exponentials, those next to nothing by zero as in ``without_denormals``, in place.

    Logits so low that their exponential is no normal number are raised first: PyTorch's exponential takes up to thirty
    times as long for them.

    Args:
        logits: float32 or float64.

    Returns:
        ``logits``.
    """
    return without_denormals(logits.clamp_min_(-80.0 if logits.dtype == torch.float32 else -700.0).exp_())


@torch.library.custom_op('mmattn::project_positions', mutates_args=(), device_types='cpu')
def project_positions(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Projects each position of a map.

    Args:
        x: (B, C, H, W).
        weight: (N, C).
        bias: (N,).

    Returns:
        (B, H, W, N), contiguous.
    """
    positions = x.permute(0, 2, 3, 1).contiguous()
    return multiply_rows(positions.flatten(0, 2), weight, bias).view(*positions.shape[:3], -1)


@project_positions.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x.new_empty(x.shape[0], *x.shape[2:], len(weight))


def rows_of(x: Tensor) -> Tensor:
    """Returns (B, C, H, W) as one row for each position, (B * H * W, C), the channels dense."""
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    return rows if rows.stride(1) == 1 else rows.contiguous()


@project_positions.register_kernel('cuda')
def positions_by_rows(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Projects each position of a map on a GPU, by one product of whole rows of channels.

    Maps with the channels first are turned before: where H * W is odd their own lines are not aligned, and products of
    such take kernels for single numbers. In float32 it is a convolution, as of the layer it stands for, where PyTorch
    lets only those take TF32.

    Args:
        x: (B, C, H, W).
        weight: (N, C).
        bias: (N,), or None.

    Returns:
        (B, H, W, N), contiguous.
    """
    if x.is_cuda and x.dtype == torch.float32 and has_tf32_convolutions() and not has_tf32_products():
        maps = x.contiguous(memory_format=torch.channels_last)
        return torch.conv2d(maps, weight[:, :, None, None], bias).permute(0, 2, 3, 1).contiguous()
    rows = rows_of(x)
    out = rows @ weight.t() if bias is None else torch.addmm(bias, rows, weight.t())
    return out.view(len(x), *x.shape[2:], -1)
