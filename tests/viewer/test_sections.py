"""Pictures hold the samples of their positions, and no more is read than they show."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import ArrayVolume, open_volume
from mmattn.viewer.sections import Window, clip_window, read_view, whole_window
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = 6, 7, 20


@pytest.fixture(params=['array', 'segy'])
def volume(request, tmp_path):
    cube = make_cube(SHAPE)
    if request.param == 'array':
        return ArrayVolume(cube)
    return open_volume(grid_file(cube, order='mixed').write(tmp_path / 'a.sgy'))


def sections(cube: np.ndarray, direction: str, index: int) -> np.ndarray:
    return dict(iline=cube[index].T, xline=cube[:, index].T, time=cube[..., index])[direction]


@pytest.mark.parametrize('direction', ['iline', 'xline', 'time'])
@pytest.mark.parametrize('most', [(100, 100), (3, 4), (1, 1)])
def test_values_are_those_of_their_positions(volume, direction: str, most: tuple[int, int]):
    whole = whole_window(volume, direction)
    for window in (whole, Window((1, 5), (2, 6))):
        view = read_view(volume, direction, 2, window, most)
        assert_array_equal(view.values, sections(make_cube(SHAPE), direction, 2)[np.ix_(view.down, view.across)])
        assert view.values.shape[0] <= most[1]
        assert view.values.shape[1] <= most[0]
        assert view.present.all()
        assert view.present.shape == view.values.shape


def test_the_box_puts_cells_on_their_positions(volume):
    view = read_view(volume, 'iline', 0, whole_window(volume, 'iline'), (3, 4))
    assert (view.across, view.down) == (range(1, 7, 3), range(2, 20, 5))
    assert view.box == (-0.5, -0.5, 6, 20)


def test_missing_traces(tmp_path):
    missing = np.zeros((6, 7), bool)
    missing[2, 3] = True
    volume = open_volume(grid_file(make_cube(SHAPE), missing=missing).write(tmp_path / 'a.sgy'))
    for direction, index, at in (('iline', 2, (4, 3)), ('xline', 3, (4, 2)), ('time', 4, (2, 3))):
        view = read_view(volume, direction, index, whole_window(volume, direction))
        assert not view.present[at]
        assert view.values[at] == 0
        assert (~view.present).sum() == (1 if direction == 'time' else 20)


def test_traces_out_of_sight_are_not_read(tmp_path, monkeypatch):
    volume = open_volume(grid_file(make_cube(SHAPE)).write(tmp_path / 'a.sgy'))
    read = []
    monkeypatch.setattr(type(volume), '_read', lambda self, positions, out: read.append(len(positions)))
    read_view(volume, 'xline', 0, Window((0, 20), (1, 5)), (2, 100))
    assert read == [2]


@pytest.mark.parametrize(
    ('down', 'across', 'window'),
    [
        ((19.5, -0.5), (-0.5, 6.5), ((0, 20), (0, 7))),
        ((-9, 99), (99, -9), ((0, 20), (0, 7))),
        ((3.2, 3.3), (6.9, 50), ((3, 4), (6, 7))),
        ((-5, -4), (2, 4.4), ((0, 1), (2, 5))),
    ],
)
def test_edges_of_the_picture(volume, down, across, window):
    assert clip_window(volume, 'iline', down, across) == window


@pytest.mark.parametrize('direction', ['iline', 'xline', 'time'])
def test_no_such_section(volume, direction: str):
    with pytest.raises(IndexError, match='sections of direction'):
        read_view(volume, direction, 20, whole_window(volume, direction))
