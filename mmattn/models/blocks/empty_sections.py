"""Decides of a whole section whether it holds salt, and bounds the salt of its pixels by that."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EmptyClassifier(nn.Module):
    """Mean over a map's positions, then a linear layer to the logit that the section holds class 1.

    Args:
        in_channels: channels of the map.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, 1) from (B, in_channels, H, W)."""
        return self.linear(x.mean(dim=(2, 3)))


def empty_losses(logits: Tensor, label: Tensor, *, ignore_index: int, loss_weight: float) -> dict[str, Tensor]:
    """Computes the binary cross entropy of the decision, and how often it is right.

    Args:
        logits: (B, 1), that a section holds class 1.
        label: (B, H, W) of 0, 1 and ``ignore_index``; sections with nothing else than ``ignore_index`` do not count.
        ignore_index: label left out.
        loss_weight: factor of the loss.

    Returns:
        ``loss_empty``, 0 where no section counts, and ``acc_empty`` in percent.
    """
    counts = (label != ignore_index).flatten(1).any(1)
    holds = (label == 1).flatten(1).any(1)
    total = counts.sum().clamp(min=1)
    logits = logits[:, 0].float()
    losses = F.binary_cross_entropy_with_logits(logits, holds.float(), reduction='none') * counts
    right = ((logits.detach() > 0) == holds) & counts
    return dict(loss_empty=loss_weight * losses.sum() / total, acc_empty=100.0 * right.sum() / total)


def bound_by_section(seg_logits: Tensor, section_logits: Tensor) -> Tensor:
    """Lets no pixel be salt with a higher probability than its section holds any.

    A section that holds a salt pixel holds salt, so P(pixel) <= P(section); logits of both are bounded alike.

    Args:
        seg_logits: (B, 1, H, W) of salt, or (B, 2, H, W) of background and salt.
        section_logits: (B, 1), that the section holds salt.

    Returns:
        As ``seg_logits``; for two channels only that of salt changes.
    """
    bound = section_logits[:, :, None, None].to(seg_logits.dtype)
    if seg_logits.shape[1] == 1:
        return torch.minimum(seg_logits, bound)
    background, salt = seg_logits.split(1, dim=1)
    return torch.cat([background, torch.minimum(salt, background + bound)], dim=1)
