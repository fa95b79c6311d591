"""A decode head around any attention layer: convolution, attention, convolution, classify."""

import torch
from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmattn.common.checks import check_flag, check_positive_int
from mmattn.models.decode_heads.decode_head import DecodeHead
from mmattn.models.layers import build_layer


@MODELS.register_module()
class AttentionHead(DecodeHead):
    """Convolution to ``attention_channels``, an attention layer, a convolution, then classification.

    The arrangement of CCNet (https://arxiv.org/abs/1811.11721, figure 2) with the attention layer left open.

    Args:
        in_channels: channels of the selected feature map.
        channels: channels before the classifier.
        attention: config of the attention layer; its ``in_channels`` is filled in here. None for the same head without
            attention.
        attention_channels: channels inside, where attention works; ``channels`` by default.
        kernel_size: of the three convolutions, odd.
        concat_input: join the input to the result before the last convolution, as the papers do.
        feature_loss: config of a loss on the feature that the classifier sees, such as ``CategoryConsistentLoss``;
            it is added in training and changes nothing in inference.
        feature_loss_channels: channels to which a 1x1 convolution takes the feature for that loss, 16 in the paper;
            without it the loss sees the feature itself.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        attention: dict | None,
        attention_channels: int | None = None,
        kernel_size: int = 3,
        concat_input: bool = True,
        feature_loss: dict | None = None,
        feature_loss_channels: int | None = None,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        if check_positive_int(name, 'kernel_size', kernel_size) % 2 != 1:
            raise ValueError(f'{name}: kernel_size must be odd, got {kernel_size}')
        super().__init__(in_channels, channels, **kwargs)
        self.check_one_map()
        inner = check_positive_int(
            name, 'attention_channels', channels if attention_channels is None else attention_channels
        )
        self.concat_input = check_flag(name, 'concat_input', concat_input)
        if not concat_input and inner != channels:
            raise ValueError(
                f'{name}: attention_channels ({inner}) must equal channels ({channels}) when concat_input is False'
            )
        self.convs = nn.ModuleList(
            [self._conv(self.in_channels, inner, kernel_size), self._conv(inner, inner, kernel_size)]
        )
        self.attention = build_layer(f'{name}: attention', attention, inner)
        if concat_input:
            self.conv_cat = self._conv(self.in_channels + inner, channels, kernel_size)
        self._build_feature_loss(feature_loss, feature_loss_channels)

    def _build_feature_loss(self, config: dict | None, channels: int | None) -> None:
        name = type(self).__name__
        self.feature_loss = self.feature_loss_conv = None
        if config is None:
            if channels is not None:
                raise ValueError(f'{name}: feature_loss_channels={channels} needs a feature_loss')
            return
        self.feature_loss = MODELS.build(config)
        loss_name = getattr(self.feature_loss, 'loss_name', '')
        others = [loss.loss_name for loss in _listed(self.loss_decode)]
        if not loss_name.startswith('loss_') or loss_name in others:
            raise ValueError(
                f"{name}: feature_loss must have a loss_name that starts with 'loss_' and is none of {others}, "
                f'got {loss_name!r}'
            )
        if channels is not None:
            if channels < 1:
                raise ValueError(f'{name}: feature_loss_channels must be at least 1, got {channels}')
            self.feature_loss_conv = nn.Conv2d(self.channels, channels, 1)

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

    def loss(self, inputs: list[Tensor], batch_data_samples: SampleList, train_cfg: dict) -> dict:
        """Returns the losses on the logits and, where there is one, that on the feature."""
        if self.feature_loss is None:
            return super().loss(inputs, batch_data_samples, train_cfg)
        feature = self.forward_feature(inputs)
        losses = self.loss_by_feat(self.cls_seg(feature), batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        if self.feature_loss_conv is not None:
            feature = self.feature_loss_conv(feature)
        losses[self.feature_loss.loss_name] = self.feature_loss(feature, label, ignore_index=self.ignore_index)
        return losses


def _listed(losses: nn.Module) -> list[nn.Module]:
    return list(losses) if isinstance(losses, nn.ModuleList) else [losses]
