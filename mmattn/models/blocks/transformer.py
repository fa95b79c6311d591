"""The feed-forward layer that several transformers share."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.tokens import TokenLinear, to_map, to_tokens
from mmattn.kernels.context import is_prediction

STRIP_ELEMENTS = 1 << 19  # of the hidden layer at a time on a CPU: 2 MiB, which its caches hold


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

    Predictions on a CPU take the map strip by strip, so that the wide hidden layer is never held as a whole.

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
        if is_prediction(tokens):
            return self._predict(tokens, *size)
        return self.fc2(F.gelu(to_tokens(self.convolve(to_map(self.fc1(tokens), size)))))

    def convolve(self, hidden: Tensor) -> Tensor:
        """Returns what the (B, hidden, H, W) map becomes before its activation; a row sees one above and one below."""
        return self.dwconv(hidden)

    def _predict(self, tokens: Tensor, height: int, width: int) -> Tensor:
        rows = max(STRIP_ELEMENTS // (width * self.fc1.out_features), 1)
        if len(tokens) * height <= rows:
            return self._strip(tokens, 0, height, height, width)
        out = torch.empty_like(tokens, memory_format=torch.contiguous_format)
        for image in range(len(tokens)):
            for top in range(0, height, rows):
                end = min(top + rows, height)
                out[image, top * width : end * width] = self._strip(tokens[image, None], top, end, height, width)[0]
        return out

    def _strip(self, tokens: Tensor, top: int, end: int, height: int, width: int) -> Tensor:
        """Returns rows ``top`` to ``end`` of the map, computed with their neighbours."""
        first, last = max(top - 1, 0), min(end + 1, height)
        hidden = to_map(self.fc1(tokens[:, first * width : last * width]), (last - first, width))
        hidden = to_tokens(self.convolve(hidden)[:, :, top - first : end - first])
        return self.fc2(torch.ops.aten.gelu_(hidden))
