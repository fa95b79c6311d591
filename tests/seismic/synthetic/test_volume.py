"""Synthetic volumes: shape, continuity, reproducibility, memory."""

import tracemalloc

import numpy as np
import pytest

from mmattn.seismic.synthetic import iterate_inlines, make_volume


@pytest.fixture(scope='module')
def volume():
    return make_volume((48, 56, 64), seed=3)


def test_volume_has_the_promised_shape_and_types(volume):
    amplitude, label = volume
    assert amplitude.shape == label.shape == (48, 56, 64)
    assert (amplitude.dtype, label.dtype) == (np.float32, np.uint8)
    assert set(np.unique(label)) == {0, 1}
    assert label.mean() == pytest.approx(0.25, abs=0.05)
    assert 0.5 < np.abs(amplitude).max() < 2


def test_neighbouring_lines_continue_each_other_in_both_directions(volume):
    amplitude, label = volume
    for axis in (0, 1):
        ahead, behind = np.moveaxis(amplitude, axis, 0)[1:], np.moveaxis(amplitude, axis, 0)[:-1]
        assert np.corrcoef(ahead.ravel(), behind.ravel())[0, 1] > 0.8
        changed = np.moveaxis(label, axis, 0)[1:] != np.moveaxis(label, axis, 0)[:-1]
        assert 0 < changed.mean() < 0.05


def test_volume_follows_from_its_seed(volume):
    np.testing.assert_array_equal(make_volume((48, 56, 64), seed=3)[0], volume[0])
    assert (make_volume((48, 56, 64), seed=4)[0] != volume[0]).any()


def test_inlines_and_given_arrays_hold_the_same(volume):
    out = np.zeros((48, 56, 64), np.float32), np.zeros((48, 56, 64), np.uint8)
    assert make_volume((48, 56, 64), seed=3, out=out)[0] is out[0]
    np.testing.assert_array_equal(out[1], volume[1])
    for number, (section, mask) in enumerate(iterate_inlines((48, 56, 64), seed=3)):
        np.testing.assert_array_equal(section, volume[0][number])
        np.testing.assert_array_equal(mask, volume[1][number])
    assert number == 47


@pytest.mark.parametrize('shape', [(1, 16, 16), (3, 90, 17)])
def test_any_shape_works(shape):
    amplitude, label = make_volume(shape, seed=1)
    assert amplitude.shape == label.shape == shape
    assert np.isfinite(amplitude).all()


@pytest.mark.parametrize(('coverage', 'expected'), [(0.0, 0.0), (0.6, 0.6)])
def test_salt_coverage_is_met(coverage, expected):
    assert make_volume((20, 40, 40), seed=2, salt_coverage=coverage)[1].mean() == pytest.approx(expected, abs=0.05)


def test_memory_beyond_the_result_does_not_grow_with_the_volume():
    def extra(inlines):
        out = np.zeros((inlines, 64, 64), np.float32), np.zeros((inlines, 64, 64), np.uint8)
        tracemalloc.start()
        make_volume((inlines, 64, 64), seed=5, out=out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, sum(array.nbytes for array in out)

    (small, _), (large, result) = extra(20), extra(160)
    assert large - small < 0.25 * result


@pytest.mark.parametrize(
    ('shape', 'options', 'error', 'message'),
    [
        ((4, 15, 20), {}, ValueError, r'shape must be at least \(1, 16, 16\), got \(4, 15, 20\)'),
        ((20, 20), {}, ValueError, r'shape must be 3 integers, got \(20, 20\)'),
        ((4, 20, 20), dict(salt_coverage=2), ValueError, 'salt_coverage must be from 0 to 1, got 2'),
        ((4, 20, 20), dict(wavelength=1), ValueError, 'wavelength must be from 4 to 200, got 1'),
        ((4, 20, 20), dict(noise=-1), ValueError, 'noise must be from 0 to 10, got -1'),
        ((4, 20, 20), dict(seed=0.5), TypeError, 'seed must be an integer, got 0.5'),
        ((4, 20, 20), dict(hard_negatives=0.5), TypeError, 'hard_negatives must be True or False, got 0.5'),
        (
            (4, 20, 20),
            dict(out=(np.zeros(3), np.zeros(3))),
            ValueError,
            r'out must be two arrays of shape \(4, 20, 20\)',
        ),
    ],
)
def test_wrong_options_are_named(shape, options, error, message):
    with pytest.raises(error, match=message):
        make_volume(shape, **options)
