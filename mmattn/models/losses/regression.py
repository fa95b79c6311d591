"""Losses of velocity maps on the scale from 0 to 1."""

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_choice, check_not_negative, check_positive

_K = 0.01, 0.03


class VelocityLoss(nn.Module):
    """Base: a weight and a name.

    Args:
        loss_weight: factor.
        loss_name: key of the loss in the log; it must start with ``loss_``, or mmengine would not back-propagate it.
    """

    def __init__(self, loss_weight: float, loss_name: str) -> None:
        super().__init__()
        name = type(self).__name__
        self.loss_weight = check_not_negative(name, 'loss_weight', loss_weight)
        if not str(loss_name).startswith('loss_'):
            raise ValueError(f"{name}: loss_name must start with 'loss_', got {loss_name!r}")
        self.loss_name = loss_name

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Returns the weighted loss of maps (N, 1, H, W) in float32; ValueError if their shapes differ."""
        if prediction.shape != target.shape or prediction.dim() != 4:
            raise ValueError(
                f'{type(self).__name__}: expected two maps (N, 1, H, W), got {tuple(prediction.shape)} and '
                f'{tuple(target.shape)}'
            )
        return self.loss_weight * self.compute(prediction.float(), target.float())


@MODELS.register_module()
class RegressionLoss(VelocityLoss):
    """Mean absolute, squared or Huber difference.

    Args:
        mode: 'l1', 'l2' or 'huber'.
        delta: of 'huber': difference at which it turns from quadratic to linear.
        loss_weight: factor.
        loss_name: key in the log; ``loss_`` and the mode by default.
    """

    def __init__(
        self, mode: str = 'l1', *, delta: float = 0.1, loss_weight: float = 1.0, loss_name: str | None = None
    ) -> None:
        check_choice('RegressionLoss', 'mode', mode, ('l1', 'l2', 'huber'))
        super().__init__(loss_weight, f'loss_{mode}' if loss_name is None else loss_name)
        self.mode, self.delta = mode, check_positive('RegressionLoss', 'delta', delta)

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Returns a scalar."""
        if self.mode == 'l1':
            return F.l1_loss(prediction, target)
        return (
            F.mse_loss(prediction, target) if self.mode == 'l2' else F.huber_loss(prediction, target, delta=self.delta)
        )


@MODELS.register_module()
class SSIMLoss(VelocityLoss):
    """One minus the mean structural similarity: Wang et al., IEEE TIP 13(4), 2004, equation 13.

    Gaussian window of 11 x 11 and standard deviation 1.5, K 0.01 and 0.03, range 1, windows inside the map alone.
    """

    def __init__(self, *, loss_weight: float = 1.0, loss_name: str = 'loss_ssim') -> None:
        super().__init__(loss_weight, loss_name)
        position = torch.arange(11.0) - 5
        window = torch.exp(-(position**2) / (2 * 1.5**2))
        self.register_buffer('window', window / window.sum(), persistent=False)

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Returns a scalar; ValueError for maps below 11 x 11."""
        if min(prediction.shape[2:]) < 11:
            raise ValueError(f'SSIMLoss: maps must be 11 x 11 at least, got {tuple(prediction.shape[2:])}')
        maps = torch.cat([prediction, target, prediction**2, target**2, prediction * target])
        maps = F.conv2d(F.conv2d(maps, self.window.view(1, 1, 11, 1)), self.window.view(1, 1, 1, 11))
        x, y, xx, yy, xy = maps.chunk(5)
        first, second = (k**2 for k in _K)
        numerator = (2 * x * y + first) * (2 * (xy - x * y) + second)
        denominator = (x**2 + y**2 + first) * (xx - x**2 + yy - y**2 + second)
        return 1 - (numerator / denominator).mean()


@MODELS.register_module()
class GradientLoss(VelocityLoss):
    """Mean absolute difference of the first differences along depth and line: edges count, levels do not."""

    def __init__(self, *, loss_weight: float = 1.0, loss_name: str = 'loss_gradient') -> None:
        super().__init__(loss_weight, loss_name)

    def compute(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Returns a scalar; an axis of one cell counts nothing."""
        residual = prediction - target
        parts = [residual.diff(dim=axis).abs() for axis in (2, 3) if residual.shape[axis] > 1]
        return sum(part.mean() for part in parts) if parts else residual.sum() * 0
