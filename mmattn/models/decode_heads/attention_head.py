"""A decode head around any attention layer: convolution, attention, convolution, classify."""

import torch
from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.models.decode_heads.decode_head import DecodeHead


@MODELS.register_module()
class AttentionHead(DecodeHead):
    """Convolution to ``attention_channels``, an attention layer, a convolution, then classification.

    The arrangement of CCNet (https://arxiv.org/abs/1811.11721, figure 2) with the attention layer left open.

    Args:
        in_channels: channels of the selected feature map.
        channels: channels before the classifier.
        attention: config of the attention layer; its ``in_channels`` is filled in here.
        attention_channels: channels inside, where attention works; ``channels`` by default.
        kernel_size: of the three convolutions, odd.
        concat_input: join the input to the result before the last convolution, as the papers do.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        attention: dict,
        attention_channels: int | None = None,
        kernel_size: int = 3,
        concat_input: bool = True,
        **kwargs,
    ) -> None:
        if kernel_size % 2 != 1:
            raise ValueError(f'{type(self).__name__}: kernel_size must be odd, got {kernel_size}')
        super().__init__(in_channels, channels, **kwargs)
        inner = channels if attention_channels is None else attention_channels
        if not concat_input and inner != channels:
            raise ValueError(
                f'{type(self).__name__}: attention_channels ({inner}) must equal channels ({channels}) '
                'when concat_input is False'
            )
        self.concat_input = concat_input
        self.convs = nn.ModuleList(
            [self._conv(self.in_channels, inner, kernel_size), self._conv(inner, inner, kernel_size)]
        )
        self.attention = MODELS.build(dict(attention, in_channels=inner))
        if concat_input:
            self.conv_cat = self._conv(self.in_channels + inner, channels, kernel_size)

    def _conv(self, in_channels: int, out_channels: int, kernel_size: int) -> ConvModule:
        return ConvModule(
            in_channels,
            out_channels,
            kernel_size,
            padding=kernel_size // 2,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )

    def forward_feature(self, inputs: list[Tensor]) -> Tensor:
        """Returns the (B, channels, H, W) map that the classifier sees."""
        x = self._transform_inputs(inputs)
        feature = self.convs[1](self.attention(self.convs[0](x)))
        if self.concat_input:
            feature = self.conv_cat(torch.cat([x, feature], dim=1))
        return feature

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Returns (B, out_channels, H, W) logits at the resolution of the selected feature map."""
        return self.cls_seg(self.forward_feature(inputs))
