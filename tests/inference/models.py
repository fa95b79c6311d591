"""Segmentors that need no training: one whose output is known, and a tiny network."""

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn


class GreyModel(nn.Module):
    """Its logit at a pixel is (grey - 128) / 32 there, whatever the window: predictions are known exactly.

    Args:
        out_channels: 1, or 2 with the logit as channel 1.
    """

    def __init__(self, out_channels: int = 1) -> None:
        super().__init__()
        self.out_channels, self.align_corners, self.test_cfg = out_channels, False, dict(mode='whole')
        self.data_preprocessor = MODELS.build(dict(type='SaltDataPreProcessor', mean=128.0, std=32.0, size_divisor=8))
        self.scale = nn.Parameter(torch.ones(1))

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:

        logits = inputs * self.scale
        return torch.cat([torch.zeros_like(logits), logits], dim=1) if self.out_channels == 2 else logits


def build_tiny(*, out_channels: int = 1, in_channels: int = 1) -> nn.Module:
    """A real encoder-decoder, random weights and statistics from seed 0."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    norm = dict(type='BN')
    loss = dict(type='CrossEntropyLoss', use_sigmoid=out_channels == 1)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SaltDataPreProcessor', mean=128.0, std=32.0, size_divisor=8),
            backbone=dict(
                type='ResNetV1c',
                depth=18,
                in_channels=in_channels,
                base_channels=4,
                stem_channels=4,
                num_stages=2,
                out_indices=(0, 1),
                strides=(1, 2),
                dilations=(1, 1),
                norm_cfg=norm,
            ),
            decode_head=dict(
                type='FCNHead',
                in_channels=8,
                in_index=1,
                channels=4,
                num_convs=1,
                concat_input=False,
                num_classes=2,
                out_channels=out_channels,
                threshold=0.5 if out_channels == 1 else None,
                norm_cfg=norm,
                loss_decode=loss,
            ),
            train_cfg=None,
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    nn.init.normal_(model.decode_head.conv_seg.weight, std=2.0)
    return model.eval()
