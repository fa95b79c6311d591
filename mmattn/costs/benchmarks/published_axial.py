"""The axial attention layer step by step as its authors publish it, as the benchmark's peer.

Stand-Alone Axial-Attention for Panoptic Segmentation, https://arxiv.org/abs/2003.07853, section 3 and the layer's
published PyTorch form: one length of axis, all three similarities and the tables of relative positions held.
"""

import torch
from torch import Tensor, nn


class PublishedAxis(nn.Module):
    """Position-sensitive attention along one axis of exactly ``length`` positions.

    Args:
        channels: of the map; a head has ``channels / heads`` values and half as many queries and keys.
        length: of the axis.
        dim: the axis, 2 for columns and 3 for rows.
        heads: their number.
    """

    def __init__(self, channels: int, length: int, *, dim: int, heads: int = 8) -> None:
        super().__init__()
        self.dim, self.heads, values = dim, heads, channels // heads
        self.sizes = [values // 2, values // 2, values]
        self.qkv = nn.Conv1d(channels, 2 * channels, 1, bias=False)
        self.bn_qkv = nn.BatchNorm1d(2 * channels)
        self.bn_similarity = nn.BatchNorm2d(3 * heads)
        self.bn_output = nn.BatchNorm1d(2 * channels)
        self.relative = nn.Parameter(torch.randn(2 * values, 2 * length - 1) * values**-0.5)
        nn.init.normal_(self.qkv.weight, std=channels**-0.5)
        positions = torch.arange(length)
        self.register_buffer('index', (positions[:, None] - positions + length - 1).flatten(), persistent=False)
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attended map, (B, channels, H, W)."""
        lines = x.permute(0, 5 - self.dim, 1, self.dim)
        batch, others, channels, length = lines.shape
        lines = lines.contiguous().view(batch * others, channels, length)
        qkv = self.bn_qkv(self.qkv(lines)).view(batch * others, self.heads, -1, length)
        query, key, value = qkv.split(self.sizes, dim=2)
        tables = self.relative.index_select(1, self.index).view(-1, self.length, self.length)
        query_table, key_table, value_table = tables.split(self.sizes, dim=0)
        content = torch.einsum('bgci,bgcj->bgij', query, key)
        by_query = torch.einsum('bgci,cij->bgij', query, query_table)
        by_key = torch.einsum('bgci,cij->bgij', key, key_table).transpose(2, 3)
        stacked = self.bn_similarity(torch.cat([content, by_query, by_key], dim=1))
        weights = stacked.view(batch * others, 3, self.heads, length, length).sum(1).softmax(dim=3)
        found = torch.einsum('bgij,bgcj->bgci', weights, value)
        position = torch.einsum('bgij,cij->bgci', weights, value_table)
        both = torch.cat([found, position], dim=-1).view(batch * others, 2 * channels, length)
        out = self.bn_output(both).view(batch, others, channels, 2, length).sum(3)
        return out.permute(0, 2, 3, 1) if self.dim == 2 else out.permute(0, 2, 1, 3)


class PublishedAxialAttention(nn.Sequential):
    """Both axes of a square map.

    Raises:
        ValueError: if the map is not square: the published block has one length for both axes.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        if height != width:
            raise ValueError(f'the published layer takes square maps, not {height}x{width}')
        super().__init__(PublishedAxis(channels, height, dim=2), PublishedAxis(channels, width, dim=3))
