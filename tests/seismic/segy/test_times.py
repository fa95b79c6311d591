"""Sample interval and start of files whose headers are incomplete."""

from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from mmattn.seismic import open_volume
from tests.seismic.segy_files import SegyFile, grid_file, make_cube


def of_first(first: int, others: int) -> np.ndarray:
    """A word of 20 traces, another one in the first."""
    return np.r_[first, np.full(19, others)].reshape(4, 5)


def test_a_dead_first_trace_does_not_tell_the_times(tmp_path: Path):
    cube = make_cube()
    cube[0, 0] = 0
    for name, code in (('marked.sgy', 2), ('unmarked.sgy', 1)):
        headers = {-29: of_first(code, 1), -109: of_first(0, 1500), -117: of_first(0, 2000)}
        volume = open_volume(grid_file(cube, interval=0, headers=headers).write(tmp_path / name))
        assert (volume.sample_interval, volume.sample_unit, volume.delay) == (2.0, 'ms', 1500.0)
        assert volume.notes == ()
    marked = grid_file(cube, headers={-29: of_first(2, 1), -109: of_first(7, 1500)}).write(tmp_path / 'c.sgy')
    assert open_volume(marked).delay == 1500


def padded(tmp_path: Path, padding: np.ndarray, lines: int = 10) -> Path:
    file = grid_file(make_cube(), ilines=np.arange(lines, lines + 4))
    file.samples = np.r_[padding, file.samples]
    file.iline, file.xline = (np.r_[np.zeros(len(padding), int), numbers] for numbers in (file.iline, file.xline))
    return file.write(tmp_path / 'a.sgy')


def test_padding_without_line_numbers_is_left_out(tmp_path: Path):
    volume = open_volume(padded(tmp_path, np.zeros((5, 12), np.float32)))
    assert volume.shape == (4, 5, 12)
    assert_array_equal(volume.ilines, [10, 11, 12, 13])
    assert_array_equal(volume.slab('iline', 0, 4), make_cube())
    assert_array_equal(volume.section('time', 3), make_cube()[..., 3])
    assert volume.live.all()
    assert volume.notes == ('5 traces of zeros with inline and crossline number 0 are padding and left out',)
    assert open_volume(tmp_path / 'a.sgy', geometry='2d').shape == (1, 25, 12)


def test_traces_at_line_0_with_samples_are_kept(tmp_path: Path):
    volume = open_volume(padded(tmp_path, np.ones((1, 12), np.float32)))
    assert (volume.ilines[0], volume.xlines[0], volume.shape) == (0, 0, (5, 6, 12))
    cube = make_cube()
    cube[0, 0] = 0
    corner = grid_file(cube, ilines=np.arange(4), xlines=np.arange(5)).write(tmp_path / 'b.sgy')
    assert open_volume(corner).shape == (4, 5, 12)
    bare = SegyFile(cube[0], np.zeros(5, int), np.zeros(5, int)).write(tmp_path / 'c.sgy')
    assert open_volume(bare).shape == (1, 5, 12)
