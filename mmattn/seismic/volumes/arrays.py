"""Volumes that lie in NumPy or Zarr arrays."""

import math
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from mmattn.common.files import ARRAY_ERRORS
from mmattn.seismic.volumes.volume import SCAN_BYTES, Volume
from mmattn.seismic.volumes.zarr_arrays import in_zarr, is_address, open_zarr, zarr_lines


class ArrayVolume(Volume):
    """A volume in an array (num_ilines, num_xlines, num_samples), or of a line (num_traces, num_samples).

    Args:
        source: path of a .npy file or a Zarr array, mapped and not read; or an array in memory, which a pickle holds. A
            Zarr group as ``predict_segy.py`` writes it brings its line numbers, samples and live traces.
        null_value: a value, or several, that mean 'no data'; see :attr:`Volume.null_value`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no real numbers in two or three dimensions.
    """

    sample_interval, sample_unit, delay, notes = 1.0, 'sample', 0.0, ()
    is_numbered = False

    def __init__(
        self, source: str | os.PathLike | np.ndarray, *, null_value: float | Sequence[float] | None = None
    ) -> None:
        self.null_value = null_value
        if isinstance(source, np.ndarray):
            self.path, self._memory = '', source
        else:
            self.path, self._memory = str(source), None
        shape, kind = self._array.shape, np.dtype(self._array.dtype).kind
        if len(shape) not in (2, 3) or kind not in 'biuf' or 0 in shape:
            raise ValueError(
                f'{self.path or "array"} must hold real numbers of shape (ilines, xlines, samples) or (traces, '
                f'samples), got {self._array.dtype} {tuple(shape)}'
            )
        self.is_2d = len(shape) == 2 or shape[0] == 1
        shape = (1, *shape) if len(shape) == 2 else shape
        self.ilines, self.xlines = np.arange(shape[0]), np.arange(shape[1])
        self.samples = np.arange(shape[2], dtype=np.float64)
        self.strides, self.usable = (shape[1], 1), np.broadcast_to(np.True_, shape[:2])
        if in_zarr(self.path):
            self._take_lines(zarr_lines(self.path, shape))

    def _take_lines(self, beside: dict[str, object]) -> None:
        """Takes line numbers, samples and live traces that lie beside the array."""
        if not beside:
            return
        self.ilines, self.xlines, self.samples = (beside[name] for name in ('iline', 'xline', 'sample'))
        self.usable, self.is_numbered = beside['live'], True
        self.delay, self.sample_unit = float(self.samples[0]), beside['sample_unit']
        if len(self.samples) > 1:
            self.sample_interval = float(self.samples[-1] - self.samples[0]) / (len(self.samples) - 1)

    @cached_property
    def _array(self):
        return self._memory if self._memory is not None else _open_array(self.path)

    @property
    def chunks(self) -> tuple[int, ...]:
        """(ilines, xlines, samples) of what a Zarr array reads at once; () of other arrays."""
        chunks = getattr(self._array, 'shards', None) or getattr(self._array, 'chunks', None) or ()
        return tuple(chunks) if len(chunks) == 3 else ()

    def __getstate__(self) -> dict:
        return {name: value for name, value in super().__getstate__().items() if name != '_array'}

    def close(self) -> None:
        """Lets the file go."""
        self.__dict__.pop('_array', None)

    def _slab(self, direction: str, start: int, stop: int) -> np.ndarray:
        if self._array.ndim == 2:
            block = self._array[...][None] if direction == 'iline' else self._array[start:stop][:, None]
            return _finite(block[start:stop] if direction == 'iline' else block)[0]
        if direction == 'iline':
            return _finite(self._array[start:stop])[0]
        return _finite(np.moveaxis(self._array[:, start:stop], 1, 0))[0]

    def _read(self, positions: np.ndarray, out: np.ndarray) -> None:
        for number, position in enumerate(positions):
            place = position if self._array.ndim == 2 else divmod(int(position), self.shape[1])
            out[number] = _finite(self._array[place])[0]

    def _find_bad(self, positions: np.ndarray) -> np.ndarray:
        bad = np.zeros((len(positions), self.shape[2]), bool)
        if np.dtype(self._array.dtype).kind != 'f':
            return bad
        for number, position in enumerate(positions):
            place = int(position) if self._array.ndim == 2 else divmod(int(position), self.shape[1])
            with np.errstate(over='ignore'):
                bad[number] = ~np.isfinite(np.asarray(self._array[place], np.float32))
        return bad

    def _time_slice(self, index: int) -> np.ndarray:
        return _finite(self._array[..., index])[0].reshape(self.shape[:2])

    def _thin_slice(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        if self._array.ndim == 2:
            return _finite(self._array[columns, index])[0][None][rows]
        return _finite(self._array[rows, columns, index])[0]

    def _scan_blocks(self) -> Iterator[tuple[int, np.ndarray, int]]:
        lines = self._array.shape[0]
        traces = math.prod(self._array.shape[:-1]) // lines  # a row of the first axis
        step = max(1, SCAN_BYTES // (4 * traces * self.shape[2]))
        for start in range(0, lines, step):
            values, bad = _finite(self._array[start : start + step])
            yield start * traces, values.reshape(-1, self.shape[2]), bad


def _open_array(path: str):
    """Maps a .npy file, or opens a Zarr array."""
    if not is_address(path) and not Path(path).exists():
        raise FileNotFoundError(f'array {path!r} does not exist')
    if in_zarr(path):
        return open_zarr(path)
    try:
        return np.load(path, mmap_mode='r', allow_pickle=False)
    except ARRAY_ERRORS as error:
        raise ValueError(f'{path} is no readable .npy file: {error}') from error


def _finite(values: np.ndarray) -> tuple[np.ndarray, int]:
    """C-contiguous float32 with 0 for what is not finite, and how many samples that were."""
    with np.errstate(over='ignore'):
        values = np.array(values, dtype=np.float32, order='C')
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if count:
        values[bad] = 0
    return values, count
