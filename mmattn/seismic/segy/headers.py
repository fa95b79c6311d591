"""Words of the trace headers, read for all traces at once."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import segyio

from mmattn.seismic.segy.layout import TRACE_HEADER, Layout

WINDOW = 32 << 20
"""Bytes of the file that are mapped at a time: what is touched counts as this process's memory."""

_FIELDS = [*sorted(int(field) for field in segyio.TraceField.enums()), TRACE_HEADER + 1]
WORD_SIZES = {start: 4 if stop - start >= 4 else 2 for start, stop in pairwise(_FIELDS)}
"""First byte, from 1, of each standard trace header word and its size; the standard's are of 2 or 4 bytes."""

OFFSET, TRACE_ID, DELAY, NUM_SAMPLES, INTERVAL = 37, 29, 109, 115, 117
CDP, FIELD_RECORD, CHANNEL, COORDINATE_SCALAR, TIME_SCALAR = 21, 9, 13, 71, 215
COORDINATE_UNITS = 89
DEAD = 2
"""Trace identification code of dead traces."""


def word_size(byte: int) -> int:
    """Bytes of the header word that starts at ``byte``: the standard's, and 4 where none of its words starts."""
    return WORD_SIZES.get(byte, 4)


def word_type(byte: int, endian: str) -> np.dtype:
    """NumPy type of the header word at ``byte``."""
    return np.dtype(f'{endian}i{word_size(byte)}')


def check_byte(name: str, byte: object) -> int:
    """Checks a byte position.

    Raises:
        ValueError: if it is not where a word can start; names the option.
    """
    if isinstance(byte, bool) or not isinstance(byte, int | np.integer):
        raise ValueError(f'{name} must be a byte position from 1 to 237, got {byte!r}')
    if not 1 <= byte <= TRACE_HEADER + 1 - word_size(int(byte)):
        raise ValueError(f'{name} must be a byte position from 1 to 237, got {byte}')
    return int(byte)


def iterate_windows(layout: Layout) -> Iterator[tuple[int, np.ndarray]]:
    """Maps the traces window by window.

    Returns:
        Iterator of the first trace's position and the traces, a read-only structured array of ``header`` (240 bytes)
        and ``samples`` as stored; gone from memory when it is let go.
    """
    dtype = np.dtype(
        [('header', f'V{TRACE_HEADER}'), ('samples', layout.format.dtype(layout.endian), (layout.num_samples,))]
    )
    step = max(1, WINDOW // layout.trace_size)
    for start in range(0, layout.num_traces, step):
        count = min(step, layout.num_traces - start)
        offset = layout.data_start + start * layout.trace_size
        yield start, np.memmap(layout.path, dtype=dtype, mode='r', offset=offset, shape=(count,))


def read_words(layout: Layout, bytes_by_name: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Reads words of all trace headers.

    Args:
        layout: of the file.
        bytes_by_name: first byte, from 1, of each word.

    Returns:
        (num_traces,) int32 by name.
    """
    words = {name: np.empty(layout.num_traces, np.int32) for name in bytes_by_name}
    types = {name: word_type(byte, layout.endian) for name, byte in bytes_by_name.items()}
    for start, traces in iterate_windows(layout):
        for name, byte in bytes_by_name.items():
            field = np.ndarray(traces.shape, types[name], buffer=traces, offset=byte - 1, strides=(layout.trace_size,))
            words[name][start : start + len(traces)] = field
    return words
