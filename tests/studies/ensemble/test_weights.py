"""Weights of an ensemble."""

import numpy as np
import pytest

from mmattn.studies.ensemble.weights import check_weights, fit_weights


def test_the_best_model_gets_the_weight_and_complements_share_it():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    sharp = np.where(truth == 1, 0.9, 0.1)
    noise = rng.uniform(0.05, 0.95, truth.size)
    np.testing.assert_allclose(fit_weights(np.stack([noise, sharp]), truth, steps=2000), [0, 1], atol=1e-2)
    one, two = sharp.copy(), sharp.copy()
    one[::2], two[1::2] = 0.5, 0.5  # each knows one half
    np.testing.assert_allclose(fit_weights(np.stack([one, two]), truth), [0.5, 0.5], atol=0.02)


def test_no_other_weights_are_more_likely_and_unknown_pixels_do_not_count():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 500)
    models = np.clip(truth * 0.5 + rng.uniform(0, 0.5, (3, 500)), 0.01, 0.99)
    weights = fit_weights(models, truth, steps=3000)

    def likelihood(w: np.ndarray) -> float:
        mean = w @ models
        return np.log(np.where(truth == 1, mean, 1 - mean)).sum()

    for other in rng.dirichlet(np.ones(3), 50):
        assert likelihood(weights) >= likelihood(other) - 1e-6
    unknown = np.concatenate([truth, np.full(50, 255)])
    padded = np.concatenate([models, np.full((3, 50), 0.99)], axis=1)
    np.testing.assert_allclose(fit_weights(padded, unknown, steps=3000), weights)


@pytest.mark.parametrize(('weights', 'shown'), [([1.0], '[1.0]'), ([1.0, -1.0], '[1.0, -1.0]'), ([0, 0], '[0, 0]')])
def test_wrong_weights(weights: list, shown: str):
    with pytest.raises(ValueError, match='weights must be 2 numbers from 0, not all 0, got ') as error:
        check_weights(weights, 2)
    assert str(error.value).endswith(shown)


def test_wrong_shapes_and_no_labels():
    with pytest.raises(ValueError, match=r'probabilities must be \(M, P\) and truth \(P,\), got \(2, 3\) and \(4,\)'):
        fit_weights(np.zeros((2, 3)), np.zeros(4))
    with pytest.raises(ValueError, match='no pixel is labelled'):
        fit_weights(np.zeros((2, 3)), np.full(3, 255))
