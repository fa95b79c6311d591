"""Heads of four levels at tiny sizes, and maps for them."""

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

CHANNELS = (8, 16, 20, 32)
BN = dict(type='BN')


def build(head: type, **options) -> nn.Module:
    """Returns a head of five classes."""
    return head(CHANNELS, **{**dict(embed_dims=16, num_classes=5, norm_cfg=BN), **options})


def pyramid(height: int, width: int, batch: int = 1, channels: tuple[int, ...] = CHANNELS) -> list[torch.Tensor]:
    """Maps of an encoder of strides 4 to 32 that rounds sizes up."""
    return [
        torch.randn(batch, c, -(-height // stride), -(-width // stride)) for c, stride in zip(channels, (4, 8, 16, 32))
    ]


def samples(classes: int, size: tuple[int, int] = (64, 96), batch: int = 2) -> list[SegDataSample]:
    """Returns random labels."""
    made = []
    for _ in range(batch):
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=torch.randint(0, classes, (1, *size)))
        made.append(sample)
    return made
