"""Grids that are arithmetic are what the headers of all traces say, and keep nothing by trace."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyVolume
from mmattn.seismic.segy import arrange, copying, headers
from mmattn.seismic.volumes.live import is_all
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (5, 4, 7)


def both(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SegyVolume]:
    """A file opened as it is, and by the headers of all its traces."""
    found = [SegyVolume(path)]
    with monkeypatch.context() as patched:
        patched.setattr(arrange, 'find_regular', lambda *_: None)
        found.append(SegyVolume(path))
    return found


def by_crossline(path: Path, cube: np.ndarray) -> None:
    """Writes a cube whose traces follow each other along the inlines."""
    grid_file(cube).write(path)
    content = path.read_bytes()
    size = 240 + 4 * cube.shape[2]
    traces = np.frombuffer(content, np.uint8, offset=3600).reshape(*cube.shape[:2], size)
    path.write_bytes(content[:3600] + np.ascontiguousarray(traces.swapaxes(0, 1)).tobytes())


@pytest.mark.parametrize('window', [32 << 20, 600])
@pytest.mark.parametrize('across', [False, True])
def test_it_is_what_the_headers_say(across: bool, window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also in windows of the file that end within lines."""
    cube, path = make_cube(SHAPE), tmp_path / 'a.sgy'
    by_crossline(path, cube) if across else grid_file(cube).write(path)
    monkeypatch.setattr(headers, 'WINDOW', window)
    ours, theirs = both(path, monkeypatch)
    assert ours.strides == ((1, 5) if across else (4, 1))
    assert theirs.strides is None
    for name in ('ilines', 'xlines', 'trace_index', 'present', 'usable', 'live', 'samples'):
        assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)
    assert (ours.notes, ours.is_2d, ours.sample_interval) == (theirs.notes, theirs.is_2d, theirs.sample_interval)
    for direction in ('iline', 'xline'):
        assert_array_equal(ours.slab(direction, 1, 3), theirs.slab(direction, 1, 3))
        assert_array_equal(ours.not_finite(direction, 2), theirs.not_finite(direction, 2))
    assert_array_equal(ours.section('time', 3), theirs.section('time', 3))
    assert_array_equal(ours.thin_slice(3, slice(1, 5, 2), slice(None)), cube[1:5:2, :, 3])
    rows, columns = np.array([4, 0, 2]), np.array([3, 1, 1])
    assert_array_equal(ours.traces(rows, columns), cube[rows, columns])


def test_nothing_is_kept_by_trace(tmp_path: Path):
    grid_file(make_cube(SHAPE)).write(tmp_path / 'a.sgy')
    volume = SegyVolume(tmp_path / 'a.sgy')
    assert all(map(is_all, (volume.present, volume.usable, volume.live)))
    large = [value for value in vars(volume).values() if isinstance(value, np.ndarray) and value.size >= 20]
    assert all(map(is_all, large))


def test_a_pickle_is_as_small(tmp_path: Path):
    """One process opens a file for several."""
    cube = make_cube((60, 50, 3))
    grid_file(cube).write(tmp_path / 'a.sgy')
    content = pickle.dumps(SegyVolume(tmp_path / 'a.sgy'))
    assert len(content) < 60 * 50
    copy = pickle.loads(content)
    assert is_all(copy.usable)
    assert_array_equal(copy.slab('xline', 7, 9), cube[:, 7:9].swapaxes(0, 1))


@pytest.mark.parametrize('across', [False, True])
def test_dead_traces_are_found_at_their_place(across: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cube = make_cube(SHAPE)
    cube[1, 2] = cube[4, 0] = 0
    path = tmp_path / 'a.sgy'
    by_crossline(path, cube) if across else grid_file(cube).write(path)
    ours, theirs = both(path, monkeypatch)
    assert ours.strides is not None
    assert_array_equal(ours.live, theirs.live)
    assert [tuple(map(int, place)) for place in np.argwhere(~ours.live)] == [(1, 2), (4, 0)]


@pytest.mark.parametrize('change', ['order', 'missing', 'dead', 'delay'])
def test_what_is_not_regular_goes_by_its_headers(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The change is in the middle, where the first look does not see it."""
    path = tmp_path / 'a.sgy'
    grid_file(make_cube(SHAPE)).write(path)
    content, size = path.read_bytes(), 240 + 4 * SHAPE[2]
    traces = [bytearray(content[at : at + size]) for at in range(3600, len(content), size)]
    if change == 'order':
        traces[6], traces[9] = traces[9], traces[6]
    elif change == 'missing':
        del traces[10]
    elif change == 'dead':
        traces[10][28:30] = (2).to_bytes(2, 'big')
    else:
        traces[10][108:110] = (12).to_bytes(2, 'big')
    path.write_bytes(content[:3600] + b''.join(map(bytes, traces)))
    ours, theirs = both(path, monkeypatch)
    assert ours.strides is None
    for name in ('trace_index', 'usable', 'live'):
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.notes == theirs.notes


def test_a_copy_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a regular file and of the same by its headers."""
    cube = make_cube(SHAPE)
    by_crossline(tmp_path / 'a.sgy', cube)
    for number, volume in enumerate(both(tmp_path / 'a.sgy', monkeypatch)):
        blocks = ((volume.positions(line, slice(None)), cube[line] + 1) for line in range(SHAPE[0]))
        copying.copy_with_samples(volume, tmp_path / f'{number}.sgy', blocks)
    assert (tmp_path / '0.sgy').read_bytes() == (tmp_path / '1.sgy').read_bytes()
    assert_array_equal(SegyVolume(tmp_path / '0.sgy').slab('iline', 0, 5), cube + 1)
