"""The two self-attention layers of the Lite Vision Transformer, https://arxiv.org/abs/2112.10809.

Both take tokens (B, H W, C), row after row, with the size (H, W) of their map, and return tokens of the same shape.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention import multi_head_attention
from mmattn.attention.tokens import to_map, to_tokens
from mmattn.models.blocks.transformer import init_convolution, init_linear

WINDOW = 3  # of the convolutional self-attention: 3 x 3 tokens, every second row and column


class ConvolutionalSelfAttention(nn.Module):
    """Attention inside 3x3 windows whose values have a matrix of their own for each of the nine places.

    The attention of a window is predicted from its average, not from queries and keys. Windows overlap; what they
    give to a token is summed.

    Args:
        in_channels: channels of the tokens.
        num_heads: divides ``in_channels``.
    """

    def __init__(self, in_channels: int, *, num_heads: int) -> None:
        super().__init__()
        places = WINDOW * WINDOW
        self.num_heads, self.scale = num_heads, (in_channels // num_heads) ** -0.5
        self.logits = nn.Linear(in_channels, places * places * num_heads)
        self.value = nn.Parameter(torch.empty(places, in_channels, in_channels))
        self.proj = nn.Linear(in_channels, in_channels)
        init_linear(self.logits)
        init_linear(self.proj)
        nn.init.normal_(self.value, std=(2 / in_channels) ** 0.5)

    def _attention(self, x: Tensor) -> Tensor:
        """Returns (B, L, heads, 9, 9) weights of the L windows of a (B, C, H, W) map."""
        logits = self.logits(to_tokens(F.avg_pool2d(x, 2, ceil_mode=True))) * self.scale
        return logits.unflatten(-1, (self.num_heads, WINDOW * WINDOW, WINDOW * WINDOW)).softmax(-1)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns the attended tokens; ``size`` is H and W."""
        x, options = to_map(tokens, size), dict(kernel_size=WINDOW, padding=WINDOW // 2, stride=2)
        batch, channels = x.shape[:2]
        windows = F.unfold(x, **options).unflatten(1, (channels, WINDOW * WINDOW))  # (B, C, 9, L)
        windows = windows.permute(2, 0, 3, 1).flatten(1, 2)  # (9, B L, C)
        value = torch.bmm(windows, self.value.to(windows.dtype).mT)
        value = value.unflatten(2, (self.num_heads, -1)).unflatten(1, (batch, -1))  # (9, B, L, heads, d)
        found = self._attention(x) @ value.permute(1, 2, 3, 0, 4)  # (B, L, heads, 9, d)
        found = found.permute(0, 2, 4, 3, 1).flatten(1, 3)
        return self.proj(to_tokens(F.fold(found, tuple(size), **options)))


class RecursiveAtrousSelfAttention(nn.Module):
    """Attention whose queries see several dilations through one kernel, applied several times with one set of weights.

    Args:
        in_channels: channels of the tokens.
        num_heads: divides ``in_channels``.
        reduction: keys and values come from a convolution of that size and stride; 1 for none.
        dilations: of the depthwise 3x3 kernel on the queries.
        recursion: how often the attention is applied; each time its result is added to the input of the next.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_heads: int,
        reduction: int,
        dilations: Sequence[int] = (1, 3, 5),
        recursion: int = 2,
    ) -> None:
        super().__init__()
        self.num_heads, self.reduction = num_heads, reduction
        self.dilations, self.recursion = tuple(dilations), recursion
        self.query = nn.Linear(in_channels, in_channels, bias=False)
        self.atrous = nn.Conv2d(in_channels, in_channels, 3, groups=in_channels, bias=False)
        self.key_value = nn.Linear(in_channels, 2 * in_channels, bias=False)
        self.proj = nn.Linear(in_channels, in_channels)
        for layer in (self.query, self.key_value, self.proj):
            init_linear(layer)
        init_convolution(self.atrous)
        if reduction > 1:
            self.reduce = nn.Conv2d(in_channels, in_channels, reduction, stride=reduction)
            self.reduce_norm = nn.LayerNorm(in_channels)
            init_convolution(self.reduce)

    def _query(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        query, weight = to_map(self.query(tokens), size), self.atrous.weight
        channels = weight.shape[0]
        seen = [F.silu(F.conv2d(query, weight, padding=r, dilation=r, groups=channels)) for r in self.dilations]
        return to_tokens(sum(seen))

    def _source(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns the tokens of keys and values; axes shorter than the reduction are padded with zeros to one."""
        if self.reduction == 1:
            return tokens
        x = to_map(tokens, size)
        lacking = [max(self.reduction - axis, 0) for axis in size]
        if any(lacking):
            x = F.pad(x, (0, lacking[1], 0, lacking[0]))
        return self.reduce_norm(to_tokens(self.reduce(x)))

    def _attend(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        key, value = self.key_value(self._source(tokens, size)).chunk(2, dim=-1)
        return self.proj(multi_head_attention(self._query(tokens, size), key, value, num_heads=self.num_heads))

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns the attended tokens; ``size`` is H and W."""
        found = F.silu(self._attend(tokens, size))
        for _ in range(self.recursion - 1):
            tokens = tokens + found
            found = F.silu(self._attend(tokens, size))
        return found
