"""Calibration: the error by hand, and a temperature that is found again."""

import numpy as np
import pytest
from scipy.special import expit, logit

from mmattn.inference.calibration import calibration_error, cross_fitted_probability, fit_temperature, reliability


@pytest.fixture(scope='module')
def overconfident() -> tuple[np.ndarray, np.ndarray]:
    """Logits three times too large, (40, 20, 20), and what came true."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (40, 20, 20))
    return 3 * logits, rng.uniform(size=logits.shape) < expit(logits)


def test_error_by_hand():
    probability, truth = np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 1, 1, 1])
    assert calibration_error(probability, truth, bins=2) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    assert calibration_error(truth.astype(float), truth) == 0
    table = reliability(probability, truth, bins=4)
    np.testing.assert_allclose(table[[0, 3]], [[0.5, 0.1, 0.5], [0.5, 0.9, 1.0]])
    assert np.isnan(table[1, 1:]).all()


def test_temperature_is_found_and_mends(overconfident):
    logits, truth = overconfident
    assert fit_temperature(logits, truth) == pytest.approx(3, rel=0.05)
    before = calibration_error(expit(logits), truth)
    crossed = cross_fitted_probability(logits, truth, [f'mosaic {number // 2}' for number in range(40)])
    assert calibration_error(crossed, truth) < 0.015 < 0.1 < before
    assert np.array_equal(crossed > 0.5, logits > 0)
    assert not np.allclose(logits / logit(crossed.astype(float)), 3)  # each half has a temperature of its own


def test_wrong_arguments_are_named(overconfident):
    logits, truth = overconfident
    with pytest.raises(ValueError, match='bins must be at least 1, got 0'):
        calibration_error(expit(logits), truth, bins=0)
    with pytest.raises(ValueError, match='one at least, got 0 and 0'):
        fit_temperature(np.array([]), np.array([]))
    with pytest.raises(ValueError, match='got 16000 and 400'):
        fit_temperature(logits, truth[0])
    with pytest.raises(ValueError, match='NaN or infinity'):
        fit_temperature(np.array([np.nan]), np.array([1]))
    with pytest.raises(ValueError, match='groups must be at least 2 to be fitted on each other, got 1'):
        cross_fitted_probability(logits, truth, ['one'] * 40)
