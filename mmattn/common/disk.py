"""Full disks: whether what is to be written fits, and errors that name the file."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What writing ends with where there is no room: the disk is full, a quota or a limit of a file's size is reached."""
_SPARE = 2**22  # what logs, journals and pictures take


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room."""
    return isinstance(error, OSError) and error.errno in FULL


@contextmanager
def naming(path: str | os.PathLike, kept: str) -> Iterator[None]:
    """Gives errors of writing that name no file, as a full disk's, the file and what is kept.

    Args:
        path: that is written to in the block.
        kept: what stays as it was, for the message.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, f'{os.strerror(error.errno)}; {kept}', os.fspath(path)) from error


def check_room(wanted: Iterable[tuple[str | os.PathLike, int]], what: str) -> None:
    """Checks that files fit their disks.

    Args:
        wanted: folders that are there, and bytes that are to be written below each.
        what: is written, for the message.

    Raises:
        OSError: (ENOSPC) if they do not; names the first folder, what it takes and what there is.
    """
    sums: dict[int, int] = {}
    first: dict[int, Path] = {}
    for folder, size in wanted:
        device = os.stat(folder).st_dev
        sums[device] = sums.get(device, 0) + size
        first.setdefault(device, Path(folder))
    for device, size in sums.items():
        free = shutil.disk_usage(first[device]).free
        if size + _SPARE > free:
            raise OSError(
                errno.ENOSPC, f'{what} takes {in_words(size)}, and {in_words(free)} are free', str(first[device])
            )


def in_words(size: float) -> str:
    """A number of bytes for people."""
    for unit in ('bytes', 'kB', 'MB', 'GB'):
        if size < 1000:
            return f'{size:.3g} {unit}'
        size /= 1000
    return f'{size:.3g} TB'
