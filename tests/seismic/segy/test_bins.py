"""Bins from coordinates that are rounded, skewed, missing or angles."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmattn.seismic import SegyVolume, open_volume
from mmattn.seismic.segy.bins import plane_steps
from mmattn.seismic.segy.report import describe_volume
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (25, 28)


def survey(path: Path, *, skew: float = 90.0, **options) -> SegyVolume:
    """Bins of 12.5 m by 12.5 m, turned by 21.6 degrees, coordinates in whole metres."""
    row, column = np.indices(SHAPE)
    turn, other = np.deg2rad([21.6, 21.6 + skew])
    x = np.rint(500_000 + 12.5 * (row * np.cos(turn) + column * np.cos(other))).astype(int)
    y = np.rint(6_000_000 + 12.5 * (row * np.sin(turn) + column * np.sin(other))).astype(int)
    for corner in options.pop('unknown', ()):
        x[corner] = y[corner] = 0
    headers = {181: x, 185: y, -71: 1} | options.pop('headers', {})
    return open_volume(grid_file(make_cube((*SHAPE, 2)), headers=headers, **options).write(path / 'a.sgy'))


@pytest.mark.parametrize('skew', [90.0, 60.0])
def test_whole_metres_and_skewed_grids(tmp_path: Path, skew: float):
    volume = survey(tmp_path, skew=skew)
    assert_allclose(volume.bin_size(), (12.5, 12.5), rtol=0.002)
    assert_allclose(volume.bin_area(), 156.25 * np.sin(np.deg2rad(skew)), rtol=0.005)
    assert describe_volume(volume)['coordinates']['bin_area'] == round(volume.bin_area(), 3)


def test_traces_without_coordinates_or_far_away(tmp_path: Path):
    far = np.zeros(SHAPE, int)
    far[3, 4] = 1
    volume = survey(tmp_path, unknown=[(0, 0), (24, 27)])
    assert_allclose(volume.bin_area(), 156.25, rtol=0.005)
    x, y = volume.coordinates()
    known = x != 0
    steps = plane_steps(volume.ilines, volume.xlines, np.where(far, 9e6, x), y, known)
    assert_allclose(np.hypot(*steps.T), (12.5, 12.5), rtol=0.002)


def test_line_numbers_with_steps_and_gaps(tmp_path: Path):
    xlines = 300 + 4 * np.arange(28)
    xlines[20:] += 400
    row, column = np.meshgrid(np.arange(25), xlines - 300, indexing='ij')
    volume = survey(tmp_path, xlines=xlines, headers={181: 5000 + 3 * column, 185: 7000 + 10 * row})
    assert_allclose(volume.bin_size(), (10, 12))


def test_angles_have_no_area(tmp_path: Path):
    volume = survey(tmp_path, headers={-89: 2})
    assert (volume.bin_size(), volume.bin_area()) == (None, None)
    assert any('coordinates are angles' in remark for remark in describe_volume(volume)['remarks'])
