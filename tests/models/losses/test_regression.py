import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from mmattn.models.losses import GradientLoss, RegressionLoss, SSIMLoss


@pytest.fixture
def maps() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(2, 1, 20, 24, generator=generator)
    return target + 0.1 * torch.randn(2, 1, 20, 24, generator=generator), target


def test_regression(maps):
    prediction, target = maps
    difference = (prediction - target).abs()
    assert float(RegressionLoss('l1')(*maps)) == pytest.approx(float(difference.mean()))
    assert float(RegressionLoss('l2', loss_weight=2.0)(*maps)) == pytest.approx(2 * float((difference**2).mean()))
    huber = torch.where(difference < 0.05, difference**2 / 2, 0.05 * (difference - 0.025)).mean()
    assert float(RegressionLoss('huber', delta=0.05)(*maps)) == pytest.approx(float(huber))
    assert RegressionLoss('l2').loss_name == 'loss_l2'


def test_ssim_is_that_of_the_metric(maps):
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
    expected = np.mean([structural_similarity(x[0].numpy(), y[0].numpy(), **options) for x, y in zip(*maps)])
    assert 1 - float(SSIMLoss()(*maps)) == pytest.approx(expected, abs=1e-5)
    assert float(SSIMLoss()(maps[1], maps[1])) == pytest.approx(0, abs=1e-6)


def test_gradient_sees_edges_and_no_levels(maps):
    _, target = maps
    assert float(GradientLoss()(target + 0.3, target)) == pytest.approx(0, abs=1e-6)
    step = torch.zeros(1, 1, 4, 5)
    step[:, :, 2:] = 1
    assert float(GradientLoss()(step, torch.zeros_like(step))) == pytest.approx(1 / 3)
    assert float(GradientLoss()(step[:, :, :1, :1], step[:, :, :1, :1])) == 0


@pytest.mark.parametrize('loss', [RegressionLoss(), SSIMLoss(), GradientLoss()])
def test_half_precision_is_computed_in_float32(loss, maps):
    halves = [x.to(torch.bfloat16) for x in maps]
    assert loss(*halves).dtype == torch.float32
    assert float(loss(*halves)) == pytest.approx(float(loss(*[x.float() for x in halves])))


def test_wrong_values(maps):
    with pytest.raises(ValueError, match="mode must be one of 'l1', 'l2', 'huber', got 'l3'"):
        RegressionLoss('l3')
    with pytest.raises(ValueError, match="loss_name must start with 'loss_', got 'ssim'"):
        SSIMLoss(loss_name='ssim')
    with pytest.raises(ValueError, match='expected two maps'):
        RegressionLoss()(maps[0], maps[1][:, 0])
    with pytest.raises(ValueError, match='maps must be 11 x 11 at least'):
        SSIMLoss()(torch.rand(1, 1, 8, 20), torch.rand(1, 1, 8, 20))
