"""Channel attention of DANet: each channel attends to all channels.

Dual Attention Network for Scene Segmentation, https://arxiv.org/abs/1809.02983, section 3.3.

As in the published code, and unlike the paper's equation 3, the weights are softmax(max(G) - G) for the Gram matrix G
of the channels: the less alike two channels are, the more they exchange (the authors report better convergence so).
Unlike the published code, G and the softmax are float32 or wider whatever the dtype of the features: its sums over
H * W positions overflow in float16.
"""

import torch
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_positive_int
from mmattn.kernels.engines import find_engine


def channel_attention(x: Tensor) -> Tensor:
    """Attends from each channel to every channel (equations 3 and 4, without the residual).

    Args:
        x: (B, C, H, W).

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    flat = x.flatten(2)
    with torch.autocast(x.device.type, enabled=False):
        engine = find_engine('channel', flat)
        if engine is not None:
            return engine(flat).view(x.shape)
        wide = flat.to(torch.promote_types(x.dtype, torch.float32))
        gram = wide @ wide.transpose(1, 2)  # (B, C, C)
        weights = (gram.amax(-1, keepdim=True) - gram).softmax(-1)
        return (weights.to(x.dtype) @ flat).view(x.shape)


@mechanism(short='channel', cost='2*N*C**2')
class ChannelAttention(nn.Module):
    """Channel attention with a learned residual weight, zero at first, so that it starts as the identity.

    Args:
        in_channels: channels of the feature map.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = check_positive_int(type(self).__name__, 'in_channels', in_channels)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + gamma * attention(x)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return torch.addcmul(x, self.gamma.to(x.dtype), channel_attention(x))
