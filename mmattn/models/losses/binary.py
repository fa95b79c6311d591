"""What MMSegmentation's losses mean where a head has one output channel (sigmoid) for salt against background.

Most of them were written for a channel a class. Given one, DiceLoss takes the background for its class and learns the
opposite, TverskyLoss has no gradient, FocalLoss fails. Here they get what they mean: two classes of logits 0 and z,
whose softmax is the sigmoid of z, or salt alone.
"""

import inspect
import math
from collections.abc import Iterable
from numbers import Real

import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss, DiceLoss, FocalLoss, HuasdorffDisstanceLoss, LovaszLoss
from mmseg.models.losses.ohem_cross_entropy_loss import OhemCrossEntropy
from mmseg.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from mmattn.models.losses.lovasz_hinge import LovaszHingeLoss, check_labels

_OUTSIDE = -1e4  # logit of pixels that count nowhere: a probability of 0, without a gradient


def two_classes(logits: Tensor) -> Tensor:
    """Returns (N, 1, H, W) logits z as (N, 2, H, W): 0 for background and z for salt."""
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def for_one_channel(owner: str, loss: nn.Module, *, called_by_name: bool = True) -> nn.Module:
    """Returns a loss as it is to be applied to one output channel.

    Args:
        owner: head whose loss it is, named in messages.
        loss: MMSegmentation's, ours or another.
        called_by_name: whether the head gives ``weight`` and ``ignore_index``, as all do that compute no losses of
            their own.

    Returns:
        The loss itself where it takes one channel as it is, and where it is not MMSegmentation's; else one around it.

    Raises:
        ValueError: if the loss, or an option of it, has no meaning for one channel.
    """
    if not type(loss).__module__.startswith('mmseg.'):
        return loss
    name = type(loss).__name__
    if not _takes_options(loss):
        if called_by_name:
            raise ValueError(
                f'{owner}: {name} takes neither pixel weights nor ignore_index, as this head gives them; use another '
                "loss, for hard examples CrossEntropyLoss with sampler=dict(type='OHEMPixelSampler', thresh=0.7)"
            )
        return TwoClassLoss(loss) if isinstance(loss, OhemCrossEntropy) else loss
    if getattr(loss, 'ignore_index', None) in (0, 1):
        raise ValueError(f'{owner}: ignore_index of {name} must be no class, got {loss.ignore_index}: use 255')
    if isinstance(loss, CrossEntropyLoss) and loss.use_mask:
        raise ValueError(f'{owner}: CrossEntropyLoss of one output channel must have use_mask=False, got True')
    if isinstance(loss, LovaszLoss) and _is_binary(loss):
        if loss.class_weight is not None:
            raise ValueError(f"{owner}: LovaszLoss(loss_type='binary') ignores class_weight, got {loss.class_weight}")
        return loss
    if isinstance(loss, DiceLoss):
        if not loss.activate:
            raise ValueError(f'{owner}: DiceLoss must have activate=True, got False: the head gives logits')
        return SaltDice(loss)
    if isinstance(loss, FocalLoss):
        if not isinstance(loss.alpha, float | int):
            raise ValueError(f'{owner}: FocalLoss of one channel must have one alpha, that of salt, got {loss.alpha}')
        if loss.class_weight is not None and (len(loss.class_weight) != 1 or not _are_weights(loss.class_weight)):
            raise ValueError(f'{owner}: FocalLoss of one channel must have class_weight=[w], got {loss.class_weight}')
        return SaltFocal(loss)
    _weigh_classes(owner, loss)
    if isinstance(loss, CrossEntropyLoss):
        return SaltCrossEntropy(loss) if loss.use_sigmoid else TwoClassCrossEntropy(loss)
    return SaltHausdorff(loss) if isinstance(loss, HuasdorffDisstanceLoss) else TwoClassLoss(loss)


def counts_no_pixels(loss: nn.Module) -> bool:
    """Tells whether a loss, as ``for_one_channel`` returns it, is zero where no pixel of a batch counts."""
    return isinstance(loss, SaltCrossEntropy | SaltFocal | LovaszHingeLoss)


def check_sampler(owner: str, losses: Iterable[nn.Module], *, by_loss: bool) -> None:
    """Checks that losses of one output channel can do what a sampler of pixels asks of them.

    Args:
        owner: head whose losses they are, named in messages.
        losses: as ``for_one_channel`` returns them.
        by_loss: whether the sampler ranks pixels by their losses, rather than by their probabilities.

    Raises:
        ValueError: if a loss of MMSegmentation or ours does not weigh pixels, or has none for each to be ranked by.
    """
    for loss in losses:
        inner = loss.loss if isinstance(loss, TwoClassLoss) else loss
        name = type(inner).__name__
        if not type(inner).__module__.startswith(('mmseg.', 'mmattn.')):
            continue
        if not isinstance(inner, CrossEntropyLoss | FocalLoss | DiceLoss):
            raise ValueError(f'{owner}: {name} does not weigh pixels; remove the sampler, or this loss')
        if by_loss and isinstance(inner, DiceLoss):
            raise ValueError(
                f'{owner}: OHEMPixelSampler without thresh ranks pixels by their losses, and {name} gives none for a '
                'pixel; set thresh, such as 0.7'
            )


def _takes_options(loss: nn.Module) -> bool:
    parameters = inspect.signature(loss.forward).parameters
    return {'weight', 'ignore_index'} <= {*parameters} or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _is_binary(loss: LovaszLoss) -> bool:
    return loss.cls_criterion.__name__ == 'lovasz_hinge'


def _are_weights(values: Iterable[object]) -> bool:
    return all(isinstance(value, Real) and math.isfinite(value) and value > 0 for value in values)


def _weigh_classes(owner: str, loss: nn.Module) -> None:
    """Makes ``class_weight=[b, s]`` weigh background by b and salt by s, and ``[w]`` weigh salt by w.

    MMSegmentation hands that of a sigmoid cross-entropy to PyTorch as ``pos_weight``, one number for one channel.
    """
    weights = getattr(loss, 'class_weight', None)
    if weights is None:
        return
    values = weights.tolist() if hasattr(weights, 'tolist') else weights
    if not isinstance(values, list | tuple) or len(values) not in (1, 2) or not _are_weights(values):
        raise ValueError(
            f'{owner}: class_weight of one output channel must be [background, salt], both above 0, or [w], the weight '
            f'of salt such as [5.0], got {weights}'
        )
    background, salt = values if len(values) == 2 else (1.0, values[0])
    if isinstance(loss, CrossEntropyLoss) and loss.use_sigmoid:
        loss.class_weight = [salt / background]
        loss.loss_weight = loss.loss_weight * background
    else:
        loss.class_weight = [background, salt]


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
        if hasattr(self.loss, 'ignore_index') and 'ignore_index' in options:  # some go by their own, not by the head's
            self.loss.ignore_index = options['ignore_index']
        return self.loss(two_classes(logits), label, **options)


class TwoClassCrossEntropy(TwoClassLoss):
    """MMSegmentation's softmax cross-entropy, with the mean that it takes of weighted classes.

    MMSegmentation 1.2 fails at labels that are ignored there, and its successors with ``avg_non_ignore``.
    """

    def forward(self, logits: Tensor, label: Tensor, **options: object) -> Tensor:
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels."""
        reduction = options.get('reduction_override') or self.loss.reduction
        if self.loss.class_weight is not None and reduction == 'mean' and options.get('avg_factor') is None:
            background, salt = self.loss.class_weight
            known = label != options.get('ignore_index', -100)
            options['avg_factor'] = background * ((label == 0) & known).sum() + salt * ((label == 1) & known).sum()
        return super().forward(logits, label, **options)


class SaltCrossEntropy(TwoClassLoss):
    """MMSegmentation's sigmoid cross-entropy, to the same numbers; none of them is read back from a GPU on the way."""

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
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels.

        Raises:
            ValueError: if a label is neither 0, 1, negative nor ``ignore_index``; on a GPU the device reports it.
        """
        check_labels(label, (label <= 1) | (label == ignore_index), ignore_index)
        scores = logits.squeeze(1)
        valid = ((label >= 0) & (label != ignore_index)).float()
        factor = None if self.loss.class_weight is None else scores.new_full((1,), self.loss.class_weight[0])
        losses = F.binary_cross_entropy_with_logits(scores, label.float(), pos_weight=factor, reduction='none')
        reduction = reduction_override or self.loss.reduction
        if reduction == 'mean' and avg_factor is None and self.loss.avg_non_ignore:
            avg_factor = valid.sum()
        weight = valid if weight is None else weight * valid
        return self.loss.loss_weight * weight_reduce_loss(losses, weight, reduction, avg_factor)


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


class SaltHausdorff(TwoClassLoss):
    """MMSegmentation's Hausdorff distance loss, with pixels that count nowhere as background without a gradient."""

    def forward(self, logits: Tensor, label: Tensor, *, ignore_index: int = 255, **options: object) -> Tensor:
        """Computes the loss of (N, 1, H, W) logits and (N, H, W) labels."""
        outside = (label == ignore_index)[:, None]
        logits = logits.masked_fill(outside, _OUTSIDE)
        return super().forward(logits, label, ignore_index=ignore_index, **options)


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
