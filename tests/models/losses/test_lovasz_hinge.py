"""The Lovász hinge against MMSegmentation's, against the definition of the Lovász extension, and by its gradients."""

import math
from itertools import pairwise

import pytest
import torch
from mmseg.models.losses.lovasz_loss import lovasz_hinge as mmseg_lovasz_hinge
from mmseg.registry import MODELS

from mmattn.models.losses import LovaszHingeLoss

SHAPES = (4, 9, 7)


def batch(seed: int = 0, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(SHAPES, generator=generator)
    label = (torch.rand(SHAPES, generator=generator) < 0.3).long()
    if ignored:
        label[torch.rand(SHAPES, generator=generator) < 0.15] = 255
    return logits, label


def jaccard_loss(wrong: set[int], salt: set[int]) -> float:
    """1 - IoU of salt when the pixels in ``wrong`` are predicted wrongly, the others rightly; 0 without error."""
    predicted = (salt - wrong) | (wrong - salt)
    union = predicted | salt
    return 1 - len(predicted & salt) / len(union) if union else 0.0


def lovasz_by_integral(margins: list[float], salt: set[int]) -> float:
    """The Lovász extension as the integral over the level t of the set function on {margin > t} (margins >= 0)."""
    levels = sorted({0.0, *margins})
    return sum(
        (upper - lower) * jaccard_loss({i for i, margin in enumerate(margins) if margin > lower}, salt)
        for lower, upper in pairwise(levels)
    )


def hinge_by_definition(logits: list[float], label: list[int], activation: str = 'relu') -> float:
    known = [(z, y) for z, y in zip(logits, label) if y != 255]
    errors = [1 - z * (2 * y - 1) for z, y in known]
    if activation == 'relu':
        margins = [max(error, 0.0) for error in errors]
    else:
        margins = [error + 1 if error > 0 else math.exp(error) for error in errors]
    return lovasz_by_integral(margins, {i for i, (_, y) in enumerate(known) if y == 1})


@pytest.mark.parametrize('per_image', [True, False])
@pytest.mark.parametrize('ignored', [True, False])
def test_equals_mmseg(per_image, ignored):
    logits, label = batch(ignored=ignored)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = MODELS.build(dict(type='LovaszHingeLoss', per_image=per_image))(ours, label)
    expected = mmseg_lovasz_hinge(theirs, label, per_image=per_image)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-7, rtol=1e-5)
    assert ours.grad.abs().sum() > 0.1


@pytest.mark.parametrize('activation', ['relu', 'elu+1'])
@pytest.mark.parametrize('symmetric', [True, False])
def test_equals_the_definition(activation, symmetric):
    loss = LovaszHingeLoss(symmetric=symmetric, activation=activation)
    for seed in range(20):
        logits, label = batch(seed)
        logits, label = logits[:, :2, :3].double(), label[:, :2, :3]
        expected = []
        for z, y in zip(logits.flatten(1).tolist(), label.flatten(1).tolist()):
            value = hinge_by_definition(z, y, activation)
            if symmetric:
                mirrored = [label if label == 255 else 1 - label for label in y]
                value = (value + hinge_by_definition([-score for score in z], mirrored, activation)) / 2
            expected.append(value)
        torch.testing.assert_close(loss(logits, label, reduction_override='none'), torch.tensor(expected).double())


def test_hand_computed():
    # Margins 1 - z s: salt 0.5 -> 0.5, salt -1 -> 2, background 1 -> 2 + ..., sorted 3, 2, 0.5.
    logits, label = torch.tensor([[[0.5, -1.0, 2.0]]]), torch.tensor([[[1, 1, 0]]])
    # J after {third}: 1 - 2/3; after {third, second}: 1 - 1/3; after all: 1.
    assert LovaszHingeLoss()(logits, label).item() == pytest.approx(3 / 3 + 2 / 3 + 0.5 / 3)
    assert LovaszHingeLoss(loss_weight=0.5)(logits, label).item() == pytest.approx((5.5 / 3) / 2)


@pytest.mark.parametrize('options', [{}, dict(symmetric=True), dict(activation='elu+1', per_image=False)])
def test_one_and_two_channels_are_alike(options):
    _, label = batch()
    pair = torch.randn(4, 2, 9, 7, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss = LovaszHingeLoss(**options)
    difference = pair[:, 1:] - pair[:, :1]
    assert loss(pair, label).item() == loss(difference, label).item() == loss(difference[:, 0], label[:, None]).item()
    loss(pair, label).backward()
    torch.testing.assert_close(pair.grad[:, 0], -pair.grad[:, 1])


@pytest.mark.parametrize('activation', ['relu', 'elu+1'])
@pytest.mark.parametrize('symmetric', [True, False])
def test_ignored_empty_and_full_images(activation, symmetric):
    loss = LovaszHingeLoss(symmetric=symmetric, activation=activation)
    label = torch.stack([torch.full((9, 7), value) for value in (255, 0, 1)])
    logits = torch.randn(3, 1, 9, 7, generator=torch.Generator().manual_seed(2), requires_grad=True)
    losses = loss(logits, label, reduction_override='none')
    losses.sum().backward()
    assert losses[0] == 0
    assert (logits.grad[0] == 0).all()
    assert torch.isfinite(logits.grad).all()
    assert (losses[1:] > 0).all()
    if symmetric:
        torch.testing.assert_close(loss(logits, label), loss(-logits, torch.where(label == 255, label, 1 - label)))
    elif activation == 'relu':
        # Without salt the loss is the single worst margin, and so is its gradient.
        assert losses[1].item() == pytest.approx(1 + logits[1].max().item())
        assert logits.grad[1].sum().item() == pytest.approx(1)
        assert (logits.grad[1] != 0).sum() == 1


def test_ignored_pixels_do_not_matter():
    logits, label = batch()
    changed = torch.where(label == 255, torch.full_like(logits, 1e4), logits)
    for options in ({}, dict(symmetric=True, activation='elu+1', per_image=False)):
        loss = LovaszHingeLoss(**options)
        assert loss(changed, label) == loss(logits, label)
    seven = torch.where(label == 255, 7, label)
    assert LovaszHingeLoss()(logits, seven, ignore_index=7) == LovaszHingeLoss()(logits, label)


@pytest.mark.parametrize('options', [{}, dict(symmetric=True, activation='elu+1')])
def test_gradcheck(options):
    logits, label = batch()
    logits = logits[:2, :3, :3].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: LovaszHingeLoss(**options)(z, label[:2, :3, :3]), logits)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, label = batch()
    half = logits.to(dtype).requires_grad_()
    loss = LovaszHingeLoss(symmetric=True)(half, label)
    assert loss.dtype == torch.float32
    assert loss == LovaszHingeLoss(symmetric=True)(half.float(), label)
    loss.backward()
    assert half.grad.dtype == dtype
    assert torch.isfinite(half.grad).all()


def test_elu_plus_one_pulls_right_pixels_too():
    logits, label = torch.tensor([[[4.0, -3.0]]], requires_grad=True), torch.tensor([[[1, 0]]])
    assert LovaszHingeLoss()(logits, label) == 0
    LovaszHingeLoss(activation='elu+1')(logits, label).backward()
    assert logits.grad[0, 0, 0] < 0 < logits.grad[0, 0, 1]


def test_minimising_it_finds_the_mask():
    _, label = batch(ignored=False)
    logits = torch.zeros(SHAPES, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=10)
    for _ in range(200):
        optimizer.zero_grad()
        LovaszHingeLoss(symmetric=True)(logits, label).backward()
        optimizer.step()
    assert ((logits > 0) == (label == 1)).all()


def test_reductions():
    logits, label = batch()
    loss = LovaszHingeLoss()
    each = loss(logits, label, reduction_override='none')
    assert each.shape == (4,)
    assert loss(logits, label, reduction_override='sum') == each.sum()
    assert loss(logits, label) == loss(logits, label, reduction_override='mean') == each.mean()
    assert loss(logits, label, avg_factor=8) == each.sum() / 8
    assert loss.loss_name == 'loss_lovasz'
    assert LovaszHingeLoss(loss_name='loss_hinge').loss_name == 'loss_hinge'


@pytest.mark.parametrize(
    ('options', 'arguments', 'message'),
    [
        ({}, dict(weight=torch.ones(SHAPES)), 'weight must be None: LovaszHingeLoss does not weight pixels'),
        ({}, dict(reduction_override='max'), "reduction_override must be None, .* got 'max'"),
        ({}, dict(reduction_override='sum', avg_factor=3), "avg_factor needs per_image=True and reduction 'mean'"),
        ({}, dict(avg_factor=0), 'avg_factor must be above 0, got 0'),
        (dict(per_image=False), dict(reduction_override='none'), "reduction_override='none' needs per_image=True"),
        (dict(per_image=False), dict(avg_factor=3), 'avg_factor needs per_image=True'),
    ],
)
def test_wrong_calls(options, arguments, message):
    logits, label = batch()
    with pytest.raises(ValueError, match=message):
        LovaszHingeLoss(**options)(logits, label, **arguments)


def test_wrong_tensors_and_options():
    logits, label = batch()
    loss = LovaszHingeLoss()
    with pytest.raises(ValueError, match=r'logits must be .* got \(4, 3, 9, 7\)'):
        loss(torch.zeros(4, 3, 9, 7), label)
    with pytest.raises(ValueError, match=r'label of shape \(4, 9, 6\) does not fit logits of shape \(4, 9, 7\)'):
        loss(logits, label[..., :6])
    with pytest.raises(ValueError, match=r'label may hold 0, 1 and ignore_index=255, got \[0, 2, 255\]'):
        loss(logits, torch.where(label == 1, 2, label))
    with pytest.raises(ValueError, match=r"LovaszHingeLoss: activation must be one of 'relu', 'elu\+1', got 'elu'"):
        LovaszHingeLoss(activation='elu')
    with pytest.raises(TypeError, match="LovaszHingeLoss: per_image must be True or False, got 'no'"):
        LovaszHingeLoss(per_image='no')
    with pytest.raises(ValueError, match='LovaszHingeLoss: loss_weight must be a finite number of at least 0, got -1'):
        LovaszHingeLoss(loss_weight=-1)
