"""Classifies the maps of a decoder backbone: one alone, or several whose classifications are joined."""

from collections.abc import Sequence

import torch
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.models.decode_heads.decode_head import DecodeHead


@MODELS.register_module()
class MultiScaleHead(DecodeHead):
    """1x1 classifiers, for backbones that have decoded already, as ``AttentionUNet`` and MMSegmentation's ``UNet``.

    Of one map: one classifier, nothing else. Of several: each is classified, enlarged to the size of the last, and a
    1x1 convolution of all these logits gives the result. So the loss acts on each scale directly: the deep
    supervision of the authors' Attention U-Net (https://arxiv.org/abs/1804.03999). MMSegmentation's ``auxiliary_head``
    with one such head a map gives each scale a loss of its own instead.

    Args:
        in_channels: channels of the map, or of each map.
        in_index: which of the backbone's maps; an integer for one, as many as ``in_channels`` for several. By default
            the last, or the last ones.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).

    Raises:
        TypeError: if ``channels`` is given.
        ValueError: if ``in_channels`` and ``in_index`` do not fit.
    """

    def __init__(
        self, in_channels: int | Sequence[int], *, in_index: int | Sequence[int] | None = None, **kwargs
    ) -> None:
        name, several = type(self).__name__, isinstance(in_channels, Sequence)
        if 'channels' in kwargs:
            raise TypeError(f'{name}: channels follows from in_channels ({in_channels}), leave it out')
        if in_index is None:
            in_index = list(range(-len(in_channels), 0)) if several else -1
        lengths = [len(value) if isinstance(value, Sequence) else None for value in (in_channels, in_index)]
        if lengths[0] != lengths[1] or lengths[0] in (0, 1):
            raise ValueError(
                f'{name}: in_channels and in_index must be two integers, or sequences of one length above 1, got '
                f'{in_channels!r} and {in_index!r}'
            )
        if not several:
            super().__init__(in_channels, in_channels, in_index=in_index, **kwargs)
            self.classifiers = None
            return
        outputs = kwargs.get('out_channels')
        outputs = kwargs.get('num_classes') if outputs is None else outputs
        kwargs |= dict(in_index=list(in_index), input_transform='multiple_select')
        super().__init__(list(in_channels), outputs * len(in_channels), **kwargs)
        self.classifiers = nn.ModuleList(nn.Conv2d(channels, self.out_channels, 1) for channels in in_channels)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns (B, out_channels, H, W) logits at the resolution of the map, or of the last map."""
        maps = self._transform_inputs(inputs)
        if self.classifiers is None:
            return self.cls_seg(maps)
        maps = maps if self.dropout is None else [self.dropout(x) for x in maps]
        logits = [classifier(x) for classifier, x in zip(self.classifiers, maps, strict=True)]
        size = logits[-1].shape[2:]
        enlarged = [resize(x, size, mode='bilinear', align_corners=self.align_corners) for x in logits[:-1]]
        return self.conv_seg(torch.cat([*enlarged, logits[-1]], dim=1))
