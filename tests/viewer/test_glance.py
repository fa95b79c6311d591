"""Traces that are shown before a file is opened."""

from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic.segy.errors import SegyError
from mmattn.viewer.glance import glance
from tests.seismic.segy_files import grid_file, make_cube


def test_the_line_in_the_middle(tmp_path: Path):
    cube = make_cube((5, 7, 20))
    missing = np.zeros((5, 7), bool)
    missing[0, 3:] = missing[2, 1] = True
    ilines = np.array([10, 20, 30, 40, 50])
    path = grid_file(cube, ilines=ilines, missing=missing).write(tmp_path / 'a.sgy')
    found = glance(path)  # lines of 3, 7, 6, 7 and 7 traces
    assert (found.name, found.title) == ('a.sgy', 'a.sgy: traces 11 to 16 of 30 in the file, inline number 30')
    np.testing.assert_array_equal(found.view.values, cube[2][~missing[2]].T)
    assert (found.view.across, found.view.down) == (range(11, 17), range(20))
    assert found.view.present.all()
    assert 0 < found.clip <= np.abs(cube).max()


def test_words_that_are_no_line_numbers(tmp_path: Path):
    cube = make_cube((4, 5, 12))
    path = grid_file(cube).write(tmp_path / 'a.sgy')
    assert glance(path, iline=233, xline=237).title == 'a.sgy: traces 1 to 20 of 20 in the file'
    np.testing.assert_array_equal(glance(path, iline=233, xline=237).view.values, cube.reshape(20, 12).T)


def test_large_ones_in_part(tmp_path: Path):
    cube = make_cube((2, 1800, 6))
    path = grid_file(cube, ilines=np.array([1, 2]), xlines=np.arange(1800)).write(tmp_path / 'a.sgy')
    found = glance(path)
    assert found.title == 'a.sgy: traces 1,801 to 2,550 of 3,600 in the file, inline number 2'
    np.testing.assert_array_equal(found.view.values, cube[1, :750].T)
    cube = make_cube((2, 2, 2500))
    found = glance(grid_file(cube).write(tmp_path / 'b.sgy'))
    assert found.view.down.step == 3
    np.testing.assert_array_equal(found.view.values, cube[1, :, 1::3].T)


def test_what_is_no_segy(tmp_path: Path):
    np.save(tmp_path / 'a.npy', np.zeros((3, 4, 5)))
    assert glance(tmp_path / 'a.npy') is None
    assert glance(tmp_path) is None
    assert glance('synthetic:3') is None
    (tmp_path / 'a.sgy').write_bytes(b'no SEG-Y at all')
    with pytest.raises(SegyError, match='has 15 bytes'):
        glance(tmp_path / 'a.sgy')
