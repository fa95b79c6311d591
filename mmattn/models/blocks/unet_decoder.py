"""The blocks of a U-Net decoder, and the hypercolumn that joins what they give."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_activation_layer, build_norm_layer
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmattn.models.blocks.unet import SkipAttention, cut, enlarge
from mmattn.models.layers import build_layer


class UNetBlock(nn.Module):
    """Enlarges the map below, joins the skip connection, convolves twice and attends.

    Args:
        in_channels: channels of the map below.
        out_channels: channels of the result.
        skip_channels: of the skip connection; 0 for a block without one, which enlarges twofold.
        skip_attention: config of the layer on the skip connection, None for none (``SkipAttention``).
        image: whether the skip connection is the image: the map below, enlarged twofold, is cut to its size.
        attention: config of the layer at the end, None for none.
        conv_cfg: of the convolutions.
        norm_cfg: of the normalisations, the gate's included.
        act_cfg: of the activations.
        align_corners: of the gate's resizings.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        skip_channels: int,
        skip_attention: dict | None,
        image: bool,
        attention: dict | None,
        conv_cfg: dict | None,
        norm_cfg: dict | None,
        act_cfg: dict | None,
        align_corners: bool,
    ) -> None:
        super().__init__()
        layers = dict(padding=1, conv_cfg=conv_cfg, norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.image, self.skip_attention = image, None
        if skip_channels:
            self.skip_attention = SkipAttention(
                skip_channels, in_channels, attention=skip_attention, norm_cfg=norm_cfg, align_corners=align_corners
            )
        self.convs = nn.Sequential(
            ConvModule(in_channels + skip_channels, out_channels, 3, **layers),
            ConvModule(out_channels, out_channels, 3, **layers),
        )
        self.attention = build_layer('decoder_attention', attention, out_channels)

    def forward(self, below: Tensor, skip: Tensor | None = None) -> Tensor:
        """Returns (B, out_channels, H, W), of the skip connection's size or twice that of the map below."""
        x = self.enlarge(below, None if skip is None or self.image else skip.shape[2:])
        if skip is not None:
            x = cut(x, skip.shape[2:]) if self.image else x
            x = torch.cat([x, self.skip_attention(skip, below)], dim=1)
        return self.attention(self.convs(x))

    def enlarge(self, below: Tensor, size: Sequence[int] | None) -> Tensor:
        """Returns the map below at a size, twice its own for None."""
        return F.interpolate(below, scale_factor=2.0, mode='nearest') if size is None else enlarge(below, size)


class HyperColumn(nn.Module):
    """Projects the maps of all blocks, enlarges them to the size of the last, adds, normalises and activates.

    Joining all channels and a 1x1 convolution would give the same: it is linear and commutes with the enlarging. This
    way only ``out_channels`` channels are enlarged.

    Args:
        in_channels: channels of the maps.
        out_channels: channels of the result.
        norm_cfg: of the normalisation; without one the last projection has a bias.
        act_cfg: of the activation, None for none.
        align_corners: of the enlarging.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        *,
        norm_cfg: dict | None,
        act_cfg: dict | None,
        align_corners: bool,
    ) -> None:
        super().__init__()
        *others, last = in_channels
        self.projections = nn.ModuleList(nn.Conv2d(channels, out_channels, 1, bias=False) for channels in others)
        self.projections.append(nn.Conv2d(last, out_channels, 1, bias=norm_cfg is None))
        self.norm = nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]
        self.act = nn.Identity() if act_cfg is None else build_activation_layer(act_cfg)
        self.align_corners = align_corners

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Returns (B, out_channels, H, W), the size of the last map."""
        *others, last = (project(x) for project, x in zip(self.projections, maps, strict=True))
        for x in others:
            last = last + resize(x, last.shape[2:], mode='bilinear', align_corners=self.align_corners, warning=False)
        return self.act(self.norm(last))


def one_each(option: str, configs: dict | Sequence[dict | None] | None, count: int) -> list[dict | None]:
    """Returns a config, or None, for each of ``count`` places.

    Args:
        option: named in errors.
        configs: one for all of them, or a sequence of ``count``.
        count: how many there are.

    Raises:
        TypeError: if configs is no config and no sequence of them.
        ValueError: if there are more or fewer than ``count``.
    """
    if configs is None or isinstance(configs, dict):
        return [configs] * count
    if not isinstance(configs, Sequence) or isinstance(configs, str):
        raise TypeError(f'{option} must be None, a dict or a sequence of them, got {configs!r}')
    if len(configs) != count:
        raise ValueError(f'{option} must have {count} entries, got {len(configs)}')
    return list(configs)
