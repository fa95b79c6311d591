"""Scale-aware modulation: depthwise convolutions of growing size, mixed across heads, modulate the values.

Scale-Aware Modulation Meet Transformer, https://arxiv.org/abs/2307.08579 (section 3.1).

Unlike the published code it works on maps instead of tokens, gathers the heads in the order that their mixing needs
in one copy, and keeps no modulator, which would hold the graph of the last call.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_flag, check_positive_int
from mmattn.kernels.products import convolve_points


def multi_head_mixed_convolution(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Convolves each head with its own depthwise kernel (equation 1 of the paper).

    Args:
        x: (B, G D, H, W), head after head.
        weights: of the G heads, each (D, 1, k, k) with its own odd k.
        biases: of the G heads, each (D,).

    Returns:
        (B, D G, H, W) with the heads of one channel side by side: head g of channel d is number d G + g.
    """
    heads = x.chunk(len(weights), dim=1)
    convolved = [
        F.conv2d(head, weight, bias, padding=(weight.shape[-1] // 2,) * 2, groups=weight.shape[0])
        for head, weight, bias in zip(heads, weights, biases)
    ]
    return torch.stack(convolved, dim=2).flatten(1, 2)


@mechanism(short='sam', cost='N*(5*C**2 + 49*C)')
class ScaleAwareModulation(nn.Module):
    """Scale-aware modulation, the attention of SMT's first stages.

    Args:
        in_channels: channels of the feature map.
        num_heads: heads of ``in_channels / num_heads`` channels; head i, from 0, has kernels of 3 + 2 i.
        expand_ratio: width of the modulator's hidden layer, in multiples of ``in_channels``.
        qkv_bias: whether the projections of the values and of the modulator's input have a bias.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, num_heads: int = 4, expand_ratio: int = 2, qkv_bias: bool = True) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        if in_channels % check_positive_int(name, 'num_heads', num_heads):
            raise ValueError(f'{name}: num_heads must divide in_channels ({in_channels}), got {num_heads}')
        hidden = in_channels * check_positive_int(name, 'expand_ratio', expand_ratio)
        width = in_channels // num_heads
        check_flag(name, 'qkv_bias', qkv_bias)
        self.value = nn.Conv2d(in_channels, in_channels, 1, bias=qkv_bias)
        self.context = nn.Conv2d(in_channels, in_channels, 1, bias=qkv_bias)
        self.local_convs = nn.ModuleList(
            nn.Conv2d(width, width, 3 + 2 * head, padding=1 + head, groups=width) for head in range(num_heads)
        )
        self.mix = nn.Conv2d(in_channels, hidden, 1, groups=width)
        self.norm = nn.BatchNorm2d(hidden)
        self.reduce = nn.Conv2d(hidden, in_channels, 1)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)
        self.init_weights()

    def init_weights(self) -> None:
        """Draws the projections from a truncated normal, the convolutions by their fan-out, as published.

        mmengine calls it after a network around it has drawn weights by its own rules (``init_cfg``).
        """
        for layer in (self.value, self.context, self.proj):
            nn.init.trunc_normal_(layer.weight, std=0.02)
        for layer in (*self.local_convs, self.mix, self.reduce):
            fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
            nn.init.normal_(layer.weight, std=(2 / fan_out) ** 0.5)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def modulator(self, x: Tensor) -> Tensor:
        """Returns what the values are multiplied by, (B, in_channels, H, W) (equation 2 of the paper)."""
        weights, biases = [conv.weight for conv in self.local_convs], [conv.bias for conv in self.local_convs]
        heads = multi_head_mixed_convolution(convolve_points(self.context, x), weights, biases)
        return self.reduce(F.gelu(self.norm(self.mix(heads))))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the projected product of modulator and values (equation 3 of the paper)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return convolve_points(self.proj, self.modulator(x) * convolve_points(self.value, x))
