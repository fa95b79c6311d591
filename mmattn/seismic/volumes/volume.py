"""What all seismic volumes share.

A volume has inlines, crosslines and samples, in this order. Sections and slabs are read when they are asked for, as
float32; what is not in the file is 0.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmattn.seismic.volumes.fill_search import FillSearch
from mmattn.seismic.volumes.fill_values import FillValue, check_null_value, equals_any, is_live
from mmattn.seismic.volumes.live import LiveTraces, is_all

DIRECTIONS = ('iline', 'xline', 'time')
SCAN_BYTES = 32 << 20
"""Bytes of samples that a scan holds at a time."""


class Scan(NamedTuple):
    """What reading a whole volume once tells.

    Args:
        live: (I, X) bool, see :attr:`Volume.live`.
        num_bad_samples: how many samples are NaN or infinite (or beyond float32) and are read as 0.
        num_null_samples: how many samples are a null value and are read as 0.
        constant_traces: how many traces hold one value throughout, by the value; zero left out.
        fill_values: what looks like a filling among the samples of live traces; None if it was not looked for.
    """

    live: np.ndarray
    num_bad_samples: int
    num_null_samples: int = 0
    constant_traces: dict[float, int] = {}
    fill_values: tuple[FillValue, ...] | None = None


class Volume(ABC):
    """A post-stack volume, or a line, that is read section by section.

    A context manager; :meth:`close` may be called at any time, a later read opens the file again. Can be pickled: the
    copy opens the file for itself.

    Attributes:
        path: of the file, '' in memory.
        ilines: (I,) int64 inline numbers.
        xlines: (X,) int64 crossline numbers.
        samples: (S,) float64 time or depth of the samples.
        sample_interval: between samples, in ``sample_unit``.
        sample_unit: 'ms', 'm' or 'ft'; 'sample' where nothing is known.
        delay: time or depth of the first sample.
        trace_index: (I, X) int64 position of the trace in the file, -1 where there is none; made at each access where
            ``strides`` tell, so :meth:`positions` is better.
        strides: of a full grid in the file's order, positions in the file from an inline to the next, and from a
            crossline to the next; None of others.
        usable: (I, X) bool, a trace is there and no header marks it as dead.
        is_2d: whether this is a single line, of shape (1, num_traces, num_samples).
        is_numbered: whether line numbers come from the file; False where they are counted from 0.
        notes: what is odd about the file, in words.
    """

    path: str
    ilines: np.ndarray
    xlines: np.ndarray
    samples: np.ndarray
    sample_interval: float
    sample_unit: str
    delay: float
    strides: tuple[int, int] | None = None
    usable: np.ndarray
    is_2d: bool
    is_numbered: bool = True
    notes: tuple[str, ...]
    _null_value: tuple[float, ...] | None = None

    @property
    def null_value(self) -> tuple[float, ...] | None:
        """Values that mean 'no data' and are read as 0; None where nobody said, () where there are none."""
        return self._null_value

    @null_value.setter
    def null_value(self, value: float | Sequence[float] | None) -> None:
        self._null_value = check_null_value(value)
        self.__dict__.pop('_scan', None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(num_ilines, num_xlines, num_samples)."""
        return len(self.ilines), len(self.xlines), len(self.samples)

    @property
    def name(self) -> str:
        """File name without folder."""
        return Path(self.path).name or 'array'

    @property
    def present(self) -> np.ndarray:
        """(I, X) bool: a trace is in the file."""
        if self.strides is None:
            return self._trace_index >= 0
        return np.broadcast_to(np.True_, (len(self.ilines), len(self.xlines)))

    @property
    def trace_index(self) -> np.ndarray:
        """(I, X) int64 position of the trace in the file, -1 where there is none."""
        return self.positions(slice(None), slice(None)) if self.strides else self._trace_index

    @trace_index.setter
    def trace_index(self, value: np.ndarray) -> None:
        self._trace_index = value

    def positions(self, rows: int | slice | np.ndarray, columns: int | slice | np.ndarray) -> np.ndarray:
        """Where traces lie in the file: int64 ``trace_index[rows, columns]``."""
        if self.strides is None:
            return self._trace_index[rows, columns]
        along, across = np.arange(len(self.ilines))[rows], np.arange(len(self.xlines))[columns]
        if isinstance(rows, slice) and isinstance(columns, slice):
            along = along[:, None]
        return along * self.strides[0] + across * self.strides[1]

    @property
    def live(self) -> np.ndarray:
        """(I, X) bool: a trace is in the file and not dead: not marked so, and not of one value throughout.

        The first access reads the whole volume, block by block; see :meth:`scan`.
        """
        return self.scan().live

    @property
    def num_bad_samples(self) -> int:
        """How many samples are NaN or infinite; they are read as 0. Reads the whole volume once, see :meth:`scan`."""
        return self.scan().num_bad_samples

    def scan(self, progress: Callable[[int, int], None] | None = None, search: FillSearch | None = None) -> Scan:
        """Reads the whole volume once, in bounded memory, and remembers the result.

        Args:
            progress: called with the traces done and their total.
            search: looks for fill values among the live traces on the way.
        """
        cached = self.__dict__.get('_scan')
        if cached is not None and (search is None or cached.fill_values is not None):
            return cached
        alive = LiveTraces(self)
        bad, null, constant = 0, 0, Counter()
        for start, values, num_bad in self._scan_blocks():
            null += self._clear_null(values)
            live = is_live(values)
            chosen = alive.add(start, live)
            first = values[~live, 0]
            constant.update(float(one) for one in first[first != 0])
            bad += num_bad
            if search is not None:
                search.add(values if chosen.all() else values[chosen])
            if progress is not None:
                progress(start + len(values), alive.num_traces)
        fills = None if search is None else tuple(search.found())
        self._scan = Scan(alive.on_grid(), bad, null, dict(constant.most_common(5)), fills)
        return self._scan

    def section(self, direction: str, index: int) -> np.ndarray:
        """Reads one section.

        Args:
            direction: 'iline', 'xline' or 'time'.
            index: position of the line or sample, from 0.

        Returns:
            float32: (num_traces, num_samples) of a line, (num_ilines, num_xlines) of a time or depth slice.

        Raises:
            ValueError: for another direction.
            IndexError: if there is no such line.
        """
        if direction == 'time':
            self._check_range(direction, index, index + 1)
            values = self._time_slice(int(index))
            self._clear_null(values)
            return values
        return self.slab(direction, index, index + 1)[0]

    def slab(self, direction: str, start: int, stop: int) -> np.ndarray:
        """Reads adjacent lines at once.

        Args:
            direction: 'iline' or 'xline'.
            start, stop: positions of the first line and behind the last, from 0.

        Returns:
            float32 (stop - start, num_traces, num_samples); traces run along crosslines for 'iline'. NaN, infinities,
            null values and missing traces are 0.

        Raises:
            ValueError: for another direction.
            IndexError: if there are no such lines.
        """
        if direction == 'time':
            raise ValueError(
                "direction of a slab must be 'iline' or 'xline'; section('time', index) reads a time slice"
            )
        return self.slab_and_null(direction, start, stop)[0]

    def slab_and_null(self, direction: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """As :meth:`slab`, and which samples were a null value (bool of the same shape; None where none can be)."""
        self._check_range(direction, start, stop)
        values = self._slab(direction, int(start), int(stop))
        if not self._null_value:
            return values, None
        null = equals_any(values, self._null_value)
        values[null] = 0
        return values, null

    def not_finite(self, direction: str, index: int) -> np.ndarray:
        """Tells which samples of a line are NaN or infinite in the file; (num_traces, num_samples) bool.

        Args:
            direction: 'iline' or 'xline'.
            index: position of the line, from 0.
        """
        self._check_range(direction, index, index + 1)
        every = slice(None)
        return self._find_bad(self.positions(*((index, every) if direction == 'iline' else (every, index))))

    def traces(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Reads single traces.

        Args:
            rows, columns: (n,) positions of inline and crossline, from 0.

        Returns:
            float32 (n, num_samples).
        """
        out = np.empty((len(rows), self.shape[2]), np.float32)
        self._read(self.positions(rows, columns), out)
        self._clear_null(out)
        return out

    def thin_slice(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        """Reads one sample of every n-th trace, and of SEG-Y files no other.

        Args:
            index: position of the sample, from 0.
            rows, columns: which inlines and crosslines, by position.

        Returns:
            float32 (rows, columns); NaN, infinities, null values and missing traces are 0.

        Raises:
            IndexError: if there is no such sample.
        """
        self._check_range('time', index, index + 1)
        values = self._thin_slice(int(index), rows, columns)
        self._clear_null(values)
        return values

    def place(self, row: int, column: int) -> tuple[float, float] | None:
        """The coordinates x and y of one trace, by positions of inline and crossline; None where none are known."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Closes the file."""

    def __getstate__(self) -> dict:
        state = dict(self.__dict__)
        if is_all(self.usable):
            state['usable'] = None
        return state

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if self.usable is None:
            self.usable = np.broadcast_to(np.True_, self.shape[:2])

    def __enter__(self) -> 'Volume':
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.path!r}, shape={self.shape})'

    def _clear_null(self, values: np.ndarray) -> int:
        """Sets null values to 0 and counts them."""
        if not self._null_value:
            return 0
        null = equals_any(values, self._null_value)
        values[null] = 0
        return int(np.count_nonzero(null))

    def _check_range(self, direction: str, start: int, stop: int) -> None:
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be 'iline', 'xline' or 'time', got {direction!r}")
        count = self.shape[DIRECTIONS.index(direction)]
        if not 0 <= start <= stop <= count:
            raise IndexError(f'{self.name} has {count} sections of direction {direction}; got {start} to {stop}')

    def _slab(self, direction: str, start: int, stop: int) -> np.ndarray:
        lines, every = slice(start, stop), slice(None)
        index = self.positions(lines, every) if direction == 'iline' else self.positions(every, lines).T
        out = np.empty((*index.shape, self.shape[2]), np.float32)
        self._read(index.ravel(), out.reshape(-1, self.shape[2]))
        return out

    @abstractmethod
    def _read(self, positions: np.ndarray, out: np.ndarray) -> None:
        """Reads traces by their position in the file into ``out`` (n, num_samples); -1 gives 0."""

    @abstractmethod
    def _time_slice(self, index: int) -> np.ndarray:
        """One sample of all traces, float32 (I, X)."""

    @abstractmethod
    def _thin_slice(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        """One sample of some traces, float32 (rows, columns)."""

    @abstractmethod
    def _find_bad(self, positions: np.ndarray) -> np.ndarray:
        """Which samples of traces, by their position in the file, are not finite: (n, num_samples) bool."""

    def scan_blocks(self) -> Iterator[tuple[int, np.ndarray, int]]:
        """Iterates over all traces: first position, float32 (n, num_samples) that may be changed, and bad samples.

        Null values are as they are stored.
        """
        return self._scan_blocks()

    @abstractmethod
    def _scan_blocks(self) -> Iterator[tuple[int, np.ndarray, int]]:
        """Iterates over all traces: first position, float32 (n, num_samples) that may be changed, and bad samples."""
