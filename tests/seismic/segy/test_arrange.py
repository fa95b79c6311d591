"""2-D lines whose headers hold numbers of a grid, of shotpoints or of time."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyError, open_volume
from tests.seismic.segy_files import SegyFile, make_cube


def line(count: int) -> np.ndarray:
    return make_cube((1, count, 8))[0]


@pytest.mark.parametrize('count', [90, 400])
def test_a_line_across_a_grid(tmp_path: Path, count: int):
    number = np.arange(count)
    file = SegyFile(line(count), 100 + number // 2, 300 + number, headers={21: 7 + number})
    volume = open_volume(file.write(tmp_path / 'a.sgy'))
    assert (volume.shape, volume.is_2d) == ((1, count, 8), True)
    assert_array_equal(volume.section('iline', 0), line(count))
    assert_array_equal(volume.xlines, 7 + number)
    assert "taken as a 2-D line in the order of the file; geometry='3d' makes a grid" in volume.notes[0]
    if count == 90:
        assert open_volume(tmp_path / 'a.sgy', geometry='3d').shape == (45, 90, 8)


def test_a_line_that_crosses_itself_is_offered_as_a_line(tmp_path: Path):
    number = np.r_[np.arange(30), 15, np.arange(30)]
    file = SegyFile(line(61), np.r_[np.full(30, 5), np.arange(31)], number)
    with pytest.raises(SegyError, match=r"repeat a place.*geometry='2d' takes them as one line"):
        open_volume(file.write(tmp_path / 'a.sgy'))
    assert open_volume(tmp_path / 'a.sgy', geometry='2d').shape == (1, 61, 8)


def test_two_cdps_a_shotpoint(tmp_path: Path):
    number = np.arange(60)
    file = SegyFile(line(60), np.full(60, 7), 1000 + number // 2, headers={21: number + 1, 17: 1000 + number // 2})
    volume = open_volume(file.write(tmp_path / 'a.sgy'))
    assert (volume.shape, volume.is_2d) == ((1, 60, 8), True)
    assert_array_equal(volume.xlines, number + 1)
    assert_array_equal(volume.section('iline', 0), line(60))
    assert 'a CDP number (bytes 21-24) of its own for each' in volume.notes[0]
    assert open_volume(tmp_path / 'a.sgy', duplicates='last').shape == (1, 30, 8)


def test_time_stamps_are_no_line_numbers(tmp_path: Path):
    number = np.arange(600)
    stamps = {-157: 2009, -159: 120, -161: 4, -163: number // 60 % 60, -165: number % 60, 9: number + 1, 21: number + 1}
    volume = open_volume(SegyFile(line(600), 0 * number, 0 * number, headers=stamps).write(tmp_path / 'a.sgy'))
    assert (volume.shape, volume.is_2d) == ((1, 600, 8), True)
    assert_array_equal(volume.xlines, number + 1)
