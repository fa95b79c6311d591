"""Test-time augmentation that is right for one output channel too."""

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.utils import SampleList


@MODELS.register_module()
class SaltTTAModel(BaseTTAModel):
    """Averages the class probabilities of a section's augmented views.

    MMSegmentation's ``SegTTAModel`` takes the sigmoid a second time where a model has one output channel. Here the
    merged sample keeps the meaning that ``seg_logits`` has everywhere in MMSegmentation: probabilities of class 1 for
    one channel, logits (the logarithm of the mean probabilities) for several.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merges the views of each section.

        Args:
            data_samples_list: for each section its predicted views, turned back to the section's own orientation.

        Returns:
            One sample a section: the first view's meta information and truth, the merged ``seg_logits`` and
            ``pred_sem_seg``.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: SampleList):
        merged = views[0]
        scores = torch.stack([view.seg_logits.data for view in views])
        if self.module.out_channels == 1:
            scores = scores.mean(0)
            prediction = (scores > self.module.decode_head.threshold).to(scores)
        else:
            scores = scores.softmax(1).mean(0).clamp(min=torch.finfo(scores.dtype).tiny).log()
            prediction = scores.argmax(0, keepdim=True)
        merged.set_data(dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=prediction)))
        return merged
