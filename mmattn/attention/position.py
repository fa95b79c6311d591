"""Position attention of DANet: each position attends to all positions.

Dual Attention Network for Scene Segmentation, https://arxiv.org/abs/1809.02983, section 3.2.

Unlike the published code: where an engine serves, the N x N attention map (N = H * W) is never held, neither forward
nor backward; logits and softmax are float32 or wider whatever the dtype of the features. The paper's text has batch
normalisation and ReLU after the projections, its code plain convolutions, as here.
"""

import torch
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_positive_int
from mmattn.kernels.engines import find_engine
from mmattn.kernels.products import convolve_points


def position_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attends from each position to every position (equations 1 and 2, without the residual).

    Args:
        query: (B, D, H, W).
        key: (B, D, H, W).
        value: (B, C, H, W).

    Returns:
        (B, C, H, W) in the dtype of ``value``: sum over positions of softmax(<query, key>) * value, without a scale.
    """
    size, dtype = query.shape[2:], value.dtype
    query, key, value = query.flatten(2), key.flatten(2), value.flatten(2)  # (B, D or C, N)
    engine = find_engine('softmax', query, key, value)
    if engine is not None:
        attended = engine(query, key, value)
    else:
        wide = torch.promote_types(dtype, torch.float32)
        with torch.autocast(value.device.type, enabled=False):
            weights = (query.to(wide).transpose(1, 2) @ key.to(wide)).softmax(-1)  # (B, N, N)
            attended = (value.to(wide) @ weights.transpose(1, 2)).to(dtype)
    return attended.view(*value.shape[:2], *size)


@mechanism(short='position', cost='N*(5/4*C**2 + 9/8*N*C)')
class PositionAttention(nn.Module):
    """Position attention with a learned residual weight, zero at first, so that it starts as the identity.

    Args:
        in_channels: channels of the feature map.
        reduction: queries and keys have ``in_channels // reduction`` channels, at least one.
        query_channels: channels of queries and keys where no whole reduction gives them; replaces ``reduction``.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, reduction: int = 8, query_channels: int | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        check_positive_int(name, 'reduction', reduction)
        if query_channels is None:
            query_channels = max(in_channels // reduction, 1)
        check_positive_int(name, 'query_channels', query_channels)
        self.query_conv = nn.Conv2d(in_channels, query_channels, 1)
        self.key_conv = nn.Conv2d(in_channels, query_channels, 1)
        self.value_conv = nn.Conv2d(in_channels, in_channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def attend(self, x: Tensor) -> Tensor:
        """Returns the attention of x, before weight and residual."""
        convs = self.query_conv, self.key_conv, self.value_conv
        return position_attention(*(convolve_points(conv, x) for conv in convs))

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + gamma * attention(x)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return torch.addcmul(x, self.gamma.to(x.dtype), self.attend(x).to(x.dtype))
