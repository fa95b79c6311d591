"""Reads traces by explicit reads, so that no page of the file stays mapped into this process."""

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from mmattn.seismic.segy.formats import to_float32
from mmattn.seismic.segy.headers import TRACE_HEADER
from mmattn.seismic.segy.layout import Layout

_READERS, _AT_ONCE = 16, 256  # threads that read single samples, and how many each reads before it takes more
BUFFER = 8 << 20
"""Bytes read at a time; a single trace may be longer."""


class TraceReader:
    """Reads traces of a file as float32.

    Opens the file when it is first needed, again in each process (a position in a file is shared by forked processes)
    and after unpickling. Threads may share a reader.

    Args:
        layout: of the file.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._file, self._pid, self._lock = None, -1, threading.Lock()

    def __getstate__(self) -> dict:
        return dict(layout=self.layout)

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def read(self, positions: np.ndarray, out: np.ndarray) -> int:
        """Reads traces, those that follow each other in the file at once.

        Args:
            positions: (n,) positions in the file, any order; where -1, ``out`` becomes 0.
            out: (n, num_samples) float32 to fill.

        Returns:
            How many samples were not finite and became 0.
        """
        order = np.argsort(positions, kind='stable')
        ranked = positions[order]
        first = int(np.searchsorted(ranked, 0))
        out[order[:first]] = 0
        bad = 0
        most = max(1, BUFFER // self.layout.trace_size)
        for start, stop in find_runs(ranked, first, most):
            raw = self.read_raw(int(ranked[start]), stop - start)
            values, count = to_float32(raw['samples'], self.layout.format)
            out[order[start:stop]] = values
            bad += count
        return bad

    def read_samples(self, positions: np.ndarray, index: int, out: np.ndarray) -> None:
        """Reads one sample of traces, each by a read of its own, many at once, as a disk answers soonest.

        Args:
            positions: (n,) positions in the file, any order; where -1, ``out`` becomes 0.
            index: position of the sample in its trace.
            out: (n,) float32 to fill; 0 where the sample is not finite.

        Raises:
            OSError: if the file has become shorter since it was opened.
        """
        layout, size = self.layout, self.layout.format.size
        order = np.argsort(positions, kind='stable')
        order = order[np.searchsorted(positions[order], 0) :]
        first = layout.data_start + TRACE_HEADER + index * size
        places = (first + positions[order].astype(np.int64) * layout.trace_size).tolist()
        file = self._opened().fileno()

        def read_some(start: int) -> bytes:
            return b''.join([os.pread(file, size, place) for place in places[start : start + _AT_ONCE]])

        starts = range(0, len(places), _AT_ONCE)
        with ThreadPoolExecutor(min(_READERS, len(starts) or 1)) as pool:
            stored = b''.join(pool.map(read_some, starts))
        if len(stored) != size * len(places):
            raise OSError(f'{layout.path} ends before its last trace: it was cut while it was open')
        out[:] = 0
        out[order] = to_float32(np.frombuffer(stored, layout.format.dtype(layout.endian)), layout.format)[0]

    def read_raw(self, start: int, count: int) -> np.ndarray:
        """Reads traces from position ``start`` on as they are stored: array of :func:`trace_dtype`.

        Raises:
            OSError: if the file has become shorter since it was opened.
        """
        layout = self.layout
        traces = np.empty(count, trace_dtype(layout))
        view = memoryview(traces).cast('B')
        file = self._opened()
        with self._lock:
            file.seek(layout.data_start + start * layout.trace_size)
            done = 0
            while done < len(view):
                got = file.readinto(view[done:])
                if not got:
                    raise OSError(f'{layout.path} ends before trace {start + count}: it was cut while it was open')
                done += got
        return traces

    def _opened(self) -> io.FileIO:
        """The file, opened in this process."""
        if self._pid != os.getpid():
            self._file = open(self.layout.path, 'rb', buffering=0)  # noqa: SIM115
            self._pid, self._lock = os.getpid(), threading.Lock()
        return self._file

    def close(self) -> None:
        """Closes the file; a later read opens it again."""
        if self._file is not None and self._pid == os.getpid():
            self._file.close()
        self._file, self._pid = None, -1


def trace_dtype(layout: Layout) -> np.dtype:
    """Type of a trace as it lies in the file: ``header``, 240 bytes, and ``samples``."""
    samples = layout.format.dtype(layout.endian)
    return np.dtype([('header', 'u1', (TRACE_HEADER,)), ('samples', samples, (layout.num_samples,))])


def find_runs(ranked: np.ndarray, first: int, most: int) -> list[tuple[int, int]]:
    """Splits rising positions, from index ``first`` on, into runs of successive ones of at most ``most``."""
    breaks = np.flatnonzero(np.diff(ranked[first:]) != 1) + first + 1
    edges = [first, *breaks.tolist(), len(ranked)]
    return [(start, min(start + most, stop)) for begin, stop in pairwise(edges) for start in range(begin, stop, most)]
