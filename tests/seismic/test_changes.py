"""What another survey does to a section."""

import numpy as np
import pytest

from mmattn.seismic.changes import CHANGES


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    z = np.arange(100)[:, None]
    image = np.clip(128 + 50 * np.sin(2 * np.pi * z / 10) + np.zeros((1, 40)), 0, 255).astype(np.uint8)
    return image, (z + np.zeros((1, 40)) >= 60).astype(np.uint8)


def change(name, pair):
    return CHANGES[name](*pair, np.random.default_rng(0))


@pytest.mark.parametrize('name', list(CHANGES))
def test_each_gives_a_section_and_its_mask(name, pair):
    image, mask = change(name, pair)
    assert image.dtype == np.uint8
    assert image.shape == mask.shape
    assert image.shape[1] == 40
    assert {*np.unique(mask)} == {0, 1}
    again = change(name, pair)
    assert np.array_equal(again[0], image)
    assert np.array_equal(image, pair[0]) == (name == 'as it is')


def test_what_they_do(pair):
    image = pair[0].astype(float)
    deviation = image.std()
    assert change('gain 0.1', pair)[0].std() == pytest.approx(0.1 * deviation, rel=0.1)
    assert {*np.unique(change('gain 10', pair)[0])} >= {0, 255}
    noise = change('noise, 0 dB', pair)[0] - image
    assert noise.std() == pytest.approx(deviation, rel=0.1)
    opposite = change('polarity reversed', pair)[0]
    assert np.corrcoef(opposite.ravel(), image.ravel())[0, 1] == pytest.approx(-1, abs=0.01)
    assert (change('20% of the traces dead', pair)[0].std(axis=0) == 0).sum() == 8
    assert np.mean(np.abs(change('clipped at 1 deviations', pair)[0] - 128.0) > 120) > 0.3


@pytest.mark.parametrize(('name', 'samples', 'period'), [('frequency -30%', 143, 14.3), ('frequency +30%', 77, 7.7)])
def test_frequency_moves_with_the_mask(name, samples, period, pair):
    image, mask = change(name, pair)
    assert len(image) == samples
    spectrum = np.abs(np.fft.rfft(image[:, 0] - image[:, 0].mean()))
    assert samples / np.argmax(spectrum) == pytest.approx(period, rel=0.05)
    assert np.argmax(mask[:, 0]) == pytest.approx(60 * samples / 100, abs=1)
