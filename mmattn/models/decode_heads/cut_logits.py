"""Logits at the image's resolution are cut where an encoder has rounded sizes up, not squeezed."""

from collections.abc import Sequence

import torch
from mmseg.utils import SampleList
from torch import Tensor


class CutLogits:
    """Mixed into decode heads, before ``DecodeHead``, whose logits can be somewhat larger than the image.

    An encoder that halves an odd size rounds up, and its maps stand for an image with rows and columns added at the
    bottom and on the right. MMSegmentation resizes such logits to the image and moves all of them by some pixels.

    Attributes:
        rounding: logits that exceed the image by fewer rows and columns than that are cut; others are resized.
    """

    rounding: int

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Returns the losses of (B, out_channels, h, w) logits, and ``acc_seg``."""
        size = batch_data_samples[0].gt_sem_seg.data.shape[1:]
        return super().loss_by_feat(self._cut(seg_logits, size), batch_data_samples)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Returns the logits at the size of the (padded) images."""
        meta = batch_img_metas[0]
        tile = isinstance(meta['img_shape'], torch.Size)  # as MMSegmentation's sliding window says it
        size = meta['img_shape'] if tile else meta.get('pad_shape', meta['img_shape'])
        return super().predict_by_feat(self._cut(seg_logits, size[:2]), batch_img_metas)

    def _cut(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        """Cuts what the encoder's rounding up has added; leaves other sizes to be resized."""
        added = [have - wanted for have, wanted in zip(logits.shape[2:], size)]
        return logits[:, :, : size[0], : size[1]] if all(0 <= n < self.rounding for n in added) else logits
