"""What label values mean, and whether a label belongs to its amplitudes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import ArrayVolume, open_volume
from mmattn.seismic.volumes.labels import LabelValues, check_label, check_same_grid
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (6, 7, 32)
AMPLITUDE = ArrayVolume(make_cube(SHAPE))
SALT = np.zeros(SHAPE, np.float32)
SALT[1:4, 2:6, 8:16] = 1


def classes(*values: float) -> np.ndarray:
    """The salt as one value and a line of every other."""
    cube = SALT * values[1]
    cube[SALT == 0] = values[0]
    for number, value in enumerate(values[2:]):
        cube[0, number] = value
    return cube


@pytest.mark.parametrize(
    ('cube', 'found'),
    [
        (classes(0, 1, 255), '0, 1, 255'),
        (classes(0, 255), '0, 255'),
        (classes(0, -1), '-1, 0'),
        (classes(0, 1, 2, 3, 4, 5), '0, 1, 2, 3, 4, 5'),
        (classes(1, 2), '1, 2'),
        (classes(0, 1, -999.25), '-999.25, 0, 1'),
        (classes(0, 1, 1e30), r'0, 1, 1e\+30'),
        (SALT * 1200.5, '0, 1200.5'),
        (np.round(make_cube(SHAPE, seed=3) * 1000), '-3[0-9]*, .*…'),
    ],
)
def test_values_that_nobody_explained_are_named(cube: np.ndarray, found: str):
    label = ArrayVolume(cube)
    with pytest.raises(ValueError, match=f'label array holds the values {found}.*; expected 0 and 1 .*ignore_value='):
        check_label(LabelValues(), AMPLITUDE, label)
    with pytest.raises(ValueError, match=f'holds the values {found}'):
        LabelValues().to_mask('array', cube)


@pytest.mark.parametrize(
    ('options', 'cube', 'ignored'),
    [
        ({}, SALT, []),
        ({}, SALT.astype(bool), []),
        (dict(salt_value=255), classes(0, 255), []),
        (dict(salt_value=-1, ignore_value=[]), classes(0, -1), []),
        (dict(salt_value=-1), classes(0, -1), []),
        (dict(ignore_value=255), classes(0, 1, 255), [255]),
        (dict(ignore_value=[255, -1]), classes(0, 1, 255, -1), [255, -1]),
        (dict(salt_value=3), classes(0, 3, 1, 2, 4, 5), []),
        (dict(salt_value=3, ignore_value=0), classes(1, 3, 0, 2), [0]),
        (dict(salt_value=0, ignore_value=255), classes(1, 0, 255), [255]),
        (dict(salt_value='>0.5'), np.where(SALT > 0, 0.7, 0.3), []),
        (dict(salt_value='>-1', ignore_value=1e30), classes(-5, 2, 1e30), [1e30]),
    ],
)
def test_options_say_what_is_salt(options: dict, cube: np.ndarray, ignored: list):
    cube = cube.astype(np.float32)
    expected = SALT.astype(np.uint8)
    expected[np.isin(cube, np.float32(ignored))] = 255
    values = LabelValues(**options)
    assert_array_equal(values.to_mask('array', cube), expected)
    found = check_label(values, AMPLITUDE, ArrayVolume(cube))
    assert found['salt'] == pytest.approx((expected == 1).mean())
    assert found['ignored'] == pytest.approx((expected == 255).mean())
    assert found['thickness'] == 8


def test_several_values_may_be_salt():
    mask = LabelValues([1, 2]).to_mask('array', np.float32([0, 1, 2, 3]))
    assert_array_equal(mask, [0, 1, 1, 0])


@pytest.mark.parametrize('other', [255.0, -1.0, -999.25, 1e30])
def test_what_often_means_neither_must_be_explained(other: float):
    cube = classes(0, 3, 1, other)
    for salt in (3, '>2'):
        with pytest.raises(ValueError, match='often mean neither: ignore_value=… says which are neither'):
            LabelValues(salt).to_mask('array', cube)
        assert (LabelValues(salt, other).to_mask('array', cube) == 255).sum() == 32
    assert (LabelValues(3, []).to_mask('array', cube) == 0).sum() == (SALT == 0).sum()


def test_samples_that_are_not_finite_are_ignored():
    bad = np.array([True, False, False])
    assert_array_equal(LabelValues().to_mask('array', np.float32([0, 0, 1]), bad), [255, 0, 1])


def test_amplitudes_are_no_label():
    with pytest.raises(ValueError, match='holds the amplitudes themselves'):
        check_label(LabelValues('>0'), AMPLITUDE, ArrayVolume(make_cube(SHAPE)))
    with pytest.raises(ValueError, match=r'holds more than 256 values, .*a horizon or a property'):
        check_label(LabelValues(1), AMPLITUDE, ArrayVolume(make_cube(SHAPE, seed=2)))
    grey = np.random.default_rng(0).normal(0.5, 0.1, SHAPE).clip(0, 1)
    with pytest.raises(ValueError, match=r'lie between 0.05 and 0.95.*salt_value=.>0.5. says so'):
        check_label(LabelValues(), AMPLITUDE, ArrayVolume(grey))
    probability = np.clip(SALT + np.random.default_rng(0).normal(0, 0.02, SHAPE), 0, 1)
    assert check_label(LabelValues(), AMPLITUDE, ArrayVolume(probability))['salt'] == pytest.approx(SALT.mean())


def test_a_salt_value_that_is_not_there_is_named():
    with pytest.raises(ValueError, match='has no sample of salt_value=7; it holds 0, 1, 2'):
        check_label(LabelValues(7), AMPLITUDE, ArrayVolume(classes(0, 1, 2)))
    rare = classes(0, 1)
    rare[5, 6, 31] = 9
    assert check_label(LabelValues(9), AMPLITUDE, ArrayVolume(rare), num_traces=2)['salt'] == 0


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(salt_value='0.5'), ValueError, "a text like '>0.5', got '0.5'"),
        (dict(salt_value='>a'), ValueError, "a text like '>0.5', got '>a'"),
        (dict(salt_value=[]), ValueError, r'got \[\]'),
        (dict(salt_value=True), TypeError, 'salt_value must be None, a number or a list of numbers, got True'),
        (dict(ignore_value='255'), TypeError, "ignore_value must be None, a number or a list of numbers, got '255'"),
        (dict(ignore_value=float('nan')), ValueError, 'ignore_value must be finite, got nan'),
        (dict(salt_value=[1, 2], ignore_value=2), ValueError, '2 is both salt_value and ignore_value'),
    ],
)
def test_wrong_options_are_named(options: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        LabelValues(**options)


def label_file(folder: Path, name: str = 'l.sgy', **options):
    return open_volume(grid_file(SALT, **options).write(folder / name))


def test_start_and_interval_must_be_the_same(tmp_path: Path):
    amplitude = label_file(tmp_path, 'a.sgy', headers={-109: 100})
    check_same_grid(amplitude, label_file(tmp_path, headers={-109: 100}))
    with pytest.raises(
        ValueError, match=r'l.sgy has another start: 500 ms, the amplitudes a.sgy 100 ms.*start_time=100'
    ):
        check_same_grid(amplitude, label_file(tmp_path, headers={-109: 500}))
    with pytest.raises(ValueError, match=r'l.sgy has another interval: 2 ms, the amplitudes a.sgy 4 ms'):
        check_same_grid(amplitude, label_file(tmp_path, headers={-109: 100}, interval=2000))
    with pytest.raises(ValueError, match=r'l.sgy is in m, the amplitudes a.sgy in ms'):
        check_same_grid(amplitude, open_volume(tmp_path / 'l.sgy', sample_unit='m'))
    check_same_grid(amplitude, ArrayVolume(SALT))


def test_another_grid_is_described(tmp_path: Path):
    amplitude = label_file(tmp_path, 'a.sgy')
    with pytest.raises(ValueError, match=r'another grid: l.sgy .* inlines 11 to 16 .*, amplitudes a.sgy .* 10 to 15'):
        check_same_grid(amplitude, label_file(tmp_path, ilines=np.arange(11, 17)))
    with pytest.raises(ValueError, match=r'is it a map \(a horizon\)\?'):
        check_same_grid(amplitude, ArrayVolume(np.ones(SHAPE[:2])))
    with pytest.raises(ValueError, match=r'the axes must be \(inlines, crosslines, samples\)'):
        check_same_grid(amplitude, ArrayVolume(SALT.T))
