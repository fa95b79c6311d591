"""The category consistent loss: features of one class close together, class means apart.

CCNet: Criss-Cross Attention for Semantic Segmentation, the journal version, https://arxiv.org/abs/1811.11721v2.
Its code was never published; this follows the equations.

As in the paper a class is one group over all images of the mini-batch. Choices that the paper leaves open: labels
are brought to the feature's size by taking the nearest pixel's, so that no feature is invented, and norms have a
gradient of 0 at 0, so that a class of a single pixel is no division by zero.
"""

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_not_negative


def compactness(distance: Tensor, *, delta_v: float, delta_d: float) -> Tensor:
    """Penalty of a feature's distance from the mean of its class: 0, then quadratic, then linear (phi_var).

    Args:
        distance: any shape, not negative.
        delta_v: distance up to which it is 0.
        delta_d: distance from which it is linear with slope 1; continuous there.
    """
    quadratic = (distance - delta_v).clamp(min=0).square()
    return torch.where(distance > delta_d, distance - delta_d + (delta_d - delta_v) ** 2, quadratic)


def category_consistency(
    features: Tensor, labels: Tensor, *, delta_v: float = 0.5, delta_d: float = 1.5
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the three terms of the loss.

    With the mean mu_c of the N_c features h_i of class c and K classes present:
    l_var = 1/K sum_c 1/N_c sum_i phi_var(|h_i - mu_c|),
    l_dis = 1/(K (K - 1)) sum_{a != b} max(2 delta_d - |mu_a - mu_b|, 0)^2, 0 where K is 1,
    l_reg = 1/K sum_c |mu_c|.

    Args:
        features: (P, C), in float32 or wider.
        labels: (P,) integers.
        delta_v: distance from the mean that costs nothing.
        delta_d: distance from the mean where the cost becomes linear; means 2 delta_d apart cost nothing.

    Returns:
        (l_var, l_dis, l_reg), scalars; all 0 where P is 0.
    """
    classes, group, counts = labels.unique(return_inverse=True, return_counts=True)
    total = max(len(classes), 1)
    means = features.new_zeros(len(classes), features.shape[1]).index_add(0, group, features) / counts[:, None]
    spread = compactness(torch.linalg.vector_norm(features - means[group], dim=1), delta_v=delta_v, delta_d=delta_d)
    first, second = torch.triu_indices(len(classes), len(classes), offset=1, device=features.device)
    apart = torch.linalg.vector_norm(means[first] - means[second], dim=1)
    l_dis = (2 * delta_d - apart).clamp(min=0).square().sum() / max(len(apart), 1)  # each pair stands for two
    return (spread / counts[group]).sum() / total, l_dis, torch.linalg.vector_norm(means, dim=1).sum() / total


@MODELS.register_module()
class CategoryConsistentLoss(nn.Module):
    """Category consistent loss on a feature map, beside a head's loss on logits (``AttentionHead(feature_loss=…)``).

    Args:
        delta_v: distance from the class mean that costs nothing.
        delta_d: distance from the class mean where the cost turns from quadratic to linear; class means are pushed
            until they are twice that apart.
        alpha: weight of the distances from the class means.
        beta: weight of the closeness of class means.
        gamma: weight of the length of class means.
        loss_weight: factor of the whole.
        loss_name: key of the loss in the log; only names that start with ``loss_`` are back-propagated by mmengine.

    Raises:
        TypeError: if a distance or weight is no number.
        ValueError: if one is negative, delta_d is below delta_v, or loss_name starts otherwise.
    """

    def __init__(
        self,
        *,
        delta_v: float = 0.5,
        delta_d: float = 1.5,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 0.001,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ccl',
    ) -> None:
        super().__init__()
        numbers = dict(delta_v=delta_v, delta_d=delta_d, alpha=alpha, beta=beta, gamma=gamma, loss_weight=loss_weight)
        for option, value in numbers.items():
            check_not_negative('CategoryConsistentLoss', option, value)
        if delta_d < delta_v:
            raise ValueError(f'CategoryConsistentLoss: delta_d must be at least delta_v={delta_v}, got {delta_d}')
        if not str(loss_name).startswith('loss_'):
            raise ValueError(f"CategoryConsistentLoss: loss_name must start with 'loss_', got {loss_name!r}")
        self.delta_v = delta_v
        self.delta_d = delta_d
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """The key under which a head files this loss."""
        return self._loss_name

    def forward(self, feature: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        """Computes the loss; half precision is computed in float32.

        Args:
            feature: (N, C, h, w).
            label: (N, H, W) or (N, 1, H, W) integers; of another size than the feature, the nearest pixels count.
            ignore_index: label of the pixels that count nowhere.

        Returns:
            A scalar; 0 with a gradient of 0 where no pixel is valid.

        Raises:
            ValueError: if the shapes are not these or N differs.
        """
        if label.dim() == 4 and label.shape[1] == 1:
            label = label.squeeze(1)
        if feature.dim() != 4 or label.dim() != 3 or len(feature) != len(label):
            raise ValueError(
                'CategoryConsistentLoss: expected a feature (N, C, h, w) and a label (N, H, W), '
                f'got shapes {tuple(feature.shape)} and {tuple(label.shape)}'
            )
        if label.shape[1:] != feature.shape[2:]:
            label = F.interpolate(label[:, None].float(), feature.shape[2:], mode='nearest-exact')[:, 0].long()
        valid = label != ignore_index
        wide = torch.promote_types(feature.dtype, torch.float32)
        features = feature.permute(0, 2, 3, 1)[valid].to(wide)
        terms = category_consistency(features, label[valid], delta_v=self.delta_v, delta_d=self.delta_d)
        weights = (self.alpha, self.beta, self.gamma)
        return self.loss_weight * sum(weight * term for weight, term in zip(weights, terms))
