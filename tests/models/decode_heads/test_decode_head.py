"""What decode heads do with one output channel."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from tests.waiting import Waits

HEADS = {
    'FCN': dict(type='AuxiliaryFCNHead', num_convs=1, concat_input=False),
    'cross': dict(type='CrissCrossHead'),
}
COMMON = dict(in_channels=6, channels=4, num_classes=2, out_channels=1, threshold=0.5, dropout_ratio=0.0)
SIGMOID = dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True)


def build(kind: str, **options):
    return MODELS.build({**HEADS[kind], **COMMON, 'loss_decode': SIGMOID, **options})


def samples(label: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label]


@pytest.fixture
def label() -> torch.Tensor:
    label = (torch.rand(2, 8, 8) > 0.7).long()
    label[0, 0] = 255
    return label


@pytest.mark.parametrize('kind', HEADS)
def test_accuracy_is_that_of_the_sigmoid(kind: str, label):
    logits = torch.randn(2, 1, 8, 8)
    losses = build(kind).loss_by_feat(logits, samples(label))
    known = label != 255
    right = ((logits[:, 0] > 0) == (label == 1))[known]
    assert losses['acc_seg'].item() == pytest.approx(100 * right.float().mean().item())


@pytest.mark.parametrize('kind', HEADS)
def test_hard_examples_are_those_of_low_probability(kind: str, label):
    """OHEMPixelSampler weighs the pixels whose true class has a probability below its threshold."""
    head = build(kind, sampler=dict(type='OHEMPixelSampler', thresh=0.6, min_kept=2))
    logits = 3 * torch.randn(2, 1, 8, 8)
    weight = head.sampler.sample(logits, label[:, None])
    p = logits[:, 0].sigmoid()
    of_truth = torch.where(label == 1, p, 1 - p)
    assert torch.equal(weight == 1, (of_truth < 0.6) & (label != 255))
    logits.requires_grad_()
    grad = torch.autograd.grad(head.loss_by_feat(logits, samples(label))['loss_ce'], logits)[0][:, 0]
    assert torch.equal(grad != 0, weight == 1)


@pytest.mark.parametrize('kind', HEADS)
def test_several_losses_at_once(kind: str, label):
    losses = [SIGMOID, dict(type='DiceLoss', loss_weight=2.0), dict(type='TverskyLoss')]
    logits = torch.randn(2, 1, 8, 8)
    found = build(kind, loss_decode=losses).loss_by_feat(logits, samples(label))
    assert set(found) == {'loss_ce', 'loss_dice', 'loss_tversky', 'acc_seg'}
    assert all(value.isfinite() for value in found.values())


@pytest.mark.parametrize('loss', [SIGMOID, dict(type='DiceLoss'), dict(type='LovaszHingeLoss')])
def test_a_batch_without_a_known_pixel_has_no_loss(loss: dict):
    logits = torch.randn(2, 1, 8, 8, requires_grad=True)
    found = build('cross', loss_decode=loss).loss_by_feat(logits, samples(torch.full((2, 8, 8), 255)))
    (value,) = (value for name, value in found.items() if name.startswith('loss_'))
    assert value.item() == 0
    assert not torch.autograd.grad(value, logits)[0].any()


@pytest.mark.parametrize('loss', [SIGMOID, dict(type='FocalLoss'), dict(type='LovaszHingeLoss', symmetric=True)])
@pytest.mark.parametrize('known', [True, False])
def test_a_gpu_is_not_waited_for(loss: dict, known: bool, label, monkeypatch):
    """The labels say that they are on one; the values are those of a CPU, without a known pixel, too."""
    head, logits = build('FCN', loss_decode=loss), torch.randn(2, 1, 8, 8, requires_grad=True)
    label = label if known else torch.full_like(label, 255)
    expected = head.loss_by_feat(logits, samples(label))
    monkeypatch.setattr(torch.Tensor, 'is_cuda', True)
    with Waits() as waits:
        found = head.loss_by_feat(logits, samples(label))
        sum(value for name, value in found.items() if 'loss' in name).backward()
    monkeypatch.undo()
    assert not waits.found
    assert logits.grad.isfinite().all()
    assert {name: value.item() for name, value in found.items()} == {n: v.item() for n, v in expected.items()}


def test_two_channels_are_mmsegs():
    label, logits = torch.ones(1, 8, 8).long(), torch.zeros(1, 2, 8, 8)
    logits[:, 1] = -1
    head = build('FCN', out_channels=2, threshold=None, loss_decode=dict(type='DiceLoss'))
    assert type(head.loss_decode).__name__ == 'DiceLoss'
    assert head.loss_by_feat(logits, samples(label))['acc_seg'].item() < 1e-3
