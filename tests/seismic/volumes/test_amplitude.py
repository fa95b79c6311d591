"""Clips and grey values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.seismic import ArrayVolume, estimate_clip, scale_amplitude, to_grey
from mmattn.seismic.volumes.amplitude import drawn_places


def test_clip_is_the_percentile_over_live_traces():
    cube = np.random.default_rng(0).normal(size=(6, 7, 40)).astype(np.float32)
    whole = float(np.percentile(np.abs(cube), 99.5))
    assert estimate_clip(ArrayVolume(cube)) == pytest.approx(whole)
    cube = np.concatenate([cube, np.zeros_like(cube)])
    assert estimate_clip(ArrayVolume(cube)) == pytest.approx(whole)
    assert estimate_clip(ArrayVolume(cube), percentile=50) == pytest.approx(float(np.percentile(np.abs(cube[:6]), 50)))


def test_clip_of_a_sample_is_deterministic():
    cube = np.random.default_rng(0).normal(size=(20, 30, 40)) * np.linspace(1, 5, 30)[:, None]
    volume = ArrayVolume(cube)
    few = [estimate_clip(volume, num_traces=50, seed=seed) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert few[0] == pytest.approx(estimate_clip(volume), rel=0.15)


def test_a_muted_survey_has_a_clip():
    cube = np.zeros((3, 4, 1000), np.float32)
    cube[0, 0, 7] = -3
    assert estimate_clip(ArrayVolume(cube)) == 3
    with pytest.raises(ValueError, match='array has no live trace'):
        estimate_clip(ArrayVolume(np.zeros((2, 2, 2))))


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(percentile=0), 'percentile must be above 0 and at most 100, got 0'),
        (dict(percentile=101), 'percentile must be from 0 to 100, got 101'),
        (dict(num_traces=0), 'num_traces must be at least 1, got 0'),
    ],
)
def test_wrong_options_are_named(option: dict, message: str):
    with pytest.raises(ValueError, match=message):
        estimate_clip(ArrayVolume(np.ones((2, 2, 2))), **option)


def test_zero_stays_zero_and_signs_stay():
    scaled = scale_amplitude(np.array([-9, -2, 0, 1, 4, np.nan, np.inf]), 4.0)
    assert_allclose(scaled, [-1, -0.5, 0, 0.25, 1, 0, 1])
    assert scaled.dtype == np.float32
    assert_array_equal(to_grey(np.array([-1, 0, 1])), [1, 128, 255])
    assert to_grey(scaled).dtype == np.float32
    with pytest.raises(ValueError, match='clip must be a positive number, got 0'):
        scale_amplitude(scaled, 0)


def test_traces_of_large_grids_are_drawn_without_a_list_of_all(monkeypatch: pytest.MonkeyPatch):
    """Each once, also where hundreds of draws do not suffice; small grids are drawn from as ever."""
    usable = np.broadcast_to(np.True_, (40, 30))
    small = next(drawn_places(usable, 50, seed=3))
    expected = np.sort(np.random.default_rng(3).permutation(1200)[:50])
    assert np.array_equal(np.ravel_multi_index(small, (40, 30)), expected)
    monkeypatch.setattr('mmattn.seismic.volumes.amplitude.LARGE', 100)
    drawn = [np.ravel_multi_index(places, (40, 30)) for places in drawn_places(usable, 2, seed=3)]
    assert sorted(np.concatenate(drawn)) == list(range(1200))
    assert all(len(one) == 2 and one[0] < one[1] for one in drawn)
