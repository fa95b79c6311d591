"""Transforms of sections."""

import numpy as np
import pytest

from mmattn.datasets import RandomAmplitude, RandomSurvey, SingleChannel

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


LEFT_OUT = dict(phase=None, polarity=False, noise=None, dead=None, gain=None, clip=None)
WAVE = (128 + 60 * np.sin(np.arange(64)[:, None] / 3 + np.zeros(40))).astype(np.uint8)


def survey(seed: int = 0, **options: object) -> np.ndarray:
    np.random.seed(seed)
    return RandomSurvey(**{**LEFT_OUT, 'prob': 1.0, **options})(dict(img=WAVE.copy()))['img']


def test_another_survey_is_drawn_from_the_seed():
    np.random.seed(0)
    transform = RandomSurvey()
    drawn = [transform(dict(img=WAVE.copy()))['img'] for _ in range(40)]
    assert all(image.dtype == np.uint8 and image.shape == WAVE.shape for image in drawn)
    assert 1 <= sum(np.array_equal(image, WAVE) for image in drawn) < 20
    np.random.seed(0)
    assert all(np.array_equal(transform(dict(img=WAVE.copy()))['img'], image) for image in drawn)
    assert np.array_equal(survey(prob=0.0, noise=(0, 0)), WAVE)


def test_each_kind_of_change():
    flipped = [survey(seed, polarity=True).astype(float) for seed in range(20)]
    signs = [np.sign(np.sum((image - 128) * (WAVE - 128.0))) for image in flipped]
    assert 4 < signs.count(-1.0) < 16
    assert signs.count(-1.0) + signs.count(1.0) == 20
    amplitude = WAVE - 128.0
    noise = survey(noise=(10, 10)) - 128.0 - amplitude
    assert 20 * np.log10(amplitude.std() / noise.std()) == pytest.approx(10, abs=0.3)
    dead = survey(dead=(0.2, 0.2))
    assert (dead.std(0) == 0).sum() == 8
    assert np.ptp(survey(gain=(0.5, 0.5)) - 128.0) == pytest.approx(np.ptp(amplitude) / 2, abs=2)
    assert (survey(clip=(1, 1)) == 255).mean() > 0.2
    turned = survey(phase=(90, 90)) - 128.0
    assert abs(np.corrcoef(turned.ravel(), amplitude.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(prob=1.5), 'RandomSurvey: prob must be from 0 to 1, got 1.5'),
        (dict(noise=5), 'RandomSurvey: noise must be two numbers, the lower first, or None, got 5'),
        (dict(clip=(3, 1)), r'RandomSurvey: clip must be two numbers, the lower first, or None, got \(3, 1\)'),
        (dict(dead=(0, 2)), 'RandomSurvey: dead must be from 0 to 1, got 2'),
        (dict(gain=(0, 1)), 'RandomSurvey: gain must be from 0.001 to 1000, got 0'),
    ],
)
def test_wrong_surveys_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RandomSurvey(**options)


def test_another_survey_is_of_grey_values():
    with pytest.raises(ValueError, match=r'RandomSurvey: expected a section \(H, W\) of uint8, got float32'):
        RandomSurvey()(dict(img=np.zeros((4, 5), np.float32)))
