"""The feed-forward layer that several transformers share."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention._row_products import TokenLinear
from mmattn.attention.tokens import to_map, to_tokens


def init_linear(layer: nn.Linear) -> None:
    """Draws the weight from a normal of 0.02, the bias zero."""
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def init_convolution(layer: nn.Conv2d) -> None:
    """Draws the weight by its fan-out, the bias zero."""
    fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
    nn.init.normal_(layer.weight, std=(2 / fan_out) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class ConvFFN(nn.Module):
    """Linear layer, depthwise 3x3 convolution, GELU, linear layer: the Mix-FFN of SegFormer.

    Args:
        in_channels: channels of the tokens.
        expand_ratio: width of the hidden layer in multiples of ``in_channels``.
        depthwise: False leaves out the convolution.
    """

    def __init__(self, in_channels: int, *, expand_ratio: int = 4, depthwise: bool = True) -> None:
        super().__init__()
        hidden = in_channels * expand_ratio
        self.fc1 = TokenLinear(in_channels, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden) if depthwise else nn.Identity()
        self.fc2 = TokenLinear(hidden, in_channels)
        init_linear(self.fc1)
        init_linear(self.fc2)
        if depthwise:
            init_convolution(self.dwconv)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns (B, H W, in_channels) for tokens of the same shape; ``size`` is H and W."""
        hidden = self.dwconv(to_map(self.fc1(tokens), size))
        return self.fc2(F.gelu(to_tokens(hidden)))
