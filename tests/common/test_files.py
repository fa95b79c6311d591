"""Files and folders that are whole or absent."""

import os
import zipfile

import numpy as np
import pytest

from mmattn.common.files import check_arrays, write_whole, written_whole


def test_files_are_made_with_their_folder_and_replaced(tmp_path):
    path = tmp_path / 'new' / 'a.txt'
    write_whole(path, 'größer')
    assert path.read_text(encoding='utf-8') == 'größer'
    write_whole(path, b'two')
    assert path.read_bytes() == b'two'
    assert os.listdir(path.parent) == ['a.txt']
    (tmp_path / 'usual').touch()
    assert path.stat().st_mode == (tmp_path / 'usual').stat().st_mode


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for name in ('one', 'two'):
        with written_whole(tmp_path / 'folder') as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert os.listdir(tmp_path / 'folder') == ['two']
    assert os.listdir(tmp_path) == ['folder']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_what_was_there_stays_after_an_error(tmp_path, error: type[BaseException]):
    def fail() -> None:
        with written_whole(tmp_path / 'a') as temporary:
            temporary.write_text('new')
            raise error

    write_whole(tmp_path / 'a', 'old')
    with pytest.raises(error):
        fail()
    assert (tmp_path / 'a').read_text() == 'old'
    assert os.listdir(tmp_path) == ['a']


def test_arrays_that_grow_a_hundredfold_are_refused(tmp_path):
    np.savez_compressed(tmp_path / 'few.npz', a=np.zeros(10**6))
    check_arrays(tmp_path / 'few.npz')
    with zipfile.ZipFile(tmp_path / 'many.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a.npy', bytes(2**27))
    with pytest.raises(ValueError, match=r'many\.npz has [\d,]+ bytes and would grow to 134,217,728'):
        check_arrays(tmp_path / 'many.npz')
    (tmp_path / 'none.npz').write_bytes(b'no zip')
    check_arrays(tmp_path / 'none.npz')
