"""Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, https://arxiv.org/abs/2003.07853.

The ResNet whose 3x3 convolutions are position-sensitive attention along the height and then along the width. The
authors' PyTorch code takes images of 224 x 224 only; this one any size: attention is global on axes of up to
``kernel_size`` positions, as there, and local with the paper's span on longer ones, at memory linear in the span.
"""

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_positive, check_positive_int, check_positive_ints
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.axial import AxialBlock, check_norm_cfg, normalisation

STAGES = 4
BLOCKS = {26: (1, 2, 4, 1), 50: (3, 4, 6, 3)}
STAGE_STRIDES = {32: (1, 2, 2, 2), 16: (1, 2, 2, 1), 8: (1, 2, 1, 1)}


@MODELS.register_module()
class AxialResNet(Backbone):
    """Axial-ResNet S, M and L; with the defaults the published 26-layer S (``axial26s``).

    Published weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='axial-deeplab')``.

    Args:
        depth: 26 or 50 layers.
        in_channels: channels of the image.
        width: 0.5 (S), 0.75 (M) or 1.0 (L), or another multiple of 1/8: the stages return 256, 512, 1024 and 2048
            times as many channels.
        kernel_size: positions on an axis up to which attention along it is global, in maps of stride 4, 8, 16 and
            32. The published network has those of a 224 x 224 image.
        span: positions that each one sees around it on longer axes; by default all that the relative positions tell
            apart, ``2 * kernel_size - 1``. Beyond these the outermost counts. The paper's large images use 65, which
            are all there with ``kernel_size=(65, 65, 65, 65)``.
        output_stride: 32, 16 or 8; of the last stages. The paper's segmentation has 16.
        num_heads: of the attention; divides the first stage's ``128 * width`` channels.
        out_indices: stages whose maps are returned, 0 to 3; there are none after the last of them.
        frozen_stages: the stem and the stages up to this one, from 0, are not trained; -1 for none.
        norm_cfg: ``dict(type='BN')`` by default, or 'SyncBN', with ``requires_grad``, ``eps`` and ``momentum``; also
            of the normalisations inside the attention.
        norm_eval: whether batch normalisation keeps its statistics in training.
        with_cp: whether blocks are computed again in the backward pass, to keep less for it.
        init_cfg: for pretrained weights, see ``Backbone``.

    Shape:
        (B, in_channels, H, W) to maps of strides 4, 8, 16 and 32 or as ``output_stride`` has it, sizes rounded up;
        any H and W.
    """

    def __init__(
        self,
        depth: int = 26,
        *,
        in_channels: int = 3,
        width: float = 0.5,
        kernel_size: Sequence[int] = (56, 28, 14, 7),
        span: int | None = None,
        output_stride: int = 32,
        num_heads: int = 8,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        outer = dict(out_indices=out_indices, frozen_stages=frozen_stages, norm_eval=norm_eval, init_cfg=init_cfg)
        super().__init__(num_stages=STAGES, **outer)
        norm_cfg = dict(type='BN') if norm_cfg is None else norm_cfg
        self._check(depth, in_channels, width, kernel_size, span, output_stride, num_heads)
        check_norm_cfg('AxialResNet', norm_cfg)
        channels = round(64 * width)
        self.conv1 = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode='fan_out', nonlinearity='relu')
        self.bn1 = normalisation(channels, norm_cfg)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        shared = dict(num_heads=num_heads, span=span, norm_cfg=norm_cfg, with_cp=with_cp)
        level = 0
        for i in range(max(out_indices) + 1):
            blocks, inner = [], round(128 * width) * 2**i
            for block in range(BLOCKS[depth][i]):
                stride = STAGE_STRIDES[output_stride][i] if block == 0 else 1
                blocks.append(AxialBlock(channels, inner, kernel_size=kernel_size[level], stride=stride, **shared))
                channels, level = AxialBlock.expansion * inner, level + (stride == 2)
            self.add_module(f'layer{i + 1}', nn.Sequential(*blocks))
        self.freeze()

    @staticmethod
    def _check(depth, in_channels, width, kernel_size, span, output_stride, num_heads) -> None:
        for option, value, allowed in (('depth', depth, BLOCKS), ('output_stride', output_stride, STAGE_STRIDES)):
            if value not in allowed:
                raise ValueError(f'AxialResNet: {option} must be one of {tuple(allowed)}, got {value!r}')
        check_positive_int('AxialResNet', 'in_channels', in_channels)
        check_positive('AxialResNet', 'width', width)
        if width * 8 % 1:
            raise ValueError(f'AxialResNet: width must be a positive multiple of 1/8, got {width!r}')
        check_positive_ints('AxialResNet', 'kernel_size', kernel_size, STAGES)
        if span is not None:
            check_positive_int('AxialResNet', 'span', span)
        channels = round(128 * width)
        if channels % check_positive_int('AxialResNet', 'num_heads', num_heads):
            raise ValueError(f'AxialResNet: num_heads must divide 128 * width ({channels}), got {num_heads}')

    @property
    def stages(self) -> list[nn.Sequential]:
        """The stages that there are, in order."""
        return [getattr(self, f'layer{i + 1}') for i in range(max(self.out_indices) + 1)]

    def frozen_modules(self) -> list[nn.Module]:
        """Returns the stem and the stages that ``frozen_stages`` keeps from training."""
        return [self.conv1, self.bn1, *self.stages[: self.frozen_stages + 1]] if self.frozen_stages >= 0 else []

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps of ``out_indices``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
