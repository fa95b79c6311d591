"""Feature maps as rows of tokens and back, and multi-head attention between such rows.

Both changes of shape are views. Tokens that a layer has just written are a map in PyTorch's channels-last layout, so
convolutions and linear layers follow each other without a copy.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.kernels.context import is_prediction
from mmattn.kernels.products import multiply_rows, takes_onednn


def to_tokens(x: Tensor) -> Tensor:
    """Returns (B, C, H, W) as (B, H W, C), row after row of the map."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def to_map(tokens: Tensor, size: Sequence[int]) -> Tensor:
    """Returns (B, H W, C) as (B, C, H, W).

    Args:
        tokens: row after row of the map.
        size: H and W.
    """
    return tokens.unflatten(1, tuple(size)).permute(0, 3, 1, 2)


def multi_head_attention(query: Tensor, key: Tensor, value: Tensor, *, num_heads: int) -> Tensor:
    """Scaled dot-product attention, head by head; PyTorch's fused kernels hold no N x M matrix.

    Args:
        query: (B, N, C), head after head.
        key: (B, M, C).
        value: (B, M, C).
        num_heads: divides C; the logits are divided by the root of C / num_heads.

    Returns:
        (B, N, C).
    """
    heads = (t.unflatten(-1, (num_heads, -1)).transpose(1, 2) for t in (query, key, value))
    return F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)


class TokenLinear(nn.Linear):
    """``nn.Linear`` whose predictions go through ``multiply_rows``; training, export and compilation are PyTorch's.

    Shape:
        (..., in_features) to (..., out_features).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Returns the products."""
        if not is_prediction(x) or not takes_onednn(x):
            return super().forward(x)
        rows = x.reshape(-1, self.in_features).contiguous()
        return multiply_rows(rows, self.weight, self.bias).view(*x.shape[:-1], -1)
