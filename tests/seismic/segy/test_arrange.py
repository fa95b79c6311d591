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


def turning(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inline and crossline numbers of a line of many traces that turns, or crosses itself."""
    t = np.arange(240)
    if name == 'zigzag':
        return 100 + np.abs(t % 60 - 30), 300 + t
    if name == 'corner':
        return 100 + np.minimum(t, 120), 300 + np.maximum(t - 120, 0)
    angle = 2 * np.pi * t / (239 if name == 'circle' else 120)
    x, y = (np.cos(angle), np.sin(angle)) if name == 'circle' else (np.sin(angle), np.sin(2 * angle))
    return np.rint(500 + 34 * x).astype(int), np.rint(700 + 17 * y).astype(int)


@pytest.mark.parametrize('name', ['zigzag', 'corner'])
def test_a_line_that_turns_in_a_grid(tmp_path: Path, name: str):
    iline, xline = turning(name)
    volume = open_volume(SegyFile(line(240), iline, xline, headers={21: 1 + np.arange(240)}).write(tmp_path / 'a.sgy'))
    assert (volume.shape, volume.is_2d) == ((1, 240, 8), True)
    assert_array_equal(volume.section('iline', 0), line(240))
    assert 'taken as a 2-D line in the order of the file' in volume.notes[0]
    if name == 'zigzag':
        assert open_volume(tmp_path / 'a.sgy', geometry='3d').shape == (31, 240, 8)
    else:
        with pytest.raises(SegyError, match=r"they fill 1.65% of the grid.*geometry='2d' takes them as one line$"):
            open_volume(tmp_path / 'a.sgy', geometry='3d')


@pytest.mark.parametrize('name', ['circle', 'eight'])
@pytest.mark.parametrize('geometry', ['auto', '3d', '2d'])
def test_a_line_that_closes_or_crosses(tmp_path: Path, name: str, geometry: str):
    iline, xline = turning(name)
    path = SegyFile(line(240), iline, xline).write(tmp_path / 'a.sgy')
    if geometry == '2d':
        assert_array_equal(open_volume(path, geometry='2d').section('iline', 0), line(240))
        return
    try:
        volume = open_volume(path, geometry=geometry)
    except SegyError as error:
        assert "geometry='2d' takes them as one line" in str(error)  # noqa: PT017
    else:
        assert geometry == 'auto'
        assert_array_equal(volume.section('iline', 0), line(240))


def test_a_cross_of_neighbouring_traces_is_a_line(tmp_path: Path):
    number = np.arange(80)
    iline, xline = np.r_[100 + number, np.full(80, 140)], np.r_[np.full(80, 340), 300 + number]
    iline[80], xline[80] = 179, 341  # from the end of the first arm to the second it is far
    path = SegyFile(line(160), iline, xline).write(tmp_path / 'a.sgy')
    with pytest.raises(SegyError, match=r"repeat a place.*geometry='2d' takes them as one line"):
        open_volume(path)
    loop = np.r_[100 + number, 179 - number[1:40]]
    path = SegyFile(line(119), loop, np.r_[300 + number, np.full(39, 379)]).write(tmp_path / 'b.sgy')
    assert open_volume(path).shape == (1, 119, 8)


@pytest.mark.parametrize('serpentine', [False, True])
def test_a_survey_with_gaps_stays_a_survey(tmp_path: Path, serpentine: bool):
    rows, columns = np.indices((12, 15))
    if serpentine:
        columns = np.where(rows % 2, 14 - columns, columns)
    kept = np.random.default_rng(0).random((12, 15)) > 0.5
    for keep in (np.ones((12, 15), bool), kept):
        iline, xline = 10 + rows[keep], 300 + columns[keep]
        volume = open_volume(SegyFile(line(len(iline)), iline, xline).write(tmp_path / 'a.sgy'))
        assert (volume.is_2d, len(volume.ilines)) == (False, 12)
