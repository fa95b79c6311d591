"""MMSegmentation's own heads with one output channel, as registries build them once mmattn is imported."""

import copy

import pytest
import torch
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS

from tests.models.decode_heads.test_decode_head import COMMON, SIGMOID, samples

FCN = dict(type='FCNHead', num_convs=1, concat_input=False)


def build(**options):
    return MODELS.build({**FCN, **COMMON, 'loss_decode': SIGMOID, **options})


@pytest.fixture
def label() -> torch.Tensor:
    label = (torch.rand(2, 8, 8) > 0.7).long()
    label[0, 0] = 255
    return label


@pytest.mark.parametrize('classes', [1, 2])
@pytest.mark.parametrize('loss', ['DiceLoss', 'TverskyLoss', 'FocalLoss', 'HuasdorffDisstanceLoss'])
def test_the_gradient_leads_to_the_labels(loss: str, classes: int, label):
    head, logits = build(loss_decode=dict(type=loss), num_classes=classes), torch.randn(2, 1, 8, 8, requires_grad=True)
    losses = head.loss_by_feat(logits, samples(label))
    value = next(value for name, value in losses.items() if name.startswith('loss_'))
    grad = torch.autograd.grad(value, logits)[0][:, 0]
    assert (grad[label == 1] <= 0).all()
    assert (grad[label == 0] >= 0).all()
    assert (grad[label == 1] < 0).any()
    assert (grad[label == 0] > 0).any()
    assert not grad[label == 255].any()
    right = ((logits[:, 0] > 0) == (label == 1))[label != 255]
    assert losses['acc_seg'].item() == pytest.approx(100 * right.float().mean().item())


def test_hard_examples_are_those_of_low_probability(label):
    head, logits = build(sampler=dict(type='OHEMPixelSampler', thresh=0.6, min_kept=2)), 3 * torch.randn(2, 1, 8, 8)
    p = logits[:, 0].sigmoid()
    of_truth = torch.where(label == 1, p, 1 - p)
    assert torch.equal(head.sampler.sample(logits, label[:, None]) == 1, (of_truth < 0.6) & (label != 255))


def test_a_mended_head_is_still_the_head():
    head = copy.deepcopy(build())
    assert isinstance(head, FCNHead)
    assert type(head).__name__ == 'FCNHead'
    assert set(head.state_dict()) == set(build(out_channels=2, threshold=None).state_dict())
    assert type(build(out_channels=2, threshold=None)) is FCNHead


def test_heads_with_losses_of_their_own_give_no_accuracy(label):
    """MMSegmentation's DAHead gives each of its three outputs the share of background as accuracy."""
    config = {**COMMON, 'type': 'DAHead', 'pam_channels': 2, 'loss_decode': dict(type='DiceLoss')}
    losses = MODELS.build(config).loss_by_feat([torch.randn(2, 1, 8, 8)] * 3, samples(label))
    assert set(losses) == {f'{name}.loss_dice' for name in ('pam_cam', 'pam', 'cam')}


def test_boundaries_stay_as_they_are():
    """The one channel of STDCHead is no class against background."""
    losses = [dict(type='CrossEntropyLoss', use_sigmoid=True), dict(type='DiceLoss')]
    head = MODELS.build(
        dict(
            type='STDCHead',
            in_channels=4,
            channels=4,
            num_convs=1,
            num_classes=1,
            boundary_threshold=0.1,
            concat_input=False,
            loss_decode=losses,
        )
    )
    assert [type(loss).__name__ for loss in head.loss_decode] == ['CrossEntropyLoss', 'DiceLoss']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(loss_decode=dict(type='SiLogLoss')), 'SiLogLoss takes neither pixel weights nor ignore_index'),
        (dict(loss_decode=dict(type='OhemCrossEntropy')), 'OhemCrossEntropy takes neither .*OHEMPixelSampler'),
        (dict(loss_decode=dict(type='CrossEntropyLoss', class_weight=[1, 2, 3])), r'class_weight .* such as \[5\.0\]'),
        (
            dict(loss_decode=dict(type='DiceLoss'), sampler=dict(type='OHEMPixelSampler', min_kept=9)),
            'OHEMPixelSampler without thresh ranks pixels by their losses, and DiceLoss gives none',
        ),
        (
            dict(loss_decode=dict(type='TverskyLoss'), sampler=dict(type='OHEMPixelSampler', thresh=0.7)),
            'TverskyLoss does not weigh pixels; remove the sampler',
        ),
    ],
)
def test_what_has_no_meaning_is_named(options: dict, message: str):
    with pytest.raises(ValueError, match=f'FCNHead: {message}'):
        build(**options)
