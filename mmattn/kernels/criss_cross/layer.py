"""The criss-cross layer as the engines compute it: one product for the three projections, and its own backward pass."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmattn.kernels import products  # noqa: F401  register the operators
from mmattn.kernels.context import is_exporting
from mmattn.kernels.criss_cross import operator  # noqa: F401  register the operators
from mmattn.kernels.criss_cross.layout import align_queries, serves_triton


def takes_cpu(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor) -> bool:
    """Tells whether the operator in PyTorch serves: on CPUs and CUDA, where nothing is exported."""
    return x.device.type in ('cpu', 'cuda') and not is_exporting() and x.shape[0] > 0


def takes_triton(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor) -> bool:
    """Tells whether the kernels for GPUs serve."""
    if x.device.type != 'cuda' or not takes_cpu(x, weight, bias, gamma):
        return False
    return serves_triton(x.device, _product_dtype(x, weight), x.shape, (weight.shape[0] - x.shape[1]) // 2)


def add_attended(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor) -> Tensor:
    """Projects to queries, keys and values and adds what each position gathers from its row and column.

    Args:
        x: (B, C, H, W).
        weight: (2 D + C, C), the projections to queries, keys and values.
        bias: (2 D + C,).
        gamma: (1,), factor of what is added.

    Returns:
        (B, C, H, W) in the dtype of ``x``. Products take autocast's dtype where it is on.

    Raises:
        TypeError: if the dtypes of ``x`` and ``weight`` differ without autocast.
    """
    return _add_attended(x, weight, bias, gamma, False)


def add_attended_by_triton(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor) -> Tensor:
    """Does what ``add_attended`` does, by the kernels for GPUs."""
    embed = (weight.shape[0] - x.shape[1]) // 2
    return _add_attended(x, *align_queries(weight, bias, embed), gamma, True)


def _product_dtype(x: Tensor, weight: Tensor) -> torch.dtype:
    device = x.device.type
    if torch.is_autocast_enabled(device) and x.dtype != torch.float64:  # autocast leaves float64 alone, too
        return torch.get_autocast_dtype(device)
    return weight.dtype


def _add_attended(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, by_triton: bool) -> Tensor:
    dtype = _product_dtype(x, weight)
    if x.dtype != dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(f'CrissCrossAttention: expected an input of {weight.dtype}, as the weights are, got {x.dtype}')
    with torch.autocast(x.device.type, enabled=False):
        return _AddAttended.apply(x, weight.to(dtype), bias.to(dtype), gamma, by_triton)


class _AddAttended(torch.autograd.Function):
    """Saves ``x`` as it came; a convolution would keep a copy in its own layout and dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, by_triton: bool) -> Tensor:
        features = x.to(weight.dtype)
        packed = torch.ops.mmattn.project_positions(features, weight, bias)
        out, record = torch.ops.mmattn.criss_cross_attention(x, packed, gamma, by_triton)
        ctx.save_for_backward(x, weight, packed, record, gamma)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, packed, record, gamma = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            grad_features, grad_weight, grad_bias, grad_gamma = torch.ops.mmattn.criss_cross_attention_backward(
                grad.to(weight.dtype), x.to(weight.dtype), weight, packed, record, gamma
            )
        return grad_features.to(x.dtype).add_(grad), grad_weight, grad_bias, grad_gamma, None
