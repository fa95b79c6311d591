"""What our decode heads share beyond MMSegmentation's base class."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor


def one_channel_accuracy(logits: Tensor, label: Tensor, threshold: float, ignore_index: int) -> Tensor:
    """Share of valid pixels, in percent, that a one-channel (sigmoid) head classifies right.

    Args:
        logits: (N, 1, H, W).
        label: (N, H, W) of 0 and 1.
        threshold: probability above which a pixel is of class 1.
        ignore_index: label left out.

    Returns:
        A tensor of one number, 0 where no pixel is valid.
    """
    valid = label != ignore_index
    right = ((logits.squeeze(1).sigmoid() > threshold) == (label == 1)) & valid
    return 100.0 * right.sum() / valid.sum().clamp(min=1)


class DecodeHead(BaseDecodeHead):
    """BaseDecodeHead whose logged accuracy is right for one output channel as well, and which misses maps by name.

    MMSegmentation takes the arg-max over channels, which is always class 0 where there is one channel.
    """

    def _transform_inputs(self, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Selects and joins the maps that ``in_index`` names; ValueError where the encoder gives too few."""
        indices = self.in_index if isinstance(self.in_index, Sequence) else [self.in_index]
        wanted = max(index + 1 if index >= 0 else -index for index in indices)
        if len(inputs) < wanted:
            raise ValueError(f'{type(self).__name__}: in_index {self.in_index} needs {wanted} maps, got {len(inputs)}')
        return super()._transform_inputs(inputs)

    def check_one_map(self) -> None:
        """Raises ValueError if the head would get several maps, where it reads one."""
        if self.input_transform == 'multiple_select':
            raise ValueError(
                f"{type(self).__name__}: input_transform must be None or 'resize_concat', got 'multiple_select'"
            )

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Losses of ``seg_logits`` (N, out_channels, h, w), and ``acc_seg``."""
        losses = super().loss_by_feat(seg_logits, batch_data_samples)
        if self.out_channels == 1:
            with torch.no_grad():
                label = self._stack_batch_gt(batch_data_samples)
                logits = resize(seg_logits, label.shape[2:], mode='bilinear', align_corners=self.align_corners)
                losses['acc_seg'] = one_channel_accuracy(logits, label.squeeze(1), self.threshold, self.ignore_index)
        return losses
