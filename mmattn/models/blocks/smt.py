"""The blocks of the Scale-Aware Modulation Transformer, https://arxiv.org/abs/2307.08579.

All take tokens (B, H W, C), row after row, with the size (H, W) of their map, and return tokens of the same shape.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmattn.attention import ScaleAwareModulation, multi_head_attention
from mmattn.attention.tokens import to_map, to_tokens
from mmattn.models.blocks.transformer import ConvFFN, init_convolution, init_linear


class TokenModulation(ScaleAwareModulation):
    """Scale-aware modulation of tokens."""

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns the modulated tokens; ``size`` is H and W."""
        return to_tokens(super().forward(to_map(tokens, size)))


class SelfAttention(nn.Module):
    """Multi-head self-attention with a depthwise convolution of the values beside it.

    The N x N attention is not kept for the backward pass.

    Args:
        in_channels: channels of the tokens.
        num_heads: divides ``in_channels``.
        qkv_bias: whether the projections to queries, keys and values have a bias.
    """

    def __init__(self, in_channels: int, *, num_heads: int, qkv_bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(in_channels, in_channels, bias=qkv_bias)
        self.key_value = nn.Linear(in_channels, 2 * in_channels, bias=qkv_bias)
        self.local_conv = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels)
        self.proj = nn.Linear(in_channels, in_channels)
        for layer in (self.query, self.key_value, self.proj):
            init_linear(layer)
        init_convolution(self.local_conv)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns the attended tokens; ``size`` is H and W."""
        key, value = self.key_value(tokens).chunk(2, dim=-1)
        attended = multi_head_attention(self.query(tokens), key, value, num_heads=self.num_heads)
        return self.proj(attended + to_tokens(self.local_conv(to_map(value, size))))


class ResidualConvFFN(ConvFFN):
    """Feed-forward layer whose depthwise convolution is added to what it convolves."""

    def convolve(self, hidden: Tensor) -> Tensor:
        """Returns the sum of both."""
        return hidden + self.dwconv(hidden)


class Block(nn.Module):
    """Modulation or attention, then a feed-forward layer, each behind a normalisation and with a residual.

    Args:
        attention: takes and returns tokens with the size of their map.
        channels: C.
        mlp_ratio: width of the feed-forward layer's hidden layer in multiples of C.
        layer_scale: what the learned factors of the two branches start from; None for none.
        drop_path_rate: probability that a branch is left out in training, sample by sample.
    """

    def __init__(
        self, attention: nn.Module, channels: int, *, mlp_ratio: int, layer_scale: float | None, drop_path_rate: float
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels, eps=1e-6), nn.LayerNorm(channels, eps=1e-6)
        self.attention = attention
        self.ffn = ResidualConvFFN(channels, expand_ratio=mlp_ratio)
        self.drop_path = DropPath(drop_path_rate)
        for name in ('gamma1', 'gamma2'):
            factors = None if layer_scale is None else nn.Parameter(torch.full((channels,), layer_scale))
            self.register_parameter(name, factors)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns tokens of the same shape; ``size`` is H and W."""
        tokens = tokens + self._branch(self.attention(self.norm1(tokens), size), self.gamma1)
        return tokens + self._branch(self.ffn(self.norm2(tokens), size), self.gamma2)

    def _branch(self, tokens: Tensor, factors: Tensor | None) -> Tensor:
        return self.drop_path(tokens if factors is None else factors * tokens)
