"""What MMSegmentation's losses mean where a head has one output channel (sigmoid) for salt against background.

Most of them were written for a channel a class. Given one, DiceLoss takes the background for its class and learns the
opposite, TverskyLoss has no gradient, FocalLoss fails. Here they get what they mean: two classes of logits 0 and z,
whose softmax is the sigmoid of z, or salt alone.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss
from mmseg.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

_OUTSIDE = -1e4  # logit of pixels that count nowhere: a probability of 0, without a gradient


def two_classes(logits: Tensor) -> Tensor:
    """Returns (N, 1, H, W) logits z as (N, 2, H, W): 0 for background and z for salt."""
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def for_one_channel(owner: str, loss: nn.Module) -> nn.Module:
    """Returns a loss as it is to be applied to one output channel.

    Args:
        owner: head whose loss it is, named in messages.
        loss: MMSegmentation's, ours or another.

    Returns:
        The loss itself where it takes one channel as it is, and where it is not MMSegmentation's; else one around it.

    Raises:
        ValueError: if an option of the loss has no meaning for one channel.
    """
    if isinstance(loss, CrossEntropyLoss) and loss.use_sigmoid:
        _weigh_classes(owner, loss)
        return loss
    if not type(loss).__module__.startswith('mmseg.') or (isinstance(loss, LovaszLoss) and _is_binary(loss)):
        return loss
    if isinstance(loss, DiceLoss):
        if not loss.activate:
            raise ValueError(f'{owner}: DiceLoss must have activate=True, got False: the head gives logits')
        return SaltDice(loss)
    if isinstance(loss, FocalLoss):
        if not isinstance(loss.alpha, float | int):
            raise ValueError(f'{owner}: FocalLoss of one channel must have one alpha, that of salt, got {loss.alpha}')
        if loss.class_weight is not None and len(loss.class_weight) != 1:
            raise ValueError(f'{owner}: FocalLoss of one channel must have class_weight=[w], got {loss.class_weight}')
        return SaltFocal(loss)
    return TwoClassLoss(loss)


def _is_binary(loss: LovaszLoss) -> bool:
    return loss.cls_criterion.__name__ == 'lovasz_hinge'


def _weigh_classes(owner: str, loss: CrossEntropyLoss) -> None:
    """Makes ``class_weight=[b, s]`` of a sigmoid cross-entropy weigh background pixels by b and salt pixels by s.

    MMSegmentation hands it to PyTorch as ``pos_weight``, one number for one channel.
    """
    weights = loss.class_weight
    if weights is None or (isinstance(weights, Sequence) and len(weights) == 1):
        return
    if not isinstance(weights, Sequence) or len(weights) != 2 or not weights[0] > 0 or not weights[1] > 0:
        raise ValueError(
            f'{owner}: class_weight of one output channel must be [background, salt], both above 0, or [w], the weight '
            f'of salt pixels such as [5.0], got {weights}'
        )
    loss.class_weight = [weights[1] / weights[0]]
    loss.loss_weight = loss.loss_weight * weights[0]


class TwoClassLoss(nn.Module):
    """Gives a loss of a channel a class the two channels that one stands for.

    Args:
        loss: what is applied.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    @property
    def loss_name(self) -> str:
        """The key under which a head files the loss."""
        return self.loss.loss_name

    @property
    def loss_weight(self) -> float:
        """The loss's own factor."""
        return self.loss.loss_weight

    @loss_weight.setter
    def loss_weight(self, value: float) -> None:
        self.loss.loss_weight = value

    def forward(self, logits: Tensor, label: Tensor, **options: object) -> Tensor:
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels."""
        return self.loss(two_classes(logits), label, **options)


class SaltDice(TwoClassLoss):
    """MMSegmentation's Dice loss of the salt alone, its sigmoid form, without the pixels that count nowhere."""

    def forward(self, logits: Tensor, label: Tensor, *, ignore_index: int = 255, **options: object) -> Tensor:
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels; pixels of weight 0 count nowhere."""
        valid = label != ignore_index
        weight = options.pop('weight', None)
        if weight is not None:  # of a sampler
            valid = valid & (weight > 0)
        salt = ((label == 1) & valid)[:, None].to(logits.dtype)
        kept = self.loss.use_sigmoid
        self.loss.use_sigmoid = True
        try:
            return self.loss(logits.masked_fill(~valid[:, None], _OUTSIDE), salt, **options)
        finally:
            self.loss.use_sigmoid = kept


class SaltFocal(TwoClassLoss):
    """Focal loss of the salt's sigmoid (equation 5 of https://arxiv.org/abs/1708.02002), with a FocalLoss's options."""

    def forward(
        self,
        logits: Tensor,
        label: Tensor,
        *,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels."""
        scores, salt = logits[:, 0], (label == 1).to(logits.dtype)
        probability = scores.sigmoid()
        of_truth = probability * salt + (1 - probability) * (1 - salt)
        alpha = self.loss.alpha * salt + (1 - self.loss.alpha) * (1 - salt)
        losses = F.binary_cross_entropy_with_logits(scores, salt, reduction='none')
        losses = losses * alpha * (1 - of_truth) ** self.loss.gamma * (label != ignore_index)
        if self.loss.class_weight is not None:
            losses = losses * self.loss.class_weight[0]
        reduction = reduction_override or self.loss.reduction
        return self.loss.loss_weight * weight_reduce_loss(losses, weight, reduction, avg_factor)
