"""Sections along lines of any course."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import open_volume
from mmattn.viewer.ways import read_way, traces_along
from tests.seismic.segy_files import make_cube
from tests.viewer.surveys import SHAPE, write_survey


def test_traces_along_a_line():
    rows, columns = traces_along([(0, 0), (2, 6), (2, 6), (5, 6)], (6, 7))
    assert_array_equal(rows, [0, 0, 1, 1, 1, 2, 2, 3, 4, 5])
    assert_array_equal(columns, [0, 1, 2, 3, 4, 5, 6, 6, 6, 6])
    rows, columns = traces_along([(-3, 2), (99, 2)], (6, 7))
    assert_array_equal(rows, np.arange(6))
    assert_array_equal(columns, 2)
    assert_array_equal(traces_along([(1, 1), (1, 1)], (6, 7)), [[1], [1]])


@pytest.mark.parametrize('corners', [[(1, 1)], [], [(1, 1), (np.nan, 2)]])
def test_no_line(corners: list):
    with pytest.raises(ValueError, match='a line has two corners or more of finite numbers'):
        traces_along(corners, (6, 7))


def test_reads_a_line_and_thins_it(tmp_path):
    cube = make_cube(SHAPE)
    rows, columns = traces_along([(0, 6), (5, 0)], SHAPE[:2])
    with open_volume(write_survey(tmp_path)['path']) as volume:
        assert_array_equal(read_way(volume, rows, columns).values, cube[rows, columns].T)
        view = read_way(volume, rows, columns, most=(3, 10))
    assert (view.down, view.across) == (range(0, 20, 2), range(1, 7, 3))
    assert_array_equal(view.values, cube[rows[1::3], columns[1::3]][:, ::2].T)
    assert view.present.all()
