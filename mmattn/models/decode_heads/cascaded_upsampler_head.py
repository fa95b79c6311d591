"""The decoder of TransUNet (https://arxiv.org/abs/2102.04306), for any pyramid encoder."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_positive_int
from mmattn.models.blocks.unet_decoder import UNetBlock
from mmattn.models.decode_heads.unet_head import UNetHead


class BilinearBlock(UNetBlock):
    """A block of a U-Net decoder without attention, which enlarges bilinearly.

    Args:
        in_channels: channels of the map below.
        out_channels: channels of the result.
        skip_channels: of the skip connection; 0 for a block without one, which enlarges twofold.
        conv_cfg: of the convolutions.
        norm_cfg: of the normalisations.
        act_cfg: of the activations.
        align_corners: whether the corners of the map below come to lie upon those of the result.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        skip_channels: int,
        conv_cfg: dict | None,
        norm_cfg: dict | None,
        act_cfg: dict | None,
        align_corners: bool,
    ) -> None:
        none = dict(skip_attention=None, image=False, attention=None)
        layers = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg, act_cfg=act_cfg, align_corners=align_corners)
        super().__init__(in_channels, out_channels, skip_channels=skip_channels, **none, **layers)
        self.align_corners = align_corners

    def enlarge(self, below: Tensor, size: Sequence[int] | None) -> Tensor:
        """Returns the map below at a size, twice its own for None."""
        size = [2 * side for side in below.shape[2:]] if size is None else size
        return F.interpolate(below, size=tuple(size), mode='bilinear', align_corners=self.align_corners)


@MODELS.register_module()
class CascadedUpsamplerHead(UNetHead):
    """TransUNet's cascaded up-sampler: a 3x3 convolution of the deepest map, blocks, and a 3x3 classifier.

    A block enlarges bilinearly, joins the skip connection and convolves twice. There is one for each entry of
    ``decoder_channels``; the first ones take the encoder's other maps as skip connections and enlarge to their sizes,
    those after them twofold. With the defaults and ``HybridViT``, ``in_channels=(64, 256, 512, 768)``, it is the
    published one, whose logits are of the image's size; fewer maps are its smaller ``n_skip``.

    Args:
        in_channels: channels of the encoder's maps, the shallowest first; one is enough.
        in_index: which of the encoder's outputs the maps are; the first ones by default.
        decoder_channels: channels of each block, the deepest first; at least one a skip connection. The last is what
            the classifier sees, MMSegmentation's ``channels``.
        bridge_channels: what the first convolution makes of the deepest map.
        dropout_ratio: before the classifier, in training; published without.
        align_corners: of all enlarging; published with.
        **kwargs: MMSegmentation's other ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).

    Raises:
        TypeError: if ``channels`` is given, or a value is of a wrong type.
        ValueError: for a wrong value, which the message names.

    Shape:
        Maps (B, in_channels[i], h_i, w_i) to logits (B, out_channels, H, W), twice as large as the shallowest map for
        each block without a skip connection. Those that are larger than the image, whose sizes the encoder rounded up,
        are cut for losses and predictions.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int] | None = None,
        decoder_channels: Sequence[int] = (256, 128, 64, 16),
        bridge_channels: int = 512,
        dropout_ratio: float = 0.0,
        align_corners: bool = True,
        **kwargs,
    ) -> None:
        kwargs.update(dropout_ratio=dropout_ratio, align_corners=align_corners)
        super().__init__(in_channels, decoder_channels=decoder_channels, in_index=in_index, **kwargs)
        check_positive_int('CascadedUpsamplerHead', 'bridge_channels', bridge_channels)
        layers = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        deepest, *skips = self.in_channels[::-1]
        skips += [0] * (len(decoder_channels) - len(skips))
        self.bridge = ConvModule(deepest, bridge_channels, 3, padding=1, **layers)
        self.blocks = nn.ModuleList(
            BilinearBlock(before, after, skip_channels=skip, align_corners=self.align_corners, **layers)
            for before, after, skip in zip([bridge_channels, *decoder_channels], decoder_channels, skips)
        )
        self.conv_seg = nn.Conv2d(self.channels, self.out_channels, 3, padding=1)

    def start(self, deepest: Tensor) -> Tensor:
        """Returns the (B, bridge_channels, h, w) map that the first block enlarges."""
        return self.bridge(deepest)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns the (B, out_channels, H, W) logits; ``inputs`` are what the backbone gives."""
        return self.cls_seg(self.decode(inputs)[-1])
