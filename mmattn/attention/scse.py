"""Concurrent spatial and channel squeeze-and-excitation: gates by channel and by position, side by side.

Concurrent Spatial and Channel 'Squeeze & Excitation' in Fully Convolutional Networks,
https://arxiv.org/abs/1803.02579, and its extension https://arxiv.org/abs/1808.08127, which compares ways to combine
the two. Element-wise maximum is the default, as in the authors' code; many re-implementations add.

Both gates are computed in float32 or wider whatever the dtype of the features; the spatial gate's convolution, which
reads the whole map, runs in the dtype of the features (or autocast's).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from mmattn.attention.gating import squeezed_width
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.attention.squeeze_excitation import squeeze_excitation
from mmattn.common.checks import check_choice, check_flag, check_positive_int

Combination = Literal['max', 'add']

_COMBINATIONS = {'max': torch.maximum, 'add': torch.add}


def spatial_excitation(x: Tensor, logits: Tensor) -> Tensor:
    """Scales each position by the sigmoid of its logit.

    Args:
        x: (B, C, H, W).
        logits: (B, 1, H, W).

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    return x * logits.to(wide).sigmoid().to(x.dtype)


@mechanism(short='scse', cost='N*C + C**2')
class SCSE(nn.Module):
    """Concurrent spatial and channel squeeze-and-excitation.

    Args:
        in_channels: channels of the feature map.
        reduction: the channel gate's hidden layer has ``in_channels // reduction`` channels, at least one.
        combine: 'max' of the two gated maps, or 'add'.
        bias: whether the gates' layers have biases.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(
        self, in_channels: int, *, reduction: int = 2, combine: Combination = 'max', bias: bool = True
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.combine = check_choice(name, 'combine', combine, _COMBINATIONS)
        hidden = squeezed_width(in_channels, check_positive_int(name, 'reduction', reduction))
        self.fc1 = nn.Conv2d(in_channels, hidden, 1, bias=check_flag(name, 'bias', bias))
        self.fc2 = nn.Conv2d(hidden, in_channels, 1, bias=bias)
        self.conv = nn.Conv2d(in_channels, 1, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the two gated maps combined."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        by_channel = squeeze_excitation(x, self.fc1, self.fc2)
        by_position = spatial_excitation(x, self.conv(x))
        return _COMBINATIONS[self.combine](by_channel, by_position)

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'combine={self.combine!r}'
