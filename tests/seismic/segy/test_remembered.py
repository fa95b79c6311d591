"""Words of trace headers that are kept on disk."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import open_volume
from mmattn.seismic.segy import headers, regular, remembered
from mmattn.seismic.segy.remembered import remembered_words
from tests.seismic.segy_files import grid_file, make_cube


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return grid_file(make_cube((4, 5, 12))).write(tmp_path / 'a.sgy')


def refuse(*arguments: object) -> None:
    raise AssertionError('trace headers are read')


@pytest.mark.parametrize('is_regular', [True, False])
def test_headers_are_read_once(is_regular: bool, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a grid that is full line after line, and of one without a trace."""
    if not is_regular:
        missing = np.zeros((4, 5), bool)
        missing[2, 3] = True
        path = grid_file(make_cube((4, 5, 12)), missing=missing).write(tmp_path / 'b.sgy')
    plain = open_volume(path)
    with remembered_words(tmp_path / 'cache'):
        first = open_volume(path)
        for module in (headers, regular):
            monkeypatch.setattr(module, 'iterate_windows', refuse)
        second = open_volume(path)
    for volume in (first, second):
        for name in ('ilines', 'xlines', 'trace_index', 'usable', 'samples'):
            assert np.array_equal(getattr(volume, name), getattr(plain, name))
        assert np.array_equal(volume.section('iline', 2), plain.section('iline', 2))
    with pytest.raises(AssertionError, match='headers are read'):
        open_volume(path)  # outside the block


def test_a_changed_file_and_a_damaged_memory_are_read_anew(path: Path, tmp_path: Path):
    cache = tmp_path / 'cache'
    with remembered_words(cache):
        assert open_volume(path).ilines[0] == 10
        grid_file(make_cube((4, 5, 12)), ilines=np.arange(70, 74)).write(path)
        os.utime(path, ns=(1, 1))
        assert open_volume(path).ilines[0] == 70
        for one in cache.iterdir():
            one.write_bytes(b'no array')
        assert open_volume(path).ilines[0] == 70


def test_what_was_used_longest_ago_goes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache = tmp_path / 'cache'
    monkeypatch.setattr(remembered, 'MOST', 500)
    with remembered_words(cache):
        open_volume(path)
    assert 0 < sum(one.stat().st_size for one in cache.iterdir()) <= 500
    (tmp_path / 'file').write_text('')
    with remembered_words(tmp_path / 'file'):  # where nothing can be kept
        assert open_volume(path).shape == (4, 5, 12)
