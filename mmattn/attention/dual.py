"""Position and channel attention of DANet, side by side on one feature map.

Dual Attention Network for Scene Segmentation, https://arxiv.org/abs/1809.02983, figure 2.

The published network gives each branch its own convolutions, before and after, and sums at the end; that is
``DualAttentionHead``. This layer is for any other place: both branches see the same map and share one residual
connection instead of having one each, so that a layer put into a trained network starts as the identity.
"""

import torch
from torch import Tensor, nn

from mmattn.attention.channel import ChannelAttention
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.position import PositionAttention
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_positive_int


@mechanism(short='dual', cost='N*(13/4*C**2 + 9/8*N*C)')
class DualAttention(nn.Module):
    """Sum of position and channel attention.

    Args:
        in_channels: channels of the feature map.
        reduction: queries and keys of the position attention have ``in_channels // reduction`` channels, at least one.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        check_positive_int(name, 'reduction', reduction)
        self.position = PositionAttention(in_channels, reduction=reduction)
        self.channel = ChannelAttention(in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + gamma * position attention(x) + gamma' * channel attention(x)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        gamma = self.position.gamma.to(x.dtype)
        return torch.addcmul(self.channel(x), gamma, self.position.attend(x).to(x.dtype))
