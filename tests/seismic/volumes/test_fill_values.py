"""Values that mean 'nothing': named by the user, or told by how they look."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import ArrayVolume, SegyVolume, estimate_clip, open_volume
from mmattn.seismic.volumes.amplitude import refuse_fill_values
from mmattn.seismic.volumes.fill_values import check_null_value, equals_any, find_fill_values, is_live
from tests.seismic.segy_files import grid_file

FILLS = (1e30, -1e30, 3.4e38, float(np.finfo(np.float32).max), -999.25, -9999.0, 1.70141e38, -32768.0, 7777.0)
CUBE = np.random.default_rng(0).normal(size=(6, 7, 64)).astype(np.float32)
CLIP = 2.7922683


def padded(fill: float, where: tuple) -> np.ndarray:
    cube = CUBE.copy()
    cube[where] = fill
    return cube


def volumes(cube: np.ndarray, folder: Path, **options) -> list:
    """The cube in memory, as .npy, and as SEG-Y of IEEE and IBM floats."""
    np.save(folder / 'a.npy', cube)
    grid_file(cube).write(folder / 'a.sgy')
    grid_file(cube, format=1).write(folder / 'ibm.sgy')
    files = [open_volume(folder / name, **options) for name in ('a.npy', 'a.sgy', 'ibm.sgy')]
    return [ArrayVolume(cube, **options), *files]


@pytest.mark.parametrize('fill', [*FILLS, 5.0])
def test_constant_traces_are_not_live_and_not_in_the_clip(tmp_path: Path, fill: float):
    live = np.ones((6, 7), bool)
    live[0], live[1, :3] = False, False
    expected = float(np.percentile(np.abs(CUBE[live]), 99.5))
    for volume in volumes(padded(fill, np.nonzero(~live)), tmp_path):
        assert_array_equal(volume.live, live)
        (value, count), *rest = volume.scan().constant_traces.items()
        assert (value, count, rest) == (pytest.approx(fill, rel=1e-6), 10, [])
        assert estimate_clip(volume) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('fill', FILLS)
def test_fill_values_inside_traces_are_refused_by_their_value(tmp_path: Path, fill: float):
    cube = padded(fill, np.s_[1:3, :, 50:])
    for volume in volumes(cube, tmp_path):
        with pytest.raises(ValueError, match=r'of the samples of live traces 7.29% are') as error:
            estimate_clip(volume)
        named = float(str(error.value).split('null_value=')[1].split(' ')[0])
        assert named == pytest.approx(fill, rel=1e-6)
        with pytest.raises(ValueError, match='looks like a fill value'):
            refuse_fill_values(volume)
    rest = np.abs(cube[cube != np.float32(fill)])
    for volume in volumes(cube, tmp_path, null_value=fill):
        assert estimate_clip(volume) == pytest.approx(float(np.percentile(rest, 99.5)), rel=1e-6)
        assert volume.scan().num_null_samples == 196
        assert volume.live.all()
        values, null = volume.slab_and_null('xline', 2, 4)
        assert_array_equal(null, (cube == np.float32(fill))[:, 2:4].transpose(1, 0, 2))
        assert not values[null].any()
        assert not volume.section('time', 60)[1:3].any()
        assert not volume.traces(np.array([1]), np.array([3]))[0, 50:].any()
        assert volume.section('iline', 0).all()


def test_a_trace_of_null_values_and_zeros_is_dead():
    cube = padded(-999.25, np.s_[2, 3])
    cube[2, 3, :10] = 0
    volume = ArrayVolume(cube, null_value=[-999.25, 1e30])
    assert volume.live.sum() == 41
    assert not volume.live[2, 3]


def test_scattered_fill_values_are_found():
    cube = CUBE.copy()
    cube.ravel()[np.random.default_rng(1).integers(0, cube.size, 40)] = 1e30
    with pytest.raises(ValueError, match=r'null_value=1e\+30 \(--null-value 1e\+30\) reads it as no data'):
        estimate_clip(ArrayVolume(cube))


def test_two_fill_values_are_named_together():
    cube = padded(1e30, np.s_[:, :, 60:])
    cube[:, :, :4] = -999.25
    with pytest.raises(ValueError, match=r'null_value=\[1e\+30, -999.25\] \(--null-value 1e\+30 -999.25\)'):
        estimate_clip(ArrayVolume(cube))
    assert estimate_clip(ArrayVolume(cube, null_value=(1e30, -999.25))) < 4


@pytest.mark.parametrize(
    'cube',
    [
        CUBE * 1e17,
        np.clip(CUBE, -1, 1),
        np.where(np.abs(CUBE) > 1, CUBE, 0),
        np.round(CUBE * 400).astype(np.int16),
        np.clip(np.round(CUBE * 20000), -32768, 32767).astype(np.int16),
        np.repeat(np.linspace(1500, 4500, 4), 16) * np.ones((6, 7, 1)),
        (CUBE > 0.5).astype(np.uint8),
        np.eye(7)[None].repeat(6, axis=0),
        np.cumsum(CUBE, axis=2) * np.exp(np.linspace(0, -9, 64)),
    ],
    ids=['large', 'clipped', 'muted', 'int16', 'saturated int16', 'blocks', 'mask', 'spikes', 'decaying'],
)
def test_ordinary_amplitudes_are_not_suspected(cube: np.ndarray):
    assert find_fill_values(np.asarray(cube, np.float32).reshape(-1, cube.shape[2])) == []
    assert estimate_clip(ArrayVolume(cube)) > 0


def test_no_null_values_is_an_answer():
    volume = ArrayVolume(padded(1e30, np.s_[1:3, :, 50:]), null_value=[])
    assert volume.null_value == ()
    assert estimate_clip(volume) == pytest.approx(1e30)


def test_null_values_are_checked(tmp_path: Path):
    assert check_null_value(None) is None
    assert check_null_value([1, -999.25]) == (1.0, -999.25)
    for wrong in ('1e30', True, [None]):
        with pytest.raises(TypeError, match='null_value must be None, a number or a list of numbers'):
            ArrayVolume(CUBE, null_value=wrong)
    with pytest.raises(ValueError, match='null_value must be finite, got nan'):
        ArrayVolume(CUBE, null_value=float('nan'))
    assert_array_equal(equals_any(np.float32([1e30, 3.4028235e38, 1]), [1e30, 3.4028235e38]), [True, True, False])
    volume = open_volume(grid_file(CUBE).write(tmp_path / 'a.sgy'), null_value=1e30)
    assert isinstance(volume, SegyVolume)
    assert volume.null_value == (1e30,)


def test_live_traces():
    assert_array_equal(is_live(np.float32([[0, 0, 0], [2, 2, 2], [0, 0, 1], [2, 2, 3]])), [False, False, True, True])
    assert_array_equal(is_live(np.float32([[0], [2]])), [False, True])


def test_not_finite_samples_are_told(tmp_path: Path):
    cube = CUBE.copy()
    cube[2, 1], cube[2, 4, 5], cube[0, 4, 7] = np.nan, np.inf, -np.inf
    np.save(tmp_path / 'a.npy', cube)
    files = [open_volume(path) for path in (tmp_path / 'a.npy', grid_file(cube).write(tmp_path / 'a.sgy'))]
    for volume in [ArrayVolume(cube), *files]:
        assert_array_equal(volume.not_finite('iline', 2), ~np.isfinite(cube[2]))
        assert_array_equal(volume.not_finite('xline', 4), ~np.isfinite(cube[:, 4]))
