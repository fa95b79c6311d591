"""The Lovász hinge: a loss whose minimum is the best IoU of salt.

Berman, Rannen Triki and Blaschko, The Lovász-Softmax loss (CVPR 2018), https://arxiv.org/abs/1705.08790,
foreground-background case and Algorithm 1. Beyond the paper: all images of a batch are sorted in one call, a
symmetric form, and elu + 1 in the place of relu; the last two were used by several entries of the TGS Salt
Identification Challenge (Kaggle, 2018).
"""

from typing import Literal

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_choice, check_flag, check_not_negative

Activation = Literal['relu', 'elu+1']
Reduction = Literal['none', 'mean', 'sum']

_ACTIVATIONS = {'relu': F.relu, 'elu+1': lambda errors: F.elu(errors) + 1}


def lovasz_hinge(logits: Tensor, salt: Tensor, valid: Tensor, *, activation: Activation = 'relu') -> Tensor:
    """Computes the Lovász hinge of several sets of pixels.

    With margin errors m = 1 - z (2 y - 1), sorted downwards, the loss is sum_k act(m_k) (J_k - J_{k-1}), J_k being
    the Jaccard loss of salt when the k worst pixels are wrong (Algorithm 1 gives J_k - J_{k-1}).

    Args:
        logits: (N, P) logits of salt, one row a set.
        salt: (N, P) bool, the truth.
        valid: (N, P) bool, False where pixels count nowhere.
        activation: of the margin errors.

    Returns:
        (N,); 0 with a gradient of 0 for a set without valid pixels.
    """
    errors = 1 - torch.where(salt, logits, -logits)
    order = errors.detach().masked_fill(~valid, -torch.inf).argsort(dim=1, descending=True)
    salt_sorted = (salt & valid).gather(1, order).to(errors.dtype)
    sediment_sorted = (~salt & valid).gather(1, order).to(errors.dtype)
    total = salt_sorted.sum(dim=1, keepdim=True)
    missed, invented = salt_sorted.cumsum(dim=1), sediment_sorted.cumsum(dim=1)
    jaccard = 1 - (total - missed) / (total + invented).clamp(min=1)
    steps = torch.diff(jaccard, dim=1, prepend=torch.zeros_like(total))
    margins = _ACTIVATIONS[activation](errors).masked_fill(~valid, 0).gather(1, order)
    return (margins * steps).sum(dim=1)


@MODELS.register_module()
class LovaszHingeLoss(nn.Module):
    """Lovász hinge loss of salt against background, for one- and two-channel heads.

    The two-channel logits l0, l1 enter as l1 - l0, whose sigmoid is the softmax of salt.

    Args:
        symmetric: whether to take the mean of L(z, y) and L(-z, 1 - y), so that the background's IoU counts too;
            without it a tile with no salt is driven by its single worst pixel.
        activation: of the margin errors: 'relu' as published, or 'elu+1', which keeps a gradient on right pixels.
        per_image: whether each image is a set of its own, the loss their mean, or the batch is one set.
        loss_weight: factor of the loss.
        loss_name: key of the loss in the log; only names that start with ``loss_`` are back-propagated by mmengine.

    Raises:
        TypeError: if an option is of another type than its default.
        ValueError: if activation is unknown or loss_weight negative.
    """

    def __init__(
        self,
        *,
        symmetric: bool = False,
        activation: Activation = 'relu',
        per_image: bool = True,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_lovasz',
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.symmetric = check_flag(name, 'symmetric', symmetric)
        self.activation = check_choice(name, 'activation', activation, _ACTIVATIONS)
        self.per_image = check_flag(name, 'per_image', per_image)
        self.loss_weight = check_not_negative(name, 'loss_weight', loss_weight)
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """The key under which a head files this loss."""
        return self._loss_name

    def forward(
        self,
        logits: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: Reduction | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Computes the loss; half precision is computed in float32.

        Args:
            logits: (N, 1, H, W) or (N, H, W) logits of salt, or (N, 2, H, W) logits of background and salt.
            label: (N, H, W) or (N, 1, H, W): 0 background, 1 salt, ignore_index.
            weight: must be None, the Lovász extension of a weighted Jaccard loss is another loss.
            avg_factor: what the sum over images is divided by, in the place of N; only with per_image and 'mean'.
            reduction_override: over images, 'mean' when None; others than 'mean' only with per_image.
            ignore_index: label of the pixels that count nowhere.

        Returns:
            A scalar, or (N,) with reduction 'none'.

        Raises:
            ValueError: if shapes, labels or a combination of options are not among these.
        """
        reduction = self._check_reduction(weight, avg_factor, reduction_override)
        scores = _salt_logits(logits)
        label = label.squeeze(1) if label.dim() == 4 else label
        if label.shape != scores.shape:
            raise ValueError(f'label of shape {tuple(label.shape)} does not fit logits of shape {tuple(logits.shape)}')
        rows = len(scores) if self.per_image else 1
        scores, label = scores.reshape(rows, -1), label.reshape(rows, -1)
        salt, valid = label == 1, label != ignore_index
        check_labels(label, ~valid | salt | (label == 0), ignore_index)
        losses = lovasz_hinge(scores, salt, valid, activation=self.activation)
        if self.symmetric:
            losses = (losses + lovasz_hinge(-scores, ~salt, valid, activation=self.activation)) / 2
        losses = self.loss_weight * losses
        if reduction == 'none':
            return losses
        if reduction == 'sum' or avg_factor is not None:
            return losses.sum() / (1 if avg_factor is None else avg_factor)
        return losses.mean()

    def _check_reduction(
        self, weight: Tensor | None, avg_factor: float | None, reduction_override: Reduction | None
    ) -> Reduction:
        reduction = 'mean' if reduction_override is None else reduction_override
        if reduction not in ('none', 'mean', 'sum'):
            raise ValueError(f"reduction_override must be None, 'none', 'mean' or 'sum', got {reduction_override!r}")
        if weight is not None:
            raise ValueError('weight must be None: LovaszHingeLoss does not weight pixels (remove the pixel sampler)')
        if reduction != 'mean' and not self.per_image:
            raise ValueError(f'reduction_override={reduction!r} needs per_image=True: one batch is one loss')
        if avg_factor is not None and (reduction != 'mean' or not self.per_image):
            raise ValueError("avg_factor needs per_image=True and reduction 'mean'")
        if avg_factor is not None and avg_factor <= 0:
            raise ValueError(f'avg_factor must be above 0, got {avg_factor}')
        return reduction


def check_labels(label: Tensor, right: Tensor, ignore_index: int) -> None:
    """Raises ValueError unless all labels are right; on a GPU, without waiting for it, the device reports a failure."""
    message = f'label may hold 0, 1 and ignore_index={ignore_index}'
    if label.is_cuda:
        torch._assert_async(right.all(), message)
    elif not right.all():
        raise ValueError(f'{message}, got {label.unique().tolist()}')


def _salt_logits(logits: Tensor) -> Tensor:
    """Gives the binary logit of salt, (N, H, W), in float32 or float64."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    if logits.dim() == 3:
        return logits
    if logits.dim() == 4 and logits.shape[1] == 1:
        return logits[:, 0]
    if logits.dim() == 4 and logits.shape[1] == 2:
        return logits[:, 1] - logits[:, 0]
    raise ValueError(f'logits must be (N, H, W), (N, 1, H, W) or (N, 2, H, W), got {tuple(logits.shape)}')
