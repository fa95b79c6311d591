"""Feature maps as rows of tokens and back, and multi-head attention between such rows.

Both changes of shape are views. Tokens that a layer has just written are a map in PyTorch's channels-last layout, so
convolutions and linear layers follow each other without a copy.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.kernels.engines import find_engine


def to_tokens(x: Tensor) -> Tensor:
    """Returns (B, C, H, W) as (B, H W, C), row after row of the map."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def to_map(tokens: Tensor, size: Sequence[int]) -> Tensor:
    """Returns (B, H W, C) as (B, C, H, W).

    Args:
        tokens: row after row of the map.
        size: H and W.
    """
    return tokens.reshape(tokens.shape[0], *size, tokens.shape[2]).permute(0, 3, 1, 2)


def multi_head_attention(
    query: Tensor, key: Tensor, value: Tensor, *, num_heads: int, drop_rate: float = 0.0
) -> Tensor:
    """Scaled dot-product attention, head by head: softmax(<query, key> / sqrt(D)) * value for D = C / num_heads.

    Args:
        query: (B, N, C), head after head.
        key: (B, M, C).
        value: (B, M, C).
        num_heads: divides C; the logits are divided by the root of C / num_heads.
        drop_rate: share of the attention that is left out by chance, the rest being scaled up; for training.

    Returns:
        (B, N, C).
    """
    query, key, value = (_split(x, num_heads) for x in (query, key, value))  # (B, G, N or M, D)
    engine = find_engine('multi_head', query, key, value, drop_rate)
    if engine is not None:
        found = engine(query, key, value, drop_rate)
    else:
        logits = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
        wide = torch.promote_types(logits.dtype, torch.float32)
        found = F.dropout(logits.to(wide).softmax(-1), drop_rate).to(value.dtype) @ value
    return found.transpose(1, 2).flatten(2)


def _split(x: Tensor, num_heads: int) -> Tensor:
    """Returns (B, N, G D) as (B, G, N, D)."""
    batch, length, channels = x.shape
    return x.reshape(batch, length, num_heads, channels // num_heads).transpose(1, 2)


class TokenLinear(nn.Linear):
    """``nn.Linear`` whose predictions on a CPU go through an engine; training, export and compilation are PyTorch's.

    Shape:
        (..., in_features) to (..., out_features).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Returns the products."""
        engine = find_engine('rows', x, self.weight, self.bias)
        return super().forward(x) if engine is None else engine(x, self.weight, self.bias)
