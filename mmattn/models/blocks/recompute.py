"""Trades time for memory: what a block computed inside is computed again in the backward pass."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def apply_each(blocks: nn.ModuleList | nn.Sequential, x: Tensor, *, with_cp: bool) -> Tensor:
    """Applies blocks one after another.

    Args:
        blocks: each takes and returns one tensor.
        x: what the first takes.
        with_cp: whether only what lies between the blocks is kept for the backward pass.

    Returns:
        What the last returns.
    """
    for block in blocks:
        x = checkpoint(block, x, use_reentrant=False) if with_cp and torch.is_grad_enabled() else block(x)
    return x
