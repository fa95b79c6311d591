"""Scaled dot-product attention of several heads by PyTorch's fused kernels, which hold no N x M matrix."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.kernels.context import plain_attention_is_faster


def takes(query: Tensor, key: Tensor, value: Tensor, drop_rate: float = 0.0) -> bool:
    """Always, but for traces, whose exporters know no fused attention, and where the plain steps are faster."""
    return not torch.jit.is_tracing() and not plain_attention_is_faster(query, key)


def fused(query: Tensor, key: Tensor, value: Tensor, drop_rate: float = 0.0) -> Tensor:
    """Attends from (B, G, N, D) to keys (B, G, M, D) and values (B, G, M, D); returns (B, G, N, D)."""
    return F.scaled_dot_product_attention(query, key, value, dropout_p=drop_rate)
