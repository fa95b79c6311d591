"""What is used is kept, what was used longest ago goes."""

import os
from pathlib import Path

from mmattn.common.cache import keep_recent, user_cache


def test_the_folder_follows_the_environment(monkeypatch, tmp_path: Path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert user_cache('networks') == tmp_path / 'mmattn' / 'networks'
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert user_cache('networks') == Path.home() / '.cache' / 'mmattn' / 'networks'


def test_the_oldest_files_go(tmp_path: Path):
    for age, name in enumerate(('new.bin', 'old.bin', 'oldest.bin', 'other.txt')):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    keep_recent(tmp_path, '*.bin', 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['new.bin', 'old.bin', 'other.txt']
    keep_recent(tmp_path, '*.bin', 0)
    assert [path.name for path in tmp_path.iterdir()] == ['other.txt']
