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


@pytest.mark.parametrize(
    'image',
    [
        np.full((3, 4), 200, np.uint8),
        np.full((3, 4), 200, np.uint16),
        np.linspace(0, 255, 12).reshape(3, 4),
        np.zeros((3, 4), np.float32),
        np.full((3, 4, 3), 7.5, np.float32),
    ],
)
def test_grey_values_of_any_type_pass(image: np.ndarray):
    assert SingleChannel(grey=True)(dict(img=image))['img'].shape == (3, 4)


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.full((3, 4), 40000, np.uint16), 'got uint16 with values from 40000 to 40000'),
        (np.array([[-2.0, 3.0]]), 'got float64 with values from -2 to 3'),
        (np.array([[0.1, 0.9]], np.float32), 'look like 0 to 1: multiply them by 255'),
        (np.array([[1.0, np.nan]]), 'got float64 with NaN or infinite values'),
        (np.array([[1.0, np.inf]]), 'NaN or infinite'),
        (np.ones((2, 3), bool), 'got an array of bool'),
        (np.ones((2, 3), complex), 'got an array of complex128'),
        (np.full((3, 4), -1, np.int16), 'int16 with values from -1 to -1'),
    ],
)
def test_other_values_are_refused(image: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        SingleChannel(grey=True)(dict(img=image))
