"""The decoder of Swin-Unet, https://arxiv.org/abs/2105.05537, for any encoder whose maps halve in size."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from mmengine.model.weight_init import PretrainedInit
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.tokens import TokenLinear
from mmattn.common.checks import check_positive_int, check_positive_ints
from mmattn.models.blocks.swin import PatchExpanding, check_blocks, growing_rates, swin_blocks
from mmattn.models.blocks.transformer import init_linear
from mmattn.models.decode_heads.cut_logits import CutLogits
from mmattn.models.decode_heads.decode_head import DecodeHead
from mmattn.models.weights.loading import LoadsPretrained

_LAYERS = ('norm_cfg', 'act_cfg', 'conv_cfg')
_CLASSIFIER_INIT = dict(type='Normal', std=0.01, override=dict(name='conv_seg'))


class Level(nn.Module):
    """Enlarges the map below twofold, joins the skip connection and attends inside windows.

    Args:
        in_channels: of the map below.
        channels: of the skip connection and of the result.
        blocks: take and return maps with the channels last.
    """

    def __init__(self, in_channels: int, channels: int, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.expand = PatchExpanding(in_channels, channels)
        self.join = TokenLinear(2 * channels, channels)
        self.blocks = blocks
        init_linear(self.join)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Returns (B, H, W, channels) from (B, h, w, in_channels) and the skip connection, (B, H, W, channels).

        Raises:
            ValueError: unless h and w are half of H and W, rounded up.
        """
        for below, length in zip(x.shape[1:3], skip.shape[1:3]):
            if length != 2 * below and length != 2 * below - 1:
                raise ValueError(
                    f'SwinUNetHead: each map must have half the size of the one before, rounded up, got '
                    f'{tuple(x.shape[1:3])} after {tuple(skip.shape[1:3])}'
                )
        x = self.expand(x)[:, : skip.shape[1], : skip.shape[2]]
        x = self.join(torch.cat([x, skip], dim=-1))
        for block in self.blocks:
            x = block(x)
        return x


@MODELS.register_module()
class SwinUNetHead(CutLogits, LoadsPretrained, DecodeHead):
    """Decodes a pyramid from its deepest map up: expand, join the skip connection, attend inside windows.

    With the defaults and ``SwinUNetEncoder`` it is the published decoder, but that its classifier has a bias. Other
    encoders, MMSegmentation's ``SwinTransformer`` or a ResNet, serve as well. Maps of any size whose halves are rounded
    up; logits beyond the image are cut.

    Published weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='swin-unet')``. With ``source='swin'``
    a classifier of ImageNet starts the blocks of four maps' decoder from those of the encoder, as published; the log
    says what stays as it was initialised.

    Args:
        in_channels: channels of the encoder's maps, the shallowest first; at least two.
        in_index: which of the encoder's outputs the maps are; the first ones by default.
        depths: blocks at each map but the deepest, the shallowest first.
        num_heads: of the attention at each map but the deepest, the shallowest first; divide ``in_channels``.
        window_size: attention is among so many by so many tokens.
        mlp_ratio: width of the feed-forward layers in multiples of the map's channels.
        expand: how many times larger than the shallowest map the logits are: that map's stride.
        drop_path_rate: probability, in training, that a branch of the deepest level's last block is left out; it grows
            linearly from zero at the shallowest level's first block. Published: as the encoder's blocks of the same
            levels, 5/7 of an encoder's 0.2.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``loss_decode``, …), but none on
            convolutions, normalisations and activations, of which there is no choice.

    Raises:
        TypeError: if ``channels``, ``norm_cfg``, ``act_cfg`` or ``conv_cfg`` is given, or a value is of a wrong type.
        ValueError: for a wrong value, which the message names.
    """

    sources: ClassVar[dict[str, str]] = {'swin': 'swin-decoder'}

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int] | None = None,
        depths: Sequence[int] = (2, 2, 2),
        num_heads: Sequence[int] = (3, 6, 12),
        window_size: int = 7,
        mlp_ratio: float = 4.0,
        expand: int = 4,
        drop_path_rate: float = 1 / 7,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        self._check_levels(name, in_channels, in_index, depths, kwargs)
        widths = in_channels[:-1]
        check_blocks(name, 'in_channels', widths, num_heads, window_size, mlp_ratio, drop_path_rate)
        check_positive_int(name, 'expand', expand)
        in_index = list(range(len(in_channels)) if in_index is None else in_index)
        super().__init__(
            list(in_channels),
            in_channels[0],
            in_index=in_index,
            input_transform='multiple_select',
            **self._with_classifier_init(kwargs),
        )
        self.split_init_cfg()
        rates = growing_rates(drop_path_rate, depths)
        layers = dict(window_size=window_size, mlp_ratio=mlp_ratio)
        levels = [
            Level(below, channels, swin_blocks(channels, rates[i], num_heads=heads, **layers))
            for i, (below, channels, heads) in enumerate(zip(in_channels[1:], widths, num_heads))
        ]
        self.decoder = nn.ModuleList(levels[::-1])
        self.norm = nn.LayerNorm(self.channels)
        self.final_expand = PatchExpanding(self.channels, self.channels, scale=expand)
        self.rounding = expand

    @staticmethod
    def _check_levels(
        name: str, in_channels: Sequence[int], in_index: Sequence[int] | None, depths: Sequence[int], kwargs: dict
    ) -> None:
        check_positive_ints(name, 'in_channels', in_channels)
        if len(in_channels) < 2:
            raise ValueError(f'{name}: in_channels must have at least 2 numbers, one a map, got {in_channels!r}')
        check_positive_ints(name, 'depths', depths, len(in_channels) - 1)
        if in_index is not None and (not isinstance(in_index, Sequence) or len(in_index) != len(in_channels)):
            raise ValueError(f'{name}: in_index must have {len(in_channels)} numbers, one a map, got {in_index!r}')
        if 'channels' in kwargs:
            raise TypeError(f'{name}: channels follows from in_channels ({in_channels[0]}), leave it out')
        for option in _LAYERS:
            if kwargs.get(option) is not None:
                raise TypeError(
                    f'{name}: {option} has no meaning here, leave it out: there are layer normalisations and GELU, got '
                    f'{kwargs[option]!r}'
                )

    @staticmethod
    def _with_classifier_init(kwargs: dict) -> dict:
        """Lets MMSegmentation's start of the classifier go before pretrained weights, which may not have one."""
        given = kwargs.get('init_cfg')
        configs = [given] if isinstance(given, dict) else given
        if isinstance(configs, list | tuple) and all(
            isinstance(config, dict) and config.get('type') in ('Pretrained', PretrainedInit) for config in configs
        ):
            return {**kwargs, 'init_cfg': [_CLASSIFIER_INIT, *configs]}
        return kwargs

    def forward_feature(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns the (B, channels, expand H, expand W) map that the classifier sees.

        Raises:
            ValueError: if there are too few maps, one has other channels than ``in_channels``, or sizes do not halve.
        """
        maps = self._transform_inputs(inputs)
        for x, channels in zip(maps, self.in_channels):
            check_feature_map(type(self).__name__, x, channels)
        x, *skips = [x.permute(0, 2, 3, 1) for x in maps[::-1]]
        for level, skip in zip(self.decoder, skips, strict=True):
            x = level(x, skip)
        return self.final_expand(self.norm(x)).permute(0, 3, 1, 2)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns (B, out_channels, expand H, expand W) logits for a shallowest map of H x W."""
        return self.cls_seg(self.forward_feature(inputs))
