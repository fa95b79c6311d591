"""Coordinate attention: a gate a row times a gate a column, each a channel of its own.

Coordinate Attention for Efficient Mobile Network Design, https://arxiv.org/abs/2103.02907.

As in the authors' code, the activation is the hard swish. Unlike it, means over one axis take the place of adaptive
pooling, whose export with dynamic sizes is wrong, and the gates are computed in the parameters' dtype whatever the
dtype of the features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.gating import scale_own
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_positive, check_positive_int


def describe_coordinates(x: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Means over each row, then means over each column (equations 4 and 5 of the paper).

    Args:
        x: (B, C, H, W).
        dtype: of the result.

    Returns:
        (B, C, H + W, 1).
    """
    rows, columns = x.mean(3, keepdim=True, dtype=dtype), x.mean(2, keepdim=True, dtype=dtype)
    return torch.cat([rows, columns.transpose(2, 3)], dim=2)


@mechanism(short='coord', cost='(H + W)*C**2/16')
class CoordinateAttention(nn.Module):
    """Coordinate attention.

    Args:
        in_channels: channels of the feature map.
        reduction: the gates' shared hidden layer has ``in_channels // reduction`` channels, at least
            ``min_channels``.
        min_channels: least number of hidden channels.
        norm_eps: of the hidden layer's batch normalisation.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, reduction: int = 32, min_channels: int = 8, norm_eps: float = 1e-5) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        check_positive_int(name, 'min_channels', min_channels)
        check_positive(name, 'norm_eps', norm_eps)
        hidden = max(in_channels // check_positive_int(name, 'reduction', reduction), min_channels)
        self.conv1 = nn.Conv2d(in_channels, hidden, 1)
        self.bn1 = nn.BatchNorm2d(hidden, eps=norm_eps)
        self.conv_h = nn.Conv2d(hidden, in_channels, 1)
        self.conv_w = nn.Conv2d(hidden, in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns x * gate of its column * gate of its row (equations 6 to 9 of the paper)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        height = x.shape[2]
        with torch.autocast(x.device.type, enabled=False):
            hidden = describe_coordinates(x, dtype=self.conv1.weight.dtype)
            hidden = F.hardswish(self.bn1(self.conv1(hidden)))
            rows = self.conv_h(hidden[:, :, :height]).sigmoid()
            columns = self.conv_w(hidden[:, :, height:].transpose(2, 3)).sigmoid()
            return scale_own(x * columns.to(x.dtype), rows.to(x.dtype))
