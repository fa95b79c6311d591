"""Test-time augmentation with one and two output channels."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmattn.models.segmentors import SaltTTAModel


class Stub(nn.Module):
    def __init__(self, out_channels: int, threshold: float | None = None) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.decode_head = SimpleNamespace(threshold=threshold)

    def test_step(self, data: dict) -> list:
        raise AssertionError('only the merging is tested here')


def views(scores: torch.Tensor) -> list[SegDataSample]:
    samples = []
    for score in scores:
        sample = SegDataSample(metainfo=dict(img_path='a.png', img_id='a'))
        sample.set_data(dict(seg_logits=PixelData(data=score), gt_sem_seg=PixelData(data=torch.ones(1, 1, 2))))
        samples.append(sample)
    return samples


def test_one_channel_averages_probabilities_once():
    scores = torch.tensor([[[[0.2, 0.9]]], [[[0.4, 0.7]]]])
    merged = SaltTTAModel(module=Stub(1, 0.5)).merge_preds([views(scores)])[0]
    torch.testing.assert_close(merged.seg_logits.data, torch.tensor([[[0.3, 0.8]]]))
    assert merged.pred_sem_seg.data.tolist() == [[[0, 1]]]
    assert merged.img_id == 'a'
    assert 'gt_sem_seg' in merged


@pytest.mark.parametrize('threshold', [0.25, 0.5, 0.85])
def test_one_channel_uses_the_heads_threshold(threshold: float):
    scores = torch.tensor([[[[0.2, 0.9]]], [[[0.4, 0.7]]]])
    merged = SaltTTAModel(module=Stub(1, threshold)).merge_preds([views(scores)])[0]
    assert merged.pred_sem_seg.data.flatten().tolist() == [float(value > threshold) for value in (0.3, 0.8)]


def test_two_channels_give_the_same_answer():
    logits = torch.randn(3, 1, 5, 6)
    one = SaltTTAModel(module=Stub(1, 0.5)).merge_preds([views(logits.sigmoid())])[0]
    both = torch.cat([torch.zeros_like(logits), logits], 1)
    two = SaltTTAModel(module=Stub(2)).merge_preds([views(both)])[0]
    torch.testing.assert_close(two.seg_logits.data.softmax(0)[1:], one.seg_logits.data)
    assert two.pred_sem_seg.data.shape == (1, 5, 6)
    assert torch.equal(two.pred_sem_seg.data.float(), one.pred_sem_seg.data)


def test_certain_views_stay_finite():
    logits = torch.tensor([[[[-200.0]], [[200.0]]]])
    merged = SaltTTAModel(module=Stub(2)).merge_preds([views(logits)])[0]
    assert merged.seg_logits.data.isfinite().all()
