"""Mix-attention: each level of a pyramid attends to a mixture of all levels on the coarsest grid.

U-MixFormer: UNet-like Transformer with Mix-Attention for Efficient Semantic Segmentation,
https://arxiv.org/abs/2312.06272. Two layers: ``FeatureMixer`` makes the keys, ``MixAttention`` attends.

The published code differs from the paper, and its checkpoints need that: keys pass a GELU before their projection.
Unlike that code there are no layers whose output is thrown away, and any size works: its form with reduced queries
needs image sides that are multiples of 64.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map, check_same_batch
from mmattn.attention.registry import mechanism
from mmattn.attention.tokens import TokenLinear, multi_head_attention, to_map, to_tokens
from mmattn.common.checks import check_flag, check_positive_int, check_positive_ints
from mmattn.kernels.context import is_exporting
from mmattn.kernels.products import convolve_points


def pool_to_grid(x: Tensor, ratio: int, size: Sequence[int] | None = None) -> Tensor:
    """Averages windows of ``ratio`` x ``ratio``; those at the far edges cover what is left of the map.

    Args:
        x: (B, C, H, W).
        ratio: 1 leaves the map as it is.
        size: the grid wanted; where the windows do not arrive at it, as many windows as it needs are spread evenly.

    Returns:
        (B, C, ceil(H / ratio), ceil(W / ratio)), or (B, C, *size).
    """
    if is_exporting() and ratio > 1 and any(isinstance(side, torch.SymInt) for side in x.shape[2:]):
        return _pool_symbolic(x, ratio, size)
    pooled = F.avg_pool2d(x, ratio, ceil_mode=True) if ratio > 1 else x
    if size is None or tuple(pooled.shape[2:]) == tuple(size):
        return pooled
    return F.adaptive_avg_pool2d(x, tuple(size))


def _pool_symbolic(x: Tensor, ratio: int, size: Sequence[int] | None) -> Tensor:
    """The same for sizes that an exported graph leaves open, with levels of one pyramid: their windows fit the grid.

    PyTorch cannot prove the size of what it rounds up itself, so that the map is filled up to whole windows.
    """
    height, width = x.shape[2:]
    # ONNX cuts fractions off, so that only what is positive may be divided.
    rows, columns = size if size is not None else ((height + ratio - 1) // ratio, (width + ratio - 1) // ratio)
    fill = (0, columns * ratio - width, 0, rows * ratio - height)
    there = x.new_ones(1, 1, height, width)
    return F.avg_pool2d(F.pad(x, fill), ratio) / F.avg_pool2d(F.pad(there, fill), ratio)


class FeatureMixer(nn.Module):
    """Brings the levels of a pyramid to one grid and joins their channels.

    Args:
        in_channels: channels of each level, deepest first.
        pool_ratios: how many times finer than the grid each level is; pooled levels pass a 1x1 convolution.

    Shape:
        A list of (B, C_i, H_i, W_i) to (B, sum of C_i, h, w), with (h, w) the first level's size, pooled.
    """

    def __init__(self, in_channels: Sequence[int], *, pool_ratios: Sequence[int] = (1, 2, 4, 8)) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_ints(name, 'in_channels', in_channels)
        self.pool_ratios = check_positive_ints(name, 'pool_ratios', pool_ratios, len(self.in_channels))
        self.convs = nn.ModuleList(nn.Conv2d(c, c, 1) for c, ratio in zip(in_channels, pool_ratios) if ratio > 1)

    def mix(self, pooled: Sequence[Tensor]) -> Tensor:
        """Returns the (B, sum of C_i, h, w) mixture of levels that are on the grid."""
        convs = iter(self.convs)
        return torch.cat([next(convs)(x) if r > 1 else x for x, r in zip(pooled, self.pool_ratios)], dim=1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Pools the levels, deepest first, and mixes them."""
        if len(levels) != len(self.in_channels):
            raise ValueError(f'{type(self).__name__}: expected {len(self.in_channels)} levels, got {len(levels)}')
        for level, channels in zip(levels, self.in_channels):
            check_feature_map(type(self).__name__, level, channels)
        first = pool_to_grid(levels[0], self.pool_ratios[0])
        rest = [pool_to_grid(x, r, first.shape[2:]) for x, r in zip(levels[1:], self.pool_ratios[1:])]
        return self.mix([first, *rest])


@mechanism(short='mix', inputs=2)
class MixAttention(nn.Module):
    """Multi-head attention from one feature map to keys of another size and width.

    Args:
        in_channels: channels of the feature map.
        key_channels: channels of the map to which it attends.
        num_heads: divides ``in_channels``.
        query_reduction: queries are taken from windows of that size, normalised and activated, and what they attend
            to is enlarged again; 2 in the published network for Cityscapes.
        key_norm: normalise the keys before their activation. Published: where queries are reduced.
        align_corners: of the enlarging.

    Shape:
        (B, in_channels, H, W) and (B, key_channels, h, w) to (B, in_channels, H, W), any sizes.
    """

    def __init__(
        self,
        in_channels: int,
        key_channels: int,
        *,
        num_heads: int = 8,
        query_reduction: int = 1,
        key_norm: bool = False,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.key_channels = check_positive_int(name, 'key_channels', key_channels)
        if in_channels % check_positive_int(name, 'num_heads', num_heads):
            raise ValueError(f'{name}: num_heads must divide in_channels ({in_channels}), got {num_heads}')
        self.num_heads, self.align_corners = num_heads, check_flag(name, 'align_corners', align_corners)
        self.query_reduction = check_positive_int(name, 'query_reduction', query_reduction)
        if query_reduction > 1:
            self.query_conv = nn.Conv2d(in_channels, in_channels, 1)
            self.query_norm = nn.LayerNorm(in_channels)
        self.key_norm = nn.LayerNorm(key_channels) if check_flag(name, 'key_norm', key_norm) else nn.Identity()
        self.query = TokenLinear(in_channels, in_channels, bias=False)
        self.key_value = TokenLinear(key_channels, 2 * in_channels, bias=False)
        self.proj = TokenLinear(in_channels, in_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws linear layers from a truncated normal, the convolution by its fan-out, as published."""
        for layer in (self.query, self.key_value, self.proj):
            nn.init.trunc_normal_(layer.weight, std=0.02)
        nn.init.zeros_(self.proj.bias)
        if self.query_reduction > 1:
            nn.init.normal_(self.query_conv.weight, std=(2 / self.in_channels) ** 0.5)
            nn.init.zeros_(self.query_conv.bias)

    def _reduce(self, x: Tensor) -> Tensor:
        x = convolve_points(self.query_conv, pool_to_grid(x, self.query_reduction))
        return to_map(F.gelu(self.query_norm(to_tokens(x))), x.shape[2:])

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """Returns what each position of ``x`` finds in ``keys``, without a residual."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        check_feature_map(f'{type(self).__name__} keys', keys, self.key_channels)
        check_same_batch(type(self).__name__, x, 'map of keys', keys)
        size = x.shape[2:]
        if self.query_reduction > 1:
            x = self._reduce(x)
        key, value = self.key_value(F.gelu(self.key_norm(to_tokens(keys)))).chunk(2, dim=-1)
        found = multi_head_attention(self.query(to_tokens(x)), key, value, num_heads=self.num_heads)
        found = to_map(self.proj(found), x.shape[2:])
        if self.query_reduction > 1:
            found = F.interpolate(found, size=tuple(size), mode='bilinear', align_corners=self.align_corners)
        return found
