"""Words of the trace headers, read for all traces at once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from mmattn.seismic.segy.layout import TRACE_HEADER, Layout
from mmattn.seismic.segy.remembered import recall, remember
from mmattn.seismic.segy.words import Word, parse_word

WINDOW = 32 << 20
"""Bytes of the file that are mapped at a time: what is touched counts as this process's memory."""

OFFSET, TRACE_ID, DELAY, NUM_SAMPLES, INTERVAL = 37, 29, 109, 115, 117
CDP, FIELD_RECORD, CHANNEL, COORDINATE_SCALAR, TIME_SCALAR = 21, 9, 13, 71, 215
COORDINATE_UNITS = 89
DEAD = 2
"""Trace identification code of dead traces."""
_told: ContextVar[Callable[[int, int], None] | None] = ContextVar('who is told how many headers are read', default=None)


@contextmanager
def header_progress(told: Callable[[int, int], None]) -> Iterator[None]:
    """Tells how many trace headers are read, and of how many, while the block runs.

    A file may be gone through more than once, for what differs from a regular grid is not known before.

    Args:
        told: called with both, after each window of the file.
    """
    token = _told.set(told)
    try:
        yield
    finally:
        _told.reset(token)


def tell_progress(layout: Layout, count: int) -> None:
    """Tells that so many headers of a file are read, if anybody listens."""
    if (told := _told.get()) is not None:
        told(count, layout.num_traces)


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


def decode_words(layout: Layout, words: Mapping[str, Word], traces: np.ndarray) -> dict[str, np.ndarray]:
    """Decodes words of the headers of traces as they are stored, (n,) by name."""
    return {
        name: word.decode(
            np.ndarray(
                traces.shape,
                word.dtype(layout.endian),
                buffer=traces,
                offset=word.byte - 1,
                strides=(layout.trace_size,),
            )
        )
        for name, word in words.items()
    }


def read_words(layout: Layout, places: Mapping[str, int | str | Word]) -> dict[str, np.ndarray]:
    """Reads words of all trace headers.

    Args:
        layout: of the file.
        places: each word, as :func:`mmattn.seismic.segy.words.parse_word` takes it.

    Returns:
        (num_traces,) by name: int32, or float64 of words that are floats.
    """
    words = {name: parse_word(name, place) for name, place in places.items()}
    values = {name: known for name, word in words.items() if (known := recall(layout, word)) is not None}
    words = {name: word for name, word in words.items() if name not in values}
    if not words:
        return values
    for name, word in words.items():
        values[name] = np.empty(layout.num_traces, np.float64 if word.is_float else np.int32)
    for start, traces in iterate_windows(layout):
        for name, found in decode_words(layout, words, traces).items():
            values[name][start : start + len(traces)] = found
        tell_progress(layout, start + len(traces))
    for name, word in words.items():
        remember(layout, word, values[name])
    return values
