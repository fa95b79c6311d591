"""Gates of channels: what squeeze-and-excitation (https://arxiv.org/abs/1709.01507) shares with other mechanisms."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.kernels.context import is_exporting


def channel_logits(pooled: Tensor, squeeze: nn.Linear | nn.Conv2d, excite: nn.Linear | nn.Conv2d) -> Tensor:
    """Applies excite(relu(squeeze(pooled))) in the dtype of ``pooled`` (equation 3 of the paper, without its sigmoid).

    Args:
        pooled: (..., C), a number a channel.
        squeeze: linear layer or 1x1 convolution from C channels to fewer.
        excite: the same back to C channels.

    Returns:
        (..., C).
    """
    hidden = F.linear(pooled, squeeze.weight.flatten(1).to(pooled.dtype), _as(squeeze.bias, pooled)).relu()
    return F.linear(hidden, excite.weight.flatten(1).to(pooled.dtype), _as(excite.bias, pooled))


def channel_means(x: Tensor) -> Tensor:
    """Returns the mean of each channel of (B, C, H, W), (B, C), in float32 or wider (equation 2 of the paper)."""
    wide = torch.promote_types(x.dtype, torch.float32)
    return x.mean((2, 3), dtype=wide) if is_exporting() else _Means.apply(x, wide)


def scale_channels(x: Tensor, scale: Tensor) -> Tensor:
    """Returns (B, C, H, W) times a factor a channel, (B, C), in the dtype of ``x`` (equation 4 of the paper)."""
    scale = scale.to(x.dtype)
    return x * scale[:, :, None, None] if is_exporting() else _Scaled.apply(x, scale)


class _Means(torch.autograd.Function):
    """Means of channels; their gradient is a view, where autograd fills a map with it."""

    @staticmethod
    def forward(ctx, x: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.shape, ctx.dtype = x.shape, x.dtype
        return x.mean((2, 3), dtype=dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return (grad / (ctx.shape[2] * ctx.shape[3])).to(ctx.dtype)[:, :, None, None].expand(ctx.shape), None


class _Scaled(torch.autograd.Function):
    """Scaled channels; the gradient of a factor is a scalar product, where autograd fills a map with products."""

    @staticmethod
    def forward(ctx, x: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        return x * scale[:, :, None, None]

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, scale = ctx.saved_tensors
        return grad * scale[:, :, None, None], torch.linalg.vecdot(grad.flatten(2), x.flatten(2))


def scale_own(x: Tensor, scale: Tensor) -> Tensor:
    """Returns x * scale, in the memory of ``x`` where no gradient is needed: ``x`` must be of the caller's making.

    A trace is the same whether gradients are on or off, as PyTorch's check of traces wants.
    """
    return x * scale if x.requires_grad or scale.requires_grad or is_exporting() else x.mul_(scale)


def squeezed_width(in_channels: int, reduction: int, divisor: int = 1) -> int:
    """Returns in_channels // reduction rounded to the nearest multiple of ``divisor``.

    The result is at least ``divisor``, and never more than a tenth below in_channels // reduction: the rule of
    MobileNet that MMSegmentation follows.
    """
    width = in_channels // reduction
    rounded = max((width + divisor // 2) // divisor * divisor, divisor)
    return rounded if rounded >= 0.9 * width else rounded + divisor


def _as(bias: Tensor | None, pooled: Tensor) -> Tensor | None:
    return None if bias is None else bias.to(pooled.dtype)
