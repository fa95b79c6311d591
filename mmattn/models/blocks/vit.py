"""The Vision Transformer (https://arxiv.org/abs/2010.11929) without a class token, as TransUNet has it."""

from collections.abc import Sequence
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention import multi_head_attention
from mmattn.attention.tokens import TokenLinear, to_map, to_tokens
from mmattn.models.blocks.recompute import apply_each

_EPS = 1e-6  # of the normalisations


class SelfAttention(nn.Module):
    """Multi-head self-attention; the N x N attention is not held.

    Args:
        channels: C of the tokens.
        num_heads: divides C.
        drop_rate: of the attention, in training.
    """

    def __init__(self, channels: int, *, num_heads: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.num_heads, self.drop_rate = num_heads, drop_rate
        self.query, self.key, self.value, self.proj = (TokenLinear(channels, channels) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns (B, N, C) for tokens of the same shape."""
        rate = self.drop_rate if self.training else 0.0
        query, key, value = self.query(tokens), self.key(tokens), self.value(tokens)
        return self.proj(multi_head_attention(query, key, value, num_heads=self.num_heads, drop_rate=rate))


class FeedForward(nn.Module):
    """Linear layer, GELU, linear layer, each followed by dropout.

    Args:
        channels: C of the tokens.
        hidden: channels between the layers.
        drop_rate: of the dropout.
    """

    def __init__(self, channels: int, hidden: int, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.fc1, self.fc2 = TokenLinear(channels, hidden), TokenLinear(hidden, channels)
        self.drop = nn.Dropout(drop_rate)
        for layer in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns (B, N, C) for tokens of the same shape."""
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(tokens)))))


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a layer normalisation and with a residual.

    Args:
        channels: C of the tokens.
        num_heads: divides C.
        mlp_ratio: width of the feed-forward layer's hidden layer in multiples of C.
        drop_rate: of the dropout in the feed-forward layer.
        attn_drop_rate: of the dropout of the attention.
    """

    def __init__(
        self, channels: int, *, num_heads: int, mlp_ratio: int, drop_rate: float = 0.0, attn_drop_rate: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels, eps=_EPS), nn.LayerNorm(channels, eps=_EPS)
        self.attention = SelfAttention(channels, num_heads=num_heads, drop_rate=attn_drop_rate)
        self.ffn = FeedForward(channels, mlp_ratio * channels, drop_rate=drop_rate)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns (B, N, C) for tokens of the same shape."""
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.ffn(self.norm2(tokens))


def resize_positions(positions: Tensor, old: Sequence[int], new: Sequence[int]) -> Tensor:
    """Interpolates position embeddings between grids: bilinearly, corners upon corners, as published.

    Args:
        positions: (1, N, C), row after row of the old grid.
        old: rows and columns of N.
        new: rows and columns wanted.

    Returns:
        (1, N', C).
    """
    return to_tokens(F.interpolate(to_map(positions, old), size=tuple(new), mode='bilinear', align_corners=True))


def fit_positions(positions: Tensor, grid: Sequence[int], channels: int) -> Tensor:
    """Makes a file's position embeddings those of a grid: leaves out a class token's, and resizes what is left.

    Args:
        positions: (1, N, C); (1, 1 + N, C) with a class token, the first. Unless N is the grid's, N is a square.
        grid: rows and columns wanted.
        channels: C.

    Returns:
        (1, rows * columns, C); or what was given, where it is none of these.
    """
    wanted, length = grid[0] * grid[1], positions.shape[1] if positions.dim() == 3 else 0
    if positions.shape != (1, length, channels) or length == wanted:
        return positions
    if length - 1 == wanted:
        return positions[:, 1:]
    patches = positions if isqrt(length) ** 2 == length else positions[:, 1:]
    side = isqrt(patches.shape[1])
    if side**2 != patches.shape[1] or side == 0:
        return positions
    return resize_positions(patches.float(), (side, side), grid).to(positions.dtype)


class VisionTransformer(nn.Module):
    """Patches as tokens with position embeddings, blocks, and a layer normalisation.

    Args:
        in_channels: channels of the map.
        channels: C of the tokens.
        patch_size: height and width of a patch.
        grid: rows and columns of the stored position embeddings, which are interpolated for other maps.
        num_layers: blocks.
        num_heads: of the attention; divides C.
        mlp_ratio: width of the feed-forward layers' hidden layers in multiples of C.
        drop_rate: of the dropout of the embeddings and in the feed-forward layers.
        attn_drop_rate: of the dropout of the attention.
        with_cp: whether the blocks compute again what the backward pass needs.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        patch_size: int,
        grid: Sequence[int],
        num_layers: int,
        num_heads: int,
        mlp_ratio: int,
        drop_rate: float,
        attn_drop_rate: float,
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.grid, self.with_cp = tuple(grid), with_cp
        self.patch_embed = nn.Conv2d(in_channels, channels, patch_size, stride=patch_size)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid[0] * grid[1], channels))
        self.drop = nn.Dropout(drop_rate)
        rates = dict(drop_rate=drop_rate, attn_drop_rate=attn_drop_rate)
        self.layers = nn.ModuleList(
            Block(channels, num_heads=num_heads, mlp_ratio=mlp_ratio, **rates) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(channels, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, C, H / patch_size, W / patch_size)."""
        x = self.patch_embed(x)
        tokens, size = to_tokens(x), x.shape[2:]
        tokens = self.drop(tokens + self._positions(size))
        x = to_map(self.norm(apply_each(self.layers, tokens, with_cp=self.with_cp)), size)
        # Convolutions after this would be channels-last; PyTorch cannot tell what that is for all of several sizes.
        return x.contiguous() if torch.compiler.is_compiling() else x

    def _positions(self, size: Sequence[int]) -> Tensor:
        if not torch.compiler.is_compiling() and not torch.jit.is_tracing() and tuple(size) == self.grid:
            return self.pos_embed
        return resize_positions(self.pos_embed, self.grid, size)  # the same numbers where the size is the same
