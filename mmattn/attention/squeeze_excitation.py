"""Squeeze-and-excitation: each channel is scaled by a gate that sees the means of all channels.

Squeeze-and-Excitation Networks, https://arxiv.org/abs/1709.01507.

The published layers are two 1x1 convolutions with biases. Others drop the biases (``bias=False``), or, as
MMSegmentation's ``SELayer``, round the squeezed width to multiples of 8 and gate by a hard sigmoid
(``divisor=8, gate='hard_sigmoid'``). The gate is computed in float32 or wider whatever the dtype of the features.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.gating import channel_logits, channel_means, scale_channels, squeezed_width
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_choice, check_flag, check_positive_int

Gate = Literal['sigmoid', 'hard_sigmoid']

_GATES = {'sigmoid': torch.sigmoid, 'hard_sigmoid': F.hardsigmoid}


def squeeze_excitation(
    x: Tensor, squeeze: nn.Linear | nn.Conv2d, excite: nn.Linear | nn.Conv2d, *, gate: Gate = 'sigmoid'
) -> Tensor:
    """Scales each channel by gate(excite(relu(squeeze(mean over H and W)))) (equations 2 to 4 of the paper).

    Args:
        x: (B, C, H, W).
        squeeze: linear layer or 1x1 convolution from C channels to fewer.
        excite: the same back to C channels.
        gate: 'sigmoid', or 'hard_sigmoid': (z + 3) / 6 kept between 0 and 1.

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    with torch.autocast(x.device.type, enabled=False):
        return scale_channels(x, _GATES[gate](channel_logits(channel_means(x), squeeze, excite)))


@mechanism(short='se', cost='C**2/8')
class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation.

    Args:
        in_channels: channels of the feature map.
        reduction: the gate's hidden layer has ``in_channels // reduction`` channels, at least one.
        bias: whether the two layers of the gate have biases, as published.
        gate: 'sigmoid' as published, or 'hard_sigmoid'.
        divisor: the hidden layer's channels are rounded to multiples of it.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(
        self, in_channels: int, *, reduction: int = 16, bias: bool = True, gate: Gate = 'sigmoid', divisor: int = 1
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.gate = check_choice(name, 'gate', gate, _GATES)
        check_positive_int(name, 'reduction', reduction)
        hidden = squeezed_width(in_channels, reduction, check_positive_int(name, 'divisor', divisor))
        self.fc1 = nn.Conv2d(in_channels, hidden, 1, bias=check_flag(name, 'bias', bias))
        self.fc2 = nn.Conv2d(hidden, in_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the gated map."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return squeeze_excitation(x, self.fc1, self.fc2, gate=self.gate)

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'gate={self.gate!r}'
