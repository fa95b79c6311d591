"""Joins four decoded levels with a 1x1 convolution, as the heads of SegFormer's family do."""

from abc import abstractmethod
from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.tokens import to_map, to_tokens
from mmattn.common.checks import check_positive_int
from mmattn.kernels.context import is_prediction
from mmattn.models.decode_heads.decode_head import DecodeHead

LEVELS = 4


class FusionHead(DecodeHead):
    """A head on the four levels of an encoder whose last layers enlarge, join and classify them.

    Joining and convolving are linear and commute with the enlarging: each level is convolved at its own resolution
    and the results are added, so that neither the joined map nor the large products exist.

    Args:
        in_channels: channels of the four levels, shallowest first.
        embed_dims: channels that the classifier sees; MMSegmentation's ``channels``.
        in_index: which four of the encoder's outputs these are.
        conv_cfg: None or ``dict(type='Conv2d')``: only that commutes with the enlarging.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).

    Raises:
        ValueError: for another number of levels, or another ``conv_cfg``.
        TypeError: if ``channels`` is given.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        embed_dims: int,
        in_index: Sequence[int] = (0, 1, 2, 3),
        conv_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        check_levels(name, 'in_channels', in_channels)
        check_levels(name, 'in_index', in_index, minimum=None)
        if 'channels' in kwargs:
            raise TypeError(f'{name}: channels follows from embed_dims ({embed_dims}), leave it out')
        if conv_cfg is not None and conv_cfg.get('type') not in ('Conv2d', 'Conv'):
            raise ValueError(f"{name}: conv_cfg must be None or of type 'Conv2d', got {conv_cfg!r}")
        super().__init__(
            list(in_channels), embed_dims, in_index=list(in_index), input_transform='multiple_select', **kwargs
        )
        self.fuse = ConvModule(sum(in_channels), embed_dims, 1, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)

    def select_levels(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Returns the four levels among the encoder's outputs, shallowest first.

        Raises:
            ValueError: if there are too few maps, or a level has other channels than ``in_channels``.
        """
        levels = self._transform_inputs(inputs)
        for level, channels in zip(levels, self.in_channels):
            check_feature_map(type(self).__name__, level, channels)
        return levels

    def fuse_levels(self, levels: Sequence[Tensor]) -> Tensor:
        """Joins levels, deepest first, at the size of the last.

        Args:
            levels: each (B, C_i, H_i, W_i).

        Returns:
            (B, embed_dims, H, W).
        """
        size = tuple(levels[-1].shape[2:])
        weight, bias, norm = self._fusing_layer()
        *parts, last = weight.split([level.shape[1] for level in levels], dim=1)
        fused = self._project(levels[0], parts[0], size, bias)
        for level, part in zip(levels[1:-1], parts[1:]):
            fused += self._project(level, part, size)
        rows, tokens = to_tokens(fused), to_tokens(levels[-1])
        if is_prediction(tokens):  # without the product as a map of its own
            rows.baddbmm_(tokens, last.t().expand(len(tokens), -1, -1))
        else:
            rows = rows + F.linear(tokens, last)
        fused = to_map(rows, size)
        if norm is not None:
            fused = norm(fused)
        return self.fuse.activate(fused) if self.fuse.with_activation else fused

    def _fusing_layer(self) -> tuple[Tensor, Tensor | None, nn.Module | None]:
        """Weight (embed_dims, sum of channels) and bias of the fusing convolution, and the normalisation after it.

        In evaluation batch normalisation is part of weight and bias.
        """
        weight, bias = self.fuse.conv.weight.flatten(1), self.fuse.conv.bias
        norm = self.fuse.norm if self.fuse.with_norm else None
        if not isinstance(norm, _BatchNorm) or norm.training or norm.running_var is None or not norm.affine:
            return weight, bias, norm
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        mean = norm.running_mean if bias is None else norm.running_mean - bias
        return weight * scale[:, None], norm.bias - mean * scale, None

    def _project(self, level: Tensor, weight: Tensor, size: tuple[int, int], bias: Tensor | None = None) -> Tensor:
        projected = to_map(F.linear(to_tokens(level), weight, bias), level.shape[2:])
        return F.interpolate(projected, size, mode='bilinear', align_corners=self.align_corners)

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Returns (B, out_channels, H, W) logits at the resolution of the first level."""
        return self.cls_seg(self.forward_feature(inputs))

    @abstractmethod
    def forward_feature(self, inputs: list[Tensor]) -> Tensor:
        """Returns the (B, embed_dims, H, W) map that the classifier sees."""


def check_levels(
    owner: str, option: str, value: Sequence[int], levels: int = LEVELS, *, minimum: int | None = 1
) -> tuple[int, ...]:
    """Returns ``value`` as a tuple, or raises unless it has one integer a level, of at least ``minimum``.

    Raises:
        TypeError: if one of them is not an integer.
        ValueError: if they are no sequence of so many, or one of them is below ``minimum`` (None for any).
    """
    if not isinstance(value, Sequence) or len(value) != levels:
        raise ValueError(f'{owner}: {option} must have {levels} numbers, one a level, got {value!r}')
    if minimum is None:
        return tuple(value)
    return tuple(check_positive_int(owner, option, number, minimum) for number in value)
