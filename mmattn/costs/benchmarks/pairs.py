"""Attention over pairs of positions by PyTorch's own means, as further peers of our layers on a GPU."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class PairAttention(nn.Module):
    """The published layer of position and criss-cross attention, around a function of queries, keys and values.

    Args:
        channels: of the map; queries and keys have an eighth.
        attend: from (B, 1, N, D), (B, 1, N, D) and (B, 1, N, C) to (B, 1, N, C), without a scale.
    """

    def __init__(self, channels: int, attend: Attend) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
        self.key = nn.Conv2d(channels, channels // 8, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))
        self.attend = attend

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, C, H, W) with what each position gathers added."""
        rows = [conv(x).flatten(2).mT.unsqueeze(1) for conv in (self.query, self.key, self.value)]
        gathered = self.attend(*rows).squeeze(1).mT.unflatten(2, x.shape[2:])
        return x + self.gamma * gathered


def sdpa_position(channels: int, height: int, width: int) -> nn.Module:
    """Position attention by ``scaled_dot_product_attention``."""
    return PairAttention(channels, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=1.0))


def flex_position(channels: int, height: int, width: int) -> nn.Module:
    """Position attention by FlexAttention, compiled where there is a GPU."""
    return PairAttention(channels, lambda q, k, v: _flex()(q, k, v, scale=1.0))


def flex_criss_cross(channels: int, height: int, width: int) -> nn.Module:
    """Criss-cross attention by FlexAttention with a mask of rows and columns: blocks without a pair are left out."""
    from torch.nn.attention.flex_attention import create_block_mask

    def counts(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query // width == key // width) | (query % width == key % width)

    area, device = height * width, 'cuda' if torch.cuda.is_available() else 'cpu'
    mask = create_block_mask(counts, None, None, area, area, device=device)
    return PairAttention(channels, lambda q, k, v: _flex()(q, k, v, scale=1.0, block_mask=mask))


def _flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if torch.cuda.is_available() else flex_attention
