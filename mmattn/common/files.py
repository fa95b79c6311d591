"""Files and folders that appear under their name only once they are whole."""

import fcntl
import os
import shutil
import socket
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmattn.common.disk import naming


@contextmanager
def written_whole(destination: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path on the same disk, and renames what was written there once the block ends well.

    After an error, or an interrupt, what stood under the name before is still there. A process that is killed leaves a
    folder beside the destination, ``.NAME.….part``.

    Args:
        destination: file or folder to write; its folder is made if need be, and what is there is replaced.
    """
    destination = Path(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f'.{destination.name}.', suffix='.part'))
    try:
        temporary = folder / destination.name
        with naming(destination, 'nothing of it is kept, and what was there before still is'):
            yield temporary
            if temporary.is_file():
                _sync(temporary)
        if destination.is_dir():
            shutil.rmtree(destination)
        os.replace(temporary, destination)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(destination: str | os.PathLike, content: bytes | str) -> None:
    """Writes a file, text as UTF-8, as ``written_whole`` does."""
    with written_whole(destination) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hold_folder(folder: str | os.PathLike, name: str) -> int:
    """Keeps other processes that ask the same out of a folder until this one ends, however it ends.

    Args:
        folder: that is there.
        name: of the file in it that is locked, and tells who holds it.

    Returns:
        The descriptor of the file.

    Raises:
        FileExistsError: if another process holds it; the message says which, where and since when.
    """
    path = Path(folder) / name
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        holder = path.read_text(encoding='utf-8', errors='replace').strip() or 'unknown'
        raise FileExistsError(f'{str(folder)!r} is in use by another process: {holder}') from error
    os.ftruncate(handle, 0)
    os.write(
        handle, f'process {os.getpid()} on {socket.gethostname()} since {time.strftime("%Y-%m-%d %H:%M:%S")}'.encode()
    )
    return handle


ARRAY_ERRORS = (
    ValueError, TypeError, AttributeError, KeyError, EOFError, OSError, OverflowError, NotImplementedError,
    RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What NumPy raises for a damaged .npy or .npz file."""
_MOST_GROWTH, _SMALL = 100, 2**26


def check_growth(archive: zipfile.ZipFile, size: int, name: str) -> None:
    """Refuses a zip whose members are far larger than itself: pictures, weights and tables do not shrink so much.

    Args:
        archive: that was opened.
        size: of the file, in bytes.
        name: of it, for the message.

    Raises:
        ValueError: if its members exceed 64 MiB and are a hundred times as large as the file.
    """
    members = archive.infolist()
    if any(member.compress_size > size for member in members):
        raise ValueError(f'{name} is damaged: a member of it says that it is larger than all of it')
    total = sum(member.file_size for member in members)
    if total > max(_SMALL, _MOST_GROWTH * size):
        raise ValueError(f'{name} has {size:,} bytes and would grow to {total:,}; it is not unpacked')


def check_arrays(path: str | os.PathLike) -> None:
    """Refuses an .npz of NumPy's as ``check_growth`` does; what is no zip passes, for its reader to name.

    Raises:
        ValueError: if it would grow too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_growth(archive, Path(path).stat().st_size, str(path))
    except (zipfile.BadZipFile, NotImplementedError):
        pass
