"""Brings shot gathers onto the grid of a velocity model, then runs any image backbone."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_choice, check_positive_int, check_positive_ints

STEMS = ('time', 'resize', 'none')


@MODELS.register_module()
class ShotEncoder(BaseModule):
    """A stem that turns (time, receiver) into (depth, position), and a backbone.

    Args:
        num_shots: gathers a sample, the input's channels.
        grid: rows and columns (H, W) of the model; with ``stem='none'`` of no effect on the maps.
        stem: 'time': convolutions with strides along time alone, then resampling to the grid. 'resize': resampling
            alone. 'none': the backbone sees the gathers as they are.
        stem_channels: of each convolution of the time stem; each halves the samples.
        backbone: config of a backbone of MMSegmentation's or ours, without ``in_channels``.
        norm_cfg: of the stem; None for none.
        init_cfg: MMEngine's.

    Shape:
        (B, num_shots, T, R) to the backbone's maps of a (B, C, H, W) image.

    Raises:
        TypeError, ValueError: for a wrong option, which the message names.
    """

    def __init__(
        self,
        num_shots: int,
        *,
        grid: Sequence[int],
        stem: str = 'time',
        stem_channels: Sequence[int] = (32, 32),
        backbone: dict = dict(type='AttentionUNet', base_channels=16),  # noqa: B006
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        name = 'ShotEncoder'
        self.num_shots = check_positive_int(name, 'num_shots', num_shots)
        self.grid = check_positive_ints(name, 'grid', grid, 2)
        self.stem_kind = check_choice(name, 'stem', stem, STEMS)
        channels = [num_shots]
        if stem == 'time':
            channels += check_positive_ints(name, 'stem_channels', stem_channels)
        if not isinstance(backbone, dict) or 'type' not in backbone:
            raise TypeError(f'{name}: backbone must be a dict with a type, got {backbone!r}')
        if 'in_channels' in backbone:
            raise ValueError(f'{name}: backbone may not have in_channels, they follow from the stem: {channels[-1]}')
        layers = []
        for index, (before, after) in enumerate(pairwise(channels)):
            height = 7 if index == 0 else 5
            layers += [nn.Conv2d(before, after, (height, 3), stride=(2, 1), padding=(height // 2, 1))]
            layers += [] if norm_cfg is None else [build_norm_layer(norm_cfg, after)[1]]
            layers += [nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*layers)
        self.backbone = MODELS.build(dict(backbone, in_channels=channels[-1]))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the backbone's maps."""
        if x.dim() != 4 or x.shape[1] != self.num_shots:
            raise ValueError(
                f'ShotEncoder: expected gathers (B, {self.num_shots} shots, samples, receivers), got {tuple(x.shape)}: '
                'num_shots of the config must be that of the data'
            )
        x = self.stem(x)
        if self.stem_kind != 'none':
            # in float32: PyTorch lacks the filtered kind in bfloat16 on a CPU
            grid = F.interpolate(x.float(), self.grid, mode='bilinear', align_corners=False, antialias=True)
            x = grid.to(x.dtype)
        return tuple(self.backbone(x))
