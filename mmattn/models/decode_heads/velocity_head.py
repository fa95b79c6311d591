"""From a map of features to velocity, and to salt if asked for."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmattn.common.checks import check_flag, check_number, check_positive_int

_LOSSES = (dict(type='RegressionLoss', mode='l1'), dict(type='RegressionLoss', mode='l2'))


@MODELS.register_module()
class VelocityHead(BaseModule):
    """One convolution to velocity on the scale from 0 to 1, linear: a sigmoid would saturate at salt.

    Args:
        in_channels: of the map.
        in_index: which of the backbone's maps.
        velocity_range: m/s that 0 and 1 stand for; outputs may lie outside.
        kernel_size: of the convolution, odd.
        salt_branch: whether a second channel holds the logit of salt, trained by ``loss_salt``.
        salt_velocity: m/s from which a cell is predicted as salt, where there is no branch for it.
        loss_decode: losses of velocity: ``RegressionLoss``, ``SSIMLoss``, ``GradientLoss``, ``WaveformLoss``.
        loss_salt: loss of the salt logit: any of MMSegmentation's or ours for one output channel.
        init_cfg: MMEngine's.

    Raises:
        TypeError, ValueError: for a wrong option, which the message names.
    """

    num_classes, align_corners, threshold = 2, False, 0.5

    def __init__(
        self,
        in_channels: int,
        *,
        in_index: int = -1,
        velocity_range: tuple[float, float] = (1500.0, 4500.0),
        kernel_size: int = 1,
        salt_branch: bool = False,
        salt_velocity: float = 4250.0,
        loss_decode: dict | Sequence[dict] = _LOSSES,
        loss_salt: dict = dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=0.1),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        name = 'VelocityHead'
        check_positive_int(name, 'in_channels', in_channels)
        if isinstance(in_index, bool) or not isinstance(in_index, int):
            raise TypeError(f'{name}: in_index must be an integer, got {in_index!r}')
        if check_positive_int(name, 'kernel_size', kernel_size) % 2 == 0:
            raise ValueError(f'{name}: kernel_size must be odd, got {kernel_size}')
        low, high = (check_number(f'{name}: velocity_range', value, low=300, high=9000) for value in velocity_range)
        if low >= high:
            raise ValueError(f'{name}: velocity_range must be two speeds, the lower first, got {velocity_range!r}')
        self.in_index, self.velocity_range = in_index, (low, high)
        self.salt_velocity = check_number(f'{name}: salt_velocity', salt_velocity, low=300, high=9000)
        self.salt_branch = check_flag(name, 'salt_branch', salt_branch)
        self.out_channels = 2 if salt_branch else 1
        self.conv = nn.Conv2d(in_channels, self.out_channels, kernel_size, padding=kernel_size // 2)
        losses = [loss_decode] if isinstance(loss_decode, dict) else list(loss_decode)
        self.losses = nn.ModuleList(MODELS.build(loss) for loss in losses)
        if not losses:
            raise ValueError(f'{name}: loss_decode must name one loss at least')
        names = [loss.loss_name for loss in self.losses]
        if len(set(names)) < len(names):
            raise ValueError(f'{name}: two losses are named {max(names, key=names.count)!r}: give one a loss_name')
        self.salt_loss = MODELS.build(loss_salt) if salt_branch else None

    def init_weights(self) -> None:
        """Small weights around the middle of the range."""
        super().init_weights()
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, 0.5)
        if self.salt_branch:
            nn.init.constant_(self.conv.bias[1:], -2.0)

    def forward(self, inputs: Sequence[Tensor], size: Sequence[int] | None = None) -> Tensor:
        """Returns (B, out_channels, H, W): velocity from 0 to 1 and, if asked for, the salt logit.

        Args:
            inputs: the backbone's maps.
            size: rows and columns to resample to; None leaves those of the map.
        """
        if not -len(inputs) <= self.in_index < len(inputs):
            raise ValueError(f'VelocityHead: in_index {self.in_index} is not among the {len(inputs)} maps')
        output = self.conv(inputs[self.in_index])
        if size is not None and output.shape[2:] != torch.Size(size):
            output = F.interpolate(output, tuple(size), mode='bilinear', align_corners=False)
        return output

    def to_velocity(self, output: Tensor) -> Tensor:
        """Velocity (B, 1, H, W) in m/s of an output of ``forward``, float32."""
        low, high = self.velocity_range
        return low + (high - low) * output[:, :1].float()

    def salt_probability(self, output: Tensor) -> Tensor:
        """(B, 1, H, W): the branch's probability, else 1 where velocity reaches ``salt_velocity`` and 0 elsewhere."""
        if self.salt_branch:
            return output[:, 1:].float().sigmoid()
        return (self.to_velocity(output) >= self.salt_velocity).float()

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: object = None) -> dict:
        """Returns the losses and the mean absolute error in m/s; ValueError if models of the batch differ in size."""
        sizes = {tuple(sample.gt_velocity.data.shape[1:]) for sample in batch_data_samples}
        if len(sizes) > 1:
            raise ValueError(f'VelocityHead: the models of a batch differ in size: {sorted(sizes)}')
        target = torch.stack([sample.gt_velocity.data for sample in batch_data_samples]).float()
        output = self(inputs, sizes.pop())
        low, high = self.velocity_range
        velocity = self.to_velocity(output)
        losses = {}
        for loss in self.losses:
            if getattr(loss, 'wants_samples', False):  # the wave equation wants metres a second and the gathers
                losses[loss.loss_name] = loss(velocity, batch_data_samples)
            else:
                losses[loss.loss_name] = loss(output[:, :1].float(), (target - low) / (high - low))
        if self.salt_loss is not None:
            label = torch.stack([sample.gt_sem_seg.data for sample in batch_data_samples]).squeeze(1)
            losses['loss_salt'] = self.salt_loss(output[:, 1:].float(), label)
        losses['mae'] = (velocity.detach() - target).abs().mean()
        return losses
