"""Efficient channel attention: each channel is scaled by a gate that sees the means of its neighbours.

ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks, https://arxiv.org/abs/1910.03151.

Squeeze-and-excitation without its hidden layer: one 1-D convolution over the channels, whose kernel grows with their
number. The gate is computed in float32 or wider whatever the dtype of the features.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.gating import channel_means, scale_channels
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_number, check_positive, check_positive_int


def adaptive_kernel_size(channels: int, *, gamma: float = 2.0, beta: float = 1.0) -> int:
    """Returns the odd number next to (log2(channels) + beta) / gamma, the larger of two (equation 12 of the paper)."""
    size = int(abs((math.log2(channels) + beta) / gamma))
    return size if size % 2 else size + 1


def efficient_channel_attention(x: Tensor, weight: Tensor) -> Tensor:
    """Scales each channel by the sigmoid of the convolved means over H and W (equations 9 and 10 of the paper).

    Args:
        x: (B, C, H, W).
        weight: (1, 1, k) with odd k, the kernel over neighbouring channels.

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    with torch.autocast(x.device.type, enabled=False):
        means = channel_means(x).unsqueeze(1)  # (B, 1, C)
        gate = F.conv1d(means, weight.to(means.dtype), padding=(weight.shape[-1] // 2,)).sigmoid()
        return scale_channels(x, gate.squeeze(1))


def _cost(channels: int, height: int, width: int) -> float:
    """C*k for the odd k next to (log2 C + 1)/2."""
    return channels * adaptive_kernel_size(channels)


@mechanism(short='eca', cost=_cost)
class EfficientChannelAttention(nn.Module):
    """Efficient channel attention.

    Args:
        in_channels: channels of the feature map.
        kernel_size: channels that a gate sees, odd; by default it follows their number, ``adaptive_kernel_size``.
        gamma: divisor of that rule.
        beta: offset of that rule.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(
        self, in_channels: int, *, kernel_size: int | None = None, gamma: float = 2.0, beta: float = 1.0
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        check_positive(name, 'gamma', gamma)
        check_number(f'{name}: beta', beta)
        if kernel_size is None:
            kernel_size = adaptive_kernel_size(in_channels, gamma=gamma, beta=beta)
        if check_positive_int(name, 'kernel_size', kernel_size) % 2 == 0:
            raise ValueError(f'{name}: kernel_size must be odd, got {kernel_size}')
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the gated map."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return efficient_channel_attention(x, self.conv.weight)
