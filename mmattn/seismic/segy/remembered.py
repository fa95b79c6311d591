"""Words of trace headers that were read before, kept on disk: a large file opens at once the second time."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from mmattn.common.cache import keep_recent, user_cache
from mmattn.common.files import ARRAY_ERRORS, written_whole
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.words import Word

MOST = 2**30
"""Bytes that are kept; what was used longest ago goes first."""
_folder: ContextVar[Path | None] = ContextVar('folder of remembered words', default=None)


def usual_folder() -> Path:
    """Returns ``mmattn/headers`` in the user's cache folder (XDG_CACHE_HOME, or ~/.cache)."""
    return user_cache('headers')


@contextmanager
def remembered_words(folder: str | os.PathLike | None = None) -> Iterator[None]:
    """Keeps the words that are read of trace headers, and takes those that were kept, while the block runs.

    A file counts as the same while its path, size and time of change are.

    Args:
        folder: where; ``usual_folder`` by default.
    """
    token = _folder.set(usual_folder() if folder is None else Path(folder))
    try:
        yield
    finally:
        _folder.reset(token)


def recall(layout: Layout, word: Word) -> np.ndarray | None:
    """Returns a word of all traces, (num_traces,), if it was kept."""
    values = recall_numbers(layout, *_name(layout, word))
    return values if values is not None and values.shape == (layout.num_traces,) else None


def remember(layout: Layout, word: Word, values: np.ndarray) -> None:
    """Keeps a word of all traces; a folder that cannot be written, or is full, keeps nothing."""
    remember_numbers(layout, values, *_name(layout, word))


def recall_numbers(layout: Layout, *what: str) -> np.ndarray | None:
    """Returns what ``remember_numbers`` kept of a file under the same names."""
    path = _path(layout, what)
    if path is None or not path.is_file():
        return None
    try:
        values = np.load(path, allow_pickle=False)
        os.utime(path)
    except ARRAY_ERRORS:
        return None
    return values


def remember_numbers(layout: Layout, values: np.ndarray, *what: str) -> None:
    """Keeps numbers that were found in a file; a folder that cannot be written, or is full, keeps nothing."""
    path = _path(layout, what)
    if path is None:
        return
    try:
        with written_whole(path) as temporary, open(temporary, 'wb') as file:
            np.save(file, values)
        keep_recent(path.parent, '*.npy', MOST)
    except OSError:
        return


def _name(layout: Layout, word: Word) -> tuple[str, str]:
    return word.dtype(layout.endian).str, repr(word)


def _path(layout: Layout, what: tuple[str, ...]) -> Path | None:
    folder = _folder.get()
    if folder is None:
        return None
    state = Path(layout.path).stat()
    what = (
        str(Path(layout.path).resolve()), state.st_size, state.st_mtime_ns, layout.data_start, layout.trace_size,
        layout.num_traces, *what,
    )  # fmt: skip
    return folder / f'{hashlib.sha256(repr(what).encode()).hexdigest()[:32]}.npy'
