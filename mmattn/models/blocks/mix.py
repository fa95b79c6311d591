"""The decoder stages of U-MixFormer and of FeedFormer: attention to keys, then a feed-forward layer."""

import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmattn.attention import MixAttention
from mmattn.attention.tokens import to_map, to_tokens
from mmattn.models.blocks.transformer import ConvFFN, init_convolution


class MixBlock(nn.Module):
    """A stage of U-MixFormer, https://arxiv.org/abs/2312.06272.

    Normalisation stands on the residuals: A = LN(attention(LN(x), LN(keys)) + LN(x)), and A + FFN(A) comes out.

    Args:
        in_channels: channels of the level.
        key_channels: channels of the keys.
        num_heads: of the attention.
        query_reduction: of the attention; above one its keys are normalised a second time, as published.
        drop_path_rate: probability that a branch is left out in training.
        align_corners: of the attention.

    Shape:
        (B, in_channels, H, W) and (B, key_channels, h, w) to (B, in_channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        key_channels: int,
        *,
        num_heads: int,
        query_reduction: int = 1,
        drop_path_rate: float = 0.1,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.query_norm, self.key_norm = nn.LayerNorm(in_channels), nn.LayerNorm(key_channels)
        self.attention = MixAttention(
            in_channels,
            key_channels,
            num_heads=num_heads,
            query_reduction=query_reduction,
            key_norm=query_reduction > 1,
            align_corners=align_corners,
        )
        self.out_norm = nn.LayerNorm(in_channels)
        self.ffn = ConvFFN(in_channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """Returns the decoded level."""
        size = x.shape[2:]
        query = self.query_norm(to_tokens(x))
        keys = to_map(self.key_norm(to_tokens(keys)), keys.shape[2:])
        found = to_tokens(self.attention(to_map(query, size), keys))
        attended = self.out_norm(query + self.drop_path(found))
        return to_map(attended + self.drop_path(self.ffn(attended, size)), size)


class LowLevelBlock(nn.Module):
    """A stage of FeedFormer: the level queries the first level of the encoder, which is pooled.

    FeedFormer: Revisiting Transformer Decoder for Efficient Semantic Segmentation, AAAI 2023. Normalisation stands
    before the branches, residuals are the features themselves. Pooling takes whole windows only, as published.

    Args:
        in_channels: channels of the level.
        low_channels: channels of the first level.
        num_heads: of the attention.
        pool_ratio: windows of the first level.
        query_reduction: of the attention.
        drop_path_rate: probability that a branch is left out in training.
        align_corners: of the attention.

    Shape:
        (B, in_channels, H, W) and (B, low_channels, h, w) to (B, in_channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        low_channels: int,
        *,
        num_heads: int,
        pool_ratio: int,
        query_reduction: int = 1,
        drop_path_rate: float = 0.1,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.pool_ratio = pool_ratio
        self.query_norm, self.key_norm = nn.LayerNorm(in_channels), nn.LayerNorm(low_channels)
        self.key_conv = nn.Conv2d(low_channels, low_channels, 1)
        init_convolution(self.key_conv)
        self.attention = MixAttention(
            in_channels,
            low_channels,
            num_heads=num_heads,
            query_reduction=query_reduction,
            key_norm=True,
            align_corners=align_corners,
        )
        self.out_norm = nn.LayerNorm(in_channels)
        self.ffn = ConvFFN(in_channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor, low: Tensor) -> Tensor:
        """Returns the decoded level."""
        size, tokens = x.shape[2:], to_tokens(x)
        low = to_map(self.key_norm(to_tokens(low)), low.shape[2:])
        query = to_map(self.query_norm(tokens), size)
        tokens = tokens + self.drop_path(to_tokens(self.attention(query, self.key_conv(self._pool(low)))))
        return to_map(tokens + self.drop_path(self.ffn(self.out_norm(tokens), size)), size)

    def _pool(self, low: Tensor) -> Tensor:
        height, width = low.shape[2:]
        if height < self.pool_ratio or width < self.pool_ratio:  # no whole window: one takes the axis
            return F.adaptive_avg_pool2d(low, (max(height // self.pool_ratio, 1), max(width // self.pool_ratio, 1)))
        return F.avg_pool2d(low, self.pool_ratio)
