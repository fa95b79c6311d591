"""Full disks."""

import errno
import resource
import signal
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mmattn.common import disk
from mmattn.common.disk import check_room, in_words, is_full, naming
from mmattn.common.files import write_whole
from mmattn.inference.scratch import ScratchArray


@contextmanager
def small_files() -> Iterator[None]:
    """No file may have more than 4 kB, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_does_not_fit_is_named_and_the_old_one_kept(tmp_path: Path):
    write_whole(tmp_path / 'a.pth', b'old')
    message = r"nothing of it is kept, and what was there before.*: '.*a\.pth'"
    with small_files(), pytest.raises(OSError, match=message) as caught:
        write_whole(tmp_path / 'a.pth', bytes(10_000))
    assert is_full(caught.value)
    assert (tmp_path / 'a.pth').read_bytes() == b'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


def test_a_scratch_array_that_does_not_fit_is_named(tmp_path: Path):
    message = r"what was predicted before is kept: '.*iline-0\.float32'"
    with small_files(), pytest.raises(OSError, match=message):
        ScratchArray(tmp_path / 'iline-0.float32', (10, 10, 100))
    array = ScratchArray(tmp_path / 'b', (1, 1, 10))
    array.write('iline', 0, np.ones((1, 1, 10)))
    array.close()


def test_errors_that_name_a_file_stay(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='gone'), naming('a', 'all'):
        (tmp_path / 'gone').read_bytes()
    with pytest.raises(OSError, match='no number'), naming('a', 'all'):
        raise OSError('no number')


def test_room_is_summed_by_disk(tmp_path: Path, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(disk.shutil, 'disk_usage', lambda path: usage(10**9, 0, 10**8))
    (tmp_path / 'b').mkdir()
    check_room([(tmp_path, 9 * 10**7)], 'it')
    with pytest.raises(OSError, match=r'it takes 120 MB, and 100 MB are free: ') as caught:
        check_room([(tmp_path, 6 * 10**7), (tmp_path / 'b', 6 * 10**7)], 'it')
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(('size', 'words'), [(12, '12 bytes'), (1234, '1.23 kB'), (5e9, '5 GB'), (2.5e12, '2.5 TB')])
def test_sizes_in_words(size: float, words: str):
    assert in_words(size) == words
