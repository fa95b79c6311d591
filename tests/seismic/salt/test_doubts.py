"""Doubts about predictions: which histograms and bodies give rise to them."""

import numpy as np
import pytest

from mmattn.seismic.salt.doubts import probability_doubts, salt_doubts


def histogram_of(values: np.ndarray) -> np.ndarray:
    return np.histogram(values, bins=100, range=(0, 1))[0]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_network_that_has_learnt_nothing(rng):
    """As 15 steps of training on 40 sections gave: a mean of 0.48."""
    (said,) = probability_doubts(histogram_of(rng.normal(0.48, 0.03, 10_000)), 0.5)
    assert said.startswith('probabilities hardly leave the threshold 0.5: 100% of the samples lie within 0.1 of it')
    assert 'from 0.43 to 0.53 (mean 0.48)' in said


def test_most_samples_near_the_threshold(rng):
    values = np.concatenate([rng.uniform(0.42, 0.58, 6000), rng.uniform(0, 1, 4000)])
    assert len(probability_doubts(histogram_of(values), 0.5)) == 1
    assert probability_doubts(histogram_of(values), 0.85) == []


@pytest.mark.parametrize(('low', 'high'), [(0.02, 0.95), (0.1, 0.9), (0.3, 0.97)])
def test_decided_networks_give_none(rng, low: float, high: float):
    values = np.where(rng.random(10_000) < 0.8, rng.normal(low, 0.03, 10_000), rng.normal(high, 0.02, 10_000))
    assert probability_doubts(histogram_of(values.clip(0, 1)), 0.5) == []


def test_a_survey_without_salt_is_no_doubt_of_the_probability(rng):
    assert probability_doubts(histogram_of(rng.normal(0.03, 0.01, 1000).clip(0, 1)), 0.5) == []
    assert probability_doubts(np.zeros(100, int), 0.5) == []


@pytest.mark.parametrize(
    ('share', 'voxels', 'traces', 'message'),
    [
        (0.2, [900], (50, 20), None),
        (0.0, [], (50, 0), 'no sample is salt'),
        (0.0, [], (0, 0), 'no trace is live'),
        (0.7, [9000], (50, 50), '70% of the samples are salt'),
        (0.2, [900, *[3] * 25], (50, 20), '25 of 26 bodies have fewer than 27 cells'),
        (0.2, [900, *[3] * 19], (50, 20), None),
    ],
)
def test_what_is_salt(share: float, voxels: list[int], traces: tuple[int, int], message: str | None):
    said = salt_doubts(share, np.array(voxels, int), {'live': traces[0], 'with salt': traces[1]})
    assert [text[: len(message or '')] for text in said] == ([] if message is None else [message])
