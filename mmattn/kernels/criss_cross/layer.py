"""The criss-cross layer's own backward pass around the operator of ``operator``."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmattn.kernels import products  # noqa: F401  register the operators
from mmattn.kernels.criss_cross import operator  # noqa: F401  register the operators


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
    device = x.device.type
    if torch.is_autocast_enabled(device) and x.dtype != torch.float64:  # autocast leaves float64 alone, too
        weight, bias = (t.to(torch.get_autocast_dtype(device)) for t in (weight, bias))
    elif x.dtype != weight.dtype:
        raise TypeError(f'CrissCrossAttention: expected an input of {weight.dtype}, as the weights are, got {x.dtype}')
    with torch.autocast(device, enabled=False):
        return _AddAttended.apply(x, weight, bias, gamma)


class _AddAttended(torch.autograd.Function):
    """Saves ``x`` as it came; a convolution would keep a copy in its own layout and dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor) -> Tensor:
        features = x.to(weight.dtype)
        if x.device.type == 'cpu':
            packed = torch.ops.mmattn.project_positions(features, weight, bias)
        else:
            matrices = weight.t().expand(len(x), -1, -1)
            packed = torch.baddbmm(bias, features.flatten(2).mT, matrices).unflatten(1, x.shape[2:])
        out, record = torch.ops.mmattn.criss_cross_attention(x, packed, gamma)
        ctx.save_for_backward(x, weight, packed, record, gamma)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, weight, packed, record, gamma = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            grad_features, grad_weight, grad_bias, grad_gamma = torch.ops.mmattn.criss_cross_attention_backward(
                grad.to(weight.dtype), x.to(weight.dtype), weight, packed, record, gamma
            )
        return grad_features.to(x.dtype).add_(grad), grad_weight, grad_bias, grad_gamma
