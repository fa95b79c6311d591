"""Transforms of sections."""

import numpy as np
import pytest

from mmattn.datasets import RandomAmplitude, SingleChannel

SECTION = np.arange(20, dtype=np.uint8).reshape(4, 5)


@pytest.mark.parametrize('image', [SECTION, SECTION[..., None], np.repeat(SECTION[..., None], 3, axis=2)])
def test_single_channel(image: np.ndarray):
    assert np.array_equal(SingleChannel()(dict(img=image))['img'], SECTION)


def test_single_channel_keeps_amplitudes():
    amplitude = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    assert np.array_equal(SingleChannel()(dict(img=amplitude))['img'], amplitude)


@pytest.mark.parametrize('shape', [(4, 5, 2), (3,)])
def test_single_channel_names_a_wrong_shape(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r'SingleChannel: expected a section .* got shape'):
        SingleChannel()(dict(img=np.zeros(shape)))


def test_random_amplitude_keeps_zero_and_scales():
    np.random.seed(0)
    image = np.array([[128, 138, 118]], dtype=np.uint8)
    gains = []
    for _ in range(300):
        zero, up, down = RandomAmplitude(gain=(0.5, 2.0))(dict(img=image))['img'][0]
        assert zero == 128
        assert up - 128 == pytest.approx(128 - down, abs=1e-3)
        gains.append((up - 128) / 10)
    assert 0.5 <= min(gains) < 0.6
    assert 1.8 < max(gains) <= 2.0
    assert np.mean(np.log(gains)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(('probability', 'sign'), [(0.0, 1), (1.0, -1)])
def test_random_amplitude_polarity(probability: float, sign: int):
    result = RandomAmplitude(gain=(1.0, 1.0), polarity_prob=probability, center=0.0)(dict(img=np.array([[2.0, -3.0]])))
    assert result['img'].tolist() == [[sign * 2.0, sign * -3.0]]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(gain=(0.0, 1.0)), 'gain must be two numbers with 0 < low <= high'),
        (dict(gain=(2.0, 1.0)), 'gain must be two numbers'),
        (dict(polarity_prob=1.5), 'polarity_prob must be from 0 to 1, got 1.5'),
    ],
)
def test_random_amplitude_names_wrong_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RandomAmplitude(**options)
