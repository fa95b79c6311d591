import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmattn.evaluation import VelocityMetric, linear_model, score_velocity, ssim, total_velocity_scores
from mmattn.seismic.synthetic.velocity import VelocitySurvey

RANGE = 1500.0, 4500.0


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.uniform(1500, 4500, size=(20, 24))
    return truth + rng.normal(0, 200, size=truth.shape), truth


def test_scores_of_a_small_model():
    truth = np.full((4, 2), 2000.0)
    salt = np.zeros((4, 2))
    truth[1, 0], salt[1, 0] = 4400, 1
    prediction = truth + np.array([[10, 20], [100, 0], [30, 0], [-40, 0]])
    found = prediction > 4250
    found[0, 1] = True
    one = score_velocity(prediction, truth, predicted_salt=found, salt=salt, velocity_range=RANGE)
    total = total_velocity_scores([one, one], RANGE)
    assert total['mae'] == pytest.approx(200 / 8)
    assert total['rmse'] == pytest.approx(np.sqrt((100 + 400 + 10000 + 900 + 1600) / 8))
    assert total['rel_l2'] == pytest.approx(np.linalg.norm(prediction - truth) / np.linalg.norm(truth))
    assert (total['mae_salt'], total['mae_outside'], total['mae_below']) == pytest.approx((100, 100 / 7, 35))
    assert (total['salt_iou'], total['salt_dice']) == pytest.approx((1 / 2, 2 / 3))
    assert total['openfwi_mae'] == pytest.approx(25 / 1500)
    assert np.isnan(total['ssim'])  # too small for its window


def test_no_salt_at_all_is_not_a_number(pair):
    none = np.zeros(pair[0].shape)
    total = total_velocity_scores([score_velocity(*pair, predicted_salt=none, salt=none, velocity_range=RANGE)], RANGE)
    assert np.isnan(total['salt_iou'])
    assert np.isnan(total['mae_salt'])
    with pytest.raises(ValueError, match='the prediction is'):
        score_velocity(pair[0][:3], pair[1], predicted_salt=none, salt=none, velocity_range=RANGE)


def test_openfwi_ssim_is_that_of_a_zero_padded_convolution(pair):
    x, y = (torch.as_tensor((array - 1500) / 3000)[None, None] for array in pair)
    position = torch.arange(11, dtype=torch.float64) - 5
    window = torch.exp(-(position**2) / 4.5)
    window = torch.outer(window, window)
    window = (window / window.sum())[None, None]
    mx, my, xx, yy, xy = (F.conv2d(a, window, padding=5) for a in (x, y, x * x, y * y, x * y))
    top = (2 * mx * my + 0.01**2) * (2 * (xy - mx * my) + 0.03**2)
    expected = (top / ((mx**2 + my**2 + 0.01**2) * (xx - mx**2 + yy - my**2 + 0.03**2))).mean()
    assert ssim(*pair, velocity_range=RANGE, like='openfwi') == pytest.approx(float(expected), abs=1e-12)
    assert ssim(*pair, velocity_range=RANGE) != pytest.approx(float(expected), abs=1e-3)


def samples(prediction: np.ndarray, truth: np.ndarray) -> list[dict]:
    fields = dict(pred_velocity=prediction, gt_velocity=truth)
    fields |= dict(pred_sem_seg=prediction >= 4250, gt_sem_seg=truth >= 4250)
    return [dict(img_id='a/b', **{key: dict(data=torch.as_tensor(value)[None]) for key, value in fields.items()})]


def test_the_metric_stands_beside_trivial_predictions(pair, tmp_path):
    metric = VelocityMetric(baseline=[2000.0, 4000.0], output_dir=str(tmp_path), keep_results=True)
    metric.process({}, samples(*pair))
    result = metric.evaluate(1)
    prediction, truth = pair
    assert result['mae'] == pytest.approx(np.abs(prediction - truth).mean(), rel=1e-5)
    profile = np.linspace(2000, 4000, 20)[:, None]  # stretched to the model's rows
    assert result['profile_mae'] == pytest.approx(np.abs(profile - truth).mean(), rel=1e-5)
    assert result['linear_mae'] == pytest.approx(np.abs(linear_model((20, 24)) - truth).mean(), rel=1e-5)
    assert {'profile_ssim', 'profile_salt_iou', 'linear_rmse'} <= result.keys()
    assert np.allclose(np.load(tmp_path / 'a_b.npy'), prediction)
    assert (tmp_path / 'models.csv').read_text().startswith('id,mae,rmse,rel_l2,ssim')


def test_the_profile_is_the_training_sets():
    config = dict(
        type='SyntheticVelocityDataset',
        num_models=2,
        size=(16, 20),
        acquisition=dict(num_shots=2, dt=0.004, nt=40, frequency=8.0),
    )
    survey = VelocitySurvey((16, 20))
    expected = np.mean([survey.model(index).velocity.mean(axis=1) for index in range(2)], axis=0)
    assert np.allclose(VelocityMetric(baseline=config).profile, expected)


def test_wrong_options():
    with pytest.raises(ValueError, match="like must be one of 'wang', 'openfwi', got 'own'"):
        VelocityMetric(baseline=[1.0], like='own')
    with pytest.raises(ValueError, match='keep_results=True needs output_dir'):
        VelocityMetric(baseline=[1.0], keep_results=True)
    with pytest.raises(ValueError, match='velocity_range must be two speeds'):
        VelocityMetric(baseline=[1.0], velocity_range=(3, 2))
    with pytest.raises(ValueError, match='baseline must be a velocity a row'):
        _ = VelocityMetric(baseline=[]).profile
