"""MMSegmentation's losses on one output channel: right values, and gradients that lead to the labels."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmattn.models.losses.binary import TwoClassLoss, for_one_channel, two_classes

LOSSES = [
    dict(type='DiceLoss'),
    dict(type='DiceLoss', use_sigmoid=False, naive_dice=True),
    dict(type='TverskyLoss'),
    dict(type='TverskyLoss', class_weight=[1.0, 3.0]),
    dict(type='FocalLoss'),
    dict(type='FocalLoss', gamma=1.0, alpha=0.25, class_weight=[2.0]),
    dict(type='CrossEntropyLoss'),
    dict(type='CrossEntropyLoss', class_weight=[1.0, 5.0]),
    dict(type='CrossEntropyLoss', use_sigmoid=True),
    dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=[1.0, 5.0]),
    dict(type='LovaszLoss', loss_type='binary', reduction='none'),
    dict(type='LovaszLoss', reduction='none'),
    dict(type='HuasdorffDisstanceLoss'),
]


def build(config: dict) -> torch.nn.Module:
    return for_one_channel('Head', MODELS.build(config))


@pytest.fixture
def case() -> tuple[Tensor, Tensor]:
    logits = torch.randn(2, 1, 8, 9, requires_grad=True)
    label = (torch.rand(2, 8, 9) > 0.6).long()
    label[0, :2] = 255
    return logits, label


def gradient(config: dict, logits: Tensor, label: Tensor) -> Tensor:
    return torch.autograd.grad(build(config)(logits, label, ignore_index=255).sum(), logits)[0][:, 0]


@pytest.mark.parametrize('config', LOSSES, ids=lambda config: '-'.join(map(str, config.values())))
def test_the_gradient_leads_to_the_labels(config: dict, case):
    logits, label = case
    grad = gradient(config, logits, label)
    assert (grad[label == 1] <= 0).all()
    assert (grad[label == 1] < 0).any()
    assert (grad[label == 0] >= 0).all()
    assert (grad[label == 0] > 0).any()


@pytest.mark.parametrize('config', [config for config in LOSSES if config['type'] != 'LovaszLoss'], ids=str)
def test_descending_learns_the_labels(config: dict, case):
    """As plain cross-entropy does: every known pixel ends right."""
    _, label = case
    logits = torch.zeros(2, 1, 8, 9, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimiser.zero_grad()
        build(config)(logits, label, ignore_index=255).backward()
        optimiser.step()
    known = label != 255
    assert torch.equal((logits[:, 0] > 0)[known], (label == 1)[known])


@pytest.mark.parametrize('config', LOSSES, ids=lambda config: '-'.join(map(str, config.values())))
def test_unknown_pixels_teach_nothing(config: dict, case):
    logits, label = case
    assert not gradient(config, logits, label)[label == 255].any()


def test_dice_by_hand(case):
    logits, label = case
    probability, salt = logits.sigmoid().flatten(1), (label == 1).flatten(1).float()
    known = (label != 255).flatten(1)
    p, t = probability * known, salt * known
    expected = (1 - 2 * (p * t).sum(1) / ((p * p).sum(1) + (t * t).sum(1) + 2e-3)).mean()
    torch.testing.assert_close(build(dict(type='DiceLoss'))(logits, label, ignore_index=255), expected)


def test_focal_equals_mmseg_where_that_works(case):
    """On the CPU, without unknown pixels: one of two channels of the same logit."""
    logits, label = case
    label = label.clamp(max=1)
    scores, salt = logits[:, 0], label.float()
    p = scores.sigmoid()
    pt, alpha = p * salt + (1 - p) * (1 - salt), 0.25 * salt + 0.75 * (1 - salt)
    expected = (-alpha * (1 - pt) ** 2 * pt.log()).mean()
    torch.testing.assert_close(build(dict(type='FocalLoss', alpha=0.25, gamma=2.0))(logits, label), expected)


def test_softmax_cross_entropy_of_two_classes_is_the_sigmoids(case):
    logits, label = case
    softmax, sigmoid = (
        build(dict(type='CrossEntropyLoss', avg_non_ignore=True, use_sigmoid=one))(logits, label, ignore_index=255)
        for one in (False, True)
    )
    torch.testing.assert_close(softmax, sigmoid)


def test_two_weights_are_those_of_background_and_salt(case):
    logits, label = case
    label = label.clamp(max=1)
    loss = build(dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=[2.0, 5.0], loss_weight=0.5))
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], label.float(), reduction='none')
    expected = 0.5 * (each * torch.where(label == 1, 5.0, 2.0)).mean()
    torch.testing.assert_close(loss(logits, label), expected)


@pytest.mark.parametrize('weight', [[1.0, 0.0], [1.0, 2.0, 3.0], [0.0, 1.0]])
def test_other_weights_are_named(weight: list[float]):
    with pytest.raises(ValueError, match=r'Head: class_weight of one output channel must be .* such as \[5\.0\], got'):
        build(dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=weight))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='DiceLoss', activate=False), 'DiceLoss must have activate=True'),
        (dict(type='FocalLoss', alpha=[0.5, 0.5]), 'FocalLoss of one channel must have one alpha'),
        (dict(type='FocalLoss', class_weight=[1.0, 2.0]), r'FocalLoss of one channel must have class_weight=\[w\]'),
    ],
)
def test_options_without_a_meaning_are_named(config: dict, message: str):
    with pytest.raises(ValueError, match=f'Head: {message}'):
        build(config)


def test_losses_of_ours_and_of_others_stay_as_they_are():
    ours = MODELS.build(dict(type='LovaszHingeLoss'))
    assert for_one_channel('Head', ours) is ours
    other = torch.nn.BCEWithLogitsLoss()
    assert for_one_channel('Head', other) is other


def test_name_and_weight_are_the_losses_own():
    loss = build(dict(type='TverskyLoss', loss_weight=0.4, loss_name='loss_t'))
    assert isinstance(loss, TwoClassLoss)
    assert (loss.loss_name, loss.loss_weight) == ('loss_t', 0.4)
    loss.loss_weight = 0.2  # as LossScheduleHook does
    assert loss.loss.loss_weight == 0.2
    assert torch.equal(two_classes(torch.ones(1, 1, 1, 2)).flatten(), torch.tensor([0.0, 0, 1, 1]))


@pytest.mark.parametrize('weight', [[5.0], [1.0, 5.0]])
@pytest.mark.parametrize('name', ['TverskyLoss', 'LovaszLoss', 'CrossEntropyLoss'])
def test_one_weight_is_that_of_salt(name: str, weight: list[float], case):
    options = dict(reduction='none') if name == 'LovaszLoss' else {}
    loss = build(dict(type=name, class_weight=weight, **options))
    assert loss.loss.class_weight == [1.0, 5.0]
    assert loss(*case, ignore_index=255).isfinite()


@pytest.mark.parametrize('avg_non_ignore', [False, True])
def test_the_mean_of_weighted_classes_is_of_known_pixels(avg_non_ignore: bool, case):
    logits, label = case
    options = dict(class_weight=[2.0, 5.0], avg_non_ignore=avg_non_ignore)
    loss = build(dict(type='CrossEntropyLoss', **options))(logits, label, ignore_index=255)
    expected = F.cross_entropy(two_classes(logits), label, torch.tensor([2.0, 5.0]), ignore_index=255)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize('name', ['TverskyLoss', 'DiceLoss', 'HuasdorffDisstanceLoss', 'FocalLoss'])
def test_the_heads_ignored_label_counts(name: str, case):
    """Some of MMSegmentation's losses go by an option of their own, 255."""
    logits, label = case
    loss = build(dict(type=name))
    grad = torch.autograd.grad(loss(logits, label.where(label != 255, 7), ignore_index=7), logits)[0]
    torch.testing.assert_close(grad[:, 0], gradient(dict(type=name), logits, label))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='BoundaryLoss'), 'BoundaryLoss takes neither pixel weights nor ignore_index'),
        (dict(type='DiceLoss', ignore_index=0), 'ignore_index of DiceLoss must be no class, got 0'),
        (dict(type='CrossEntropyLoss', use_mask=True), 'CrossEntropyLoss .* must have use_mask=False'),
        (
            dict(type='LovaszLoss', loss_type='binary', reduction='none', class_weight=[1.0, 5.0]),
            'LovaszLoss.* ignores',
        ),
        (dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=[-5.0]), 'class_weight of one output channel'),
        (dict(type='CrossEntropyLoss', class_weight=[float('nan')]), 'class_weight of one output channel'),
    ],
)
def test_losses_without_a_meaning_are_named(config: dict, message: str):
    with pytest.raises(ValueError, match=f'Head: {message}'):
        build(config)


@pytest.mark.parametrize(
    'options', [dict(), dict(avg_non_ignore=True), dict(class_weight=[3.0]), dict(reduction='sum')]
)
@pytest.mark.parametrize('weighted', [True, False])
def test_cross_entropy_has_mmsegs_numbers(options: dict, weighted: bool, case):
    logits, label = case
    theirs = MODELS.build(dict(type='CrossEntropyLoss', use_sigmoid=True, **options))
    ours = for_one_channel('Head', MODELS.build(dict(type='CrossEntropyLoss', use_sigmoid=True, **options)))
    given = dict(ignore_index=255, weight=torch.rand(2, 8, 9) if weighted else None)
    found, expected = ours(logits, label, **given), theirs(logits, label, **given)
    assert torch.equal(found, expected)
    assert torch.equal(*(torch.autograd.grad(value, logits)[0] for value in (found, expected)))
    with pytest.raises(ValueError, match=r'label may hold 0, 1 and ignore_index=255, got .*2'):
        ours(logits, label.clamp(max=1) + 1, **given)
