"""Array volumes behave as SEG-Y volumes do."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import ArrayVolume, open_volume
from tests.seismic.segy_files import grid_file, make_cube


def volumes(cube: np.ndarray, folder: Path) -> dict:
    """The cube as an array in memory, .npy, Fortran-ordered .npy, Zarr and SEG-Y."""
    zarr = pytest.importorskip('zarr')
    np.save(folder / 'a.npy', cube)
    np.save(folder / 'f.npy', np.asfortranarray(cube))
    zarr.create_array(str(folder / 'a.zarr'), shape=cube.shape, chunks=(2, 2, 5), dtype='float32')[...] = cube
    grid_file(cube).write(folder / 'a.sgy')
    return dict(memory=ArrayVolume(cube)) | {
        name: open_volume(folder / name) for name in ('a.npy', 'f.npy', 'a.zarr', 'a.sgy')
    }


def test_all_kinds_read_the_same(tmp_path: Path):
    cube = make_cube()
    cube[1, 2] = 0
    cube[0, 3, 4] = np.nan
    expected, live = np.nan_to_num(cube), np.ones((4, 5), bool)
    live[1, 2] = False
    for name, volume in volumes(cube, tmp_path).items():
        assert volume.shape == (4, 5, 12), name
        assert_array_equal(volume.slab('iline', 1, 3), expected[1:3])
        assert_array_equal(volume.slab('xline', 1, 5), expected[:, 1:5].transpose(1, 0, 2))
        assert_array_equal(volume.section('xline', 2), expected[:, 2])
        assert_array_equal(volume.section('time', 4), expected[..., 4])
        assert_array_equal(volume.traces(np.array([3, 0]), np.array([1, 3])), expected[[3, 0], [1, 3]])
        assert_array_equal(volume.live, live)
        assert_array_equal(volume.trace_index, np.arange(20).reshape(4, 5))
        assert (volume.num_bad_samples, volume.is_2d, volume.present.all()) == (1, False, True)
        assert volume.slab('iline', 0, 1).dtype == np.float32
        assert_array_equal(pickle.loads(pickle.dumps(volume)).section('iline', 3), expected[3])


def test_a_line_in_an_array(tmp_path: Path):
    cube = make_cube()[0]
    np.save(tmp_path / 'a.npy', cube)
    volume = open_volume(tmp_path / 'a.npy')
    assert (volume.shape, volume.is_2d) == ((1, 5, 12), True)
    assert_array_equal(volume.section('iline', 0), cube)
    assert_array_equal(volume.slab('iline', 0, 1)[0], cube)
    assert_array_equal(volume.slab('xline', 1, 4), cube[1:4, None])
    assert_array_equal(volume.section('time', 3), cube[None, :, 3])
    assert_array_equal(volume.traces(np.array([0]), np.array([4])), cube[[4]])
    assert volume.live.shape == (1, 5)


def test_a_pickle_holds_the_path_and_not_the_array(tmp_path: Path):
    np.save(tmp_path / 'a.npy', np.ones((10, 10, 1000), np.float32))
    volume = open_volume(tmp_path / 'a.npy')
    volume.section('iline', 0)
    assert len(pickle.dumps(volume)) < 10_000
    with volume as same:
        assert same is volume
    assert volume.section('xline', 9).shape == (10, 1000)


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.zeros((3, 4, 5), complex), r'must hold real numbers of shape .* got complex128 \(3, 4, 5\)'),
        (np.zeros(7), r'got float64 \(7,\)'),
        (np.zeros((3, 0, 5)), r'got float64 \(3, 0, 5\)'),
    ],
)
def test_wrong_arrays_are_named(array: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        ArrayVolume(array)


def test_wrong_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileNotFoundError, match=r"none\.npy' does not exist"):
        open_volume(tmp_path / 'none.npy')
    (tmp_path / 'a.npy').write_bytes(b'no array')
    with pytest.raises(ValueError, match=r'a\.npy is no readable \.npy file'):
        open_volume(tmp_path / 'a.npy')
    with pytest.raises(ValueError, match=r'xline, endian: options of SEG-Y files, but .*a\.npy is an array'):
        open_volume(tmp_path / 'a.npy', xline=21, endian='big')
    with pytest.raises(TypeError, match='no option crossline; there are iline, xline, '):
        open_volume(tmp_path / 'a.sgy', crossline=21)
    pytest.importorskip('zarr')
    (tmp_path / 'a.zarr').mkdir()
    with pytest.raises(ValueError, match=r'a\.zarr is no readable Zarr array'):
        open_volume(tmp_path / 'a.zarr')
    monkeypatch.setitem(sys.modules, 'zarr', None)
    with pytest.raises(ValueError, match=r'needs `pip install mmattn\[zarr\]`'):
        open_volume(tmp_path / 'a.zarr')


def test_thin_slices(tmp_path: Path):
    cube = make_cube()
    cube[1, 2, 3] = np.nan
    expected = np.nan_to_num(cube)[..., 3][1:4:2, 0:5:2]
    for name, volume in volumes(cube, tmp_path).items():
        assert_array_equal(volume.thin_slice(3, slice(1, 4, 2), slice(0, 5, 2)), expected, err_msg=name)
        volume.null_value = float(cube[1, 0, 3])
        assert volume.thin_slice(3, slice(1, 4, 2), slice(0, 5, 2))[0, 0] == 0
        with pytest.raises(IndexError, match='12 sections of direction time'):
            volume.thin_slice(12, slice(0, 1), slice(0, 1))


def test_thin_slices_of_a_line_and_no_place():
    volume = ArrayVolume(make_cube()[0])
    assert_array_equal(volume.thin_slice(4, slice(0, 1), slice(1, 5, 3)), make_cube()[:1, 1:5:3, 4])
    assert volume.place(0, 0) is None
