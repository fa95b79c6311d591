"""Folders of the user's cache, and how they are kept from growing."""

import os
from pathlib import Path

import numpy as np


def user_cache(name: str) -> Path:
    """Returns ``mmattn/NAME`` in the user's cache folder (XDG_CACHE_HOME, or ~/.cache); it may not be there yet."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmattn' / name


def keep_recent(folder: Path, pattern: str, most: int) -> None:
    """Removes files of a folder until those of a pattern hold at most so many bytes; what was used longest ago first.

    Args:
        folder: of the files.
        pattern: of their names, as ``Path.glob`` takes it.
        most: bytes that may stay.

    Raises:
        OSError: if a file cannot be removed.
    """
    states = [(one, one.stat()) for one in folder.glob(pattern)]
    states.sort(key=lambda pair: pair[1].st_mtime, reverse=True)
    for (one, _), total in zip(states, np.cumsum([state.st_size for _, state in states])):
        if total > most:
            one.unlink(missing_ok=True)
