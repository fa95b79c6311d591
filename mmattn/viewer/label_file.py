"""A label that is painted on: each stroke is on disk before the next."""

import fcntl
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmattn.common.disk import check_room
from mmattn.common.files import written_whole
from mmattn.seismic.opening import is_array
from mmattn.seismic.volumes.labels import IGNORED
from mmattn.seismic.volumes.volume import Volume
from mmattn.seismic.volumes.zarr_arrays import in_zarr, is_address, open_zarr
from mmattn.viewer.strokes import Patch

VALUES = {'salt': 1, 'not salt': 0, 'unknown': IGNORED}
"""What is painted, by what it means."""
_STEPS = 200  # that can be taken back
_CHUNK = 16, 64, 64
_BLOCK = 64 << 20


class LabelFile:
    """Paints on a label in an array, in place.

    The file is opened for writing, and kept from other processes, at the first stroke.

    Args:
        path: of a .npy file, or of an array or a group in a Zarr store, that is there.

    Raises:
        ValueError: if it is a SEG-Y file, or its numbers do not hold 255.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        if not is_array(path) or is_address(path):
            raise ValueError(f'{path} is shown only: labels are painted in .npy and .zarr files')
        kind = np.dtype(_open(self.path, 'r').dtype)
        if kind.kind == 'b' or (kind.kind in 'iu' and np.iinfo(kind).max < IGNORED):
            raise ValueError(f'{path} is shown only: its numbers ({kind}) do not hold {IGNORED} (unknown)')
        self._array = None
        self._lock: int | None = None
        self._before: deque[tuple[str, int, Patch, np.ndarray]] = deque(maxlen=_STEPS)

    @property
    def steps(self) -> int:
        """How many strokes can be taken back."""
        return len(self._before)

    def paint(self, direction: str, index: int, patch: Patch, value: int) -> int:
        """Paints what a stroke covers, and writes it.

        Args:
            direction, index: of the section.
            patch: of that section.
            value: 1 salt, 0 not salt, 255 unknown.

        Returns:
            How many samples changed.

        Raises:
            ValueError: for another value, or if another process paints on the file.
            OSError: if it cannot be written.
        """
        if value not in VALUES.values():
            raise ValueError(f'a label must be one of {", ".join(map(str, VALUES.values()))}, got {value!r}')
        if not patch.mask.any():
            return 0
        before = self._exchange(direction, index, patch, lambda old: np.where(patch.mask, old.dtype.type(value), old))
        changed = int(np.count_nonzero(patch.mask & (before != value)))
        if changed:
            self._before.append((direction, index, patch, before))
        return changed

    def undo(self) -> tuple[str, int] | None:
        """Takes the last stroke back, and writes that.

        Returns:
            Direction and position of its section; None if there is none.
        """
        if not self._before:
            return None
        direction, index, patch, before = self._before[-1]
        self._exchange(direction, index, patch, lambda now: np.where(patch.mask, before, now))
        self._before.pop()
        return direction, index

    def close(self) -> None:
        """Lets the file go."""
        self._array = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _exchange(self, direction: str, index: int, patch: Patch, change: Callable) -> np.ndarray:
        """Writes what ``change`` makes of the samples of a patch (down, across), and returns what they were."""
        if self._array is None:
            self._lock = _locked(self.path)
            self._array = _open(self.path, 'r+')
        array, (down, across) = self._array, (slice(*patch.down), slice(*patch.across))
        flat = array.ndim == 2
        place = dict(
            iline=(across, down) if flat else (index, across, down),
            xline=(index, down) if flat else (across, index, down),
            time=(across, index) if flat else (down, across, index),
        )[direction]
        before = np.array(array[place])
        turned = before if direction == 'time' else before.T
        array[place] = change(turned) if direction == 'time' else change(turned).T
        if isinstance(array, np.memmap):
            array.flush()
        return turned


def make_label(path: str | os.PathLike, volume: Volume) -> None:
    """Writes a label of nothing but unknown (255), on the grid of a volume.

    A Zarr store takes no room until it is painted on; its group holds ``mask`` and the lines and samples of the volume.

    Raises:
        ValueError: if the path ends with neither .npy nor .zarr, or Zarr is not there.
        FileNotFoundError: if its folder is not there.
        OSError: if the disk has no room.
    """
    path = Path(path)
    if path.suffix.lower() not in ('.npy', '.zarr'):
        raise ValueError(f'label {str(path)!r} does not exist; a new one must end with .npy or .zarr')
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f'label: folder {str(path.parent)!r} does not exist')
    if path.suffix.lower() == '.npy':
        _make_npy(path, volume.shape)
    else:
        _make_zarr(path, volume)


def _make_npy(path: Path, shape: tuple[int, int, int]) -> None:
    size = int(np.prod(shape))
    check_room([(path.absolute().parent, size)], 'the label')
    with written_whole(path) as temporary, open(temporary, 'wb') as file:
        np.lib.format.write_array_header_1_0(file, dict(descr='|u1', fortran_order=False, shape=tuple(shape)))
        for start in range(0, size, _BLOCK):
            file.write(bytes([IGNORED]) * min(_BLOCK, size - start))


def _make_zarr(path: Path, volume: Volume) -> None:
    try:
        import zarr
    except ImportError as error:
        raise ValueError(f'{path}: writing Zarr needs `pip install mmattn[zarr]`') from error
    chunks = tuple(min(most, size) for most, size in zip(_CHUNK, volume.shape))
    names = 'iline', 'xline', 'sample'
    with written_whole(path) as temporary:
        group = zarr.open_group(str(temporary), mode='w', zarr_format=3)
        group.create_array(
            'mask', shape=volume.shape, chunks=chunks, dtype='uint8', fill_value=IGNORED, dimension_names=names
        )
        if volume.is_numbered:
            for name, values in zip(names, (volume.ilines, volume.xlines, volume.samples)):
                group.create_array(name, data=np.ascontiguousarray(values), dimension_names=[name])
            group.attrs['sample_unit'] = volume.sample_unit


def _open(path: str, mode: str):
    if in_zarr(path):
        return open_zarr(path, mode=mode)
    return np.load(path, mmap_mode=mode, allow_pickle=False)


def _locked(path: str) -> int:
    """Holds a file or folder until its descriptor is closed."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise ValueError(f'{path} is being painted on by another process') from None
    return handle
