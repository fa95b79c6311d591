"""Files whose traces fill a grid line after line, which most 3-D surveys are: where a trace lies is arithmetic.

Then nothing is kept by trace: neither headers nor positions, however many traces there are.
"""

from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.headers import (
    DEAD,
    DELAY,
    INTERVAL,
    TIME_SCALAR,
    TRACE_ID,
    decode_words,
    iterate_windows,
    tell_progress,
)
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.remembered import recall_numbers, remember_numbers
from mmattn.seismic.segy.words import Word, parse_word

_SAME = dict(delay=DELAY, interval=INTERVAL, time_scalar=TIME_SCALAR)


class Regular(NamedTuple):
    """The grid of a regular file.

    Args:
        ilines: (I,) inline numbers, rising.
        xlines: (X,) crossline numbers, rising.
        strides: positions in the file from an inline to the next, and from a crossline to the next.
        delay, interval, time_scalar: words that all traces share, as stored.
    """

    ilines: np.ndarray
    xlines: np.ndarray
    strides: tuple[int, int]
    delay: int
    interval: int
    time_scalar: int

    def pack(self) -> np.ndarray:
        """Returns all of it as one list of integers."""
        head = [len(self.ilines), *self.strides, self.delay, self.interval, self.time_scalar]
        return np.concatenate([np.array(head, np.int64), self.ilines, self.xlines])

    @classmethod
    def unpack(cls, numbers: np.ndarray) -> 'Regular | None':
        """Returns what was packed; None where it cannot be that."""
        if numbers.ndim != 1 or numbers.dtype != np.int64 or len(numbers) < 6 or not 0 < numbers[0] < len(numbers) - 6:
            return None
        count, *strides, delay, interval, time_scalar = map(int, numbers[:6])
        return cls(numbers[6 : 6 + count], numbers[6 + count :], tuple(strides), delay, interval, time_scalar)


def find_regular(layout: Layout, iline: Word, xline: Word) -> Regular | None:
    """Reads the headers of a file, a window at a time, as long as they keep to a regular grid.

    Such a grid has two lines or more of two traces or more. Each line has the same traces in the same order, numbers
    rise, no trace is marked dead, and all have the same times and a sample interval.

    Args:
        layout: of the file.
        iline, xline: words of the line numbers.

    Returns:
        The grid; None where the file is anything else.
    """
    if iline.is_float or xline.is_float:
        return None
    name = 'regular', layout.endian, repr(iline), repr(xline)
    numbers = recall_numbers(layout, *name)
    if numbers is not None and (found := Regular.unpack(numbers)) is not None:
        return found
    if numbers is not None and numbers.size == 0:
        return None
    found = _read_regular(layout, iline, xline)
    remember_numbers(layout, np.empty(0, np.int64) if found is None else found.pack(), *name)
    return found


def _read_regular(layout: Layout, iline: Word, xline: Word) -> Regular | None:
    words = dict(iline=iline, xline=xline, trace_id=parse_word('word', TRACE_ID))
    words |= {name: parse_word('word', byte) for name, byte in _SAME.items()}
    found = _Lines(layout.num_traces)
    if not _begins_and_ends_so(layout, words):
        return None
    for start, traces in iterate_windows(layout):
        if not found.add(start, decode_words(layout, words, traces)):
            return None
        tell_progress(layout, start + len(traces))
    return found.grid()


def _begins_and_ends_so(layout: Layout, words: dict[str, Word]) -> bool:
    """Whether a look at three traces allows a regular grid, so that most other files are not read twice."""
    count = layout.num_traces
    if count < 4:
        return False
    reader = TraceReader(layout)
    try:
        looked = [reader.read_raw(at, 1) for at in (0, 1, count - 1)]
    finally:
        reader.close()
    first, second, last = (
        {name: int(one[0]) for name, one in decode_words(layout, words, raw).items()} for raw in looked
    )
    fast, slow = ('xline', 'iline') if first['iline'] == second['iline'] else ('iline', 'xline')
    return (
        first[slow] == second[slow] < last[slow]
        and first[fast] < second[fast] <= last[fast]
        and all(first[name] == last[name] for name in _SAME)
        and first['interval'] != 0
        and DEAD not in (first['trace_id'], second['trace_id'], last['trace_id'])
    )


class _Lines:
    """Line numbers of traces in the file's order, checked as they come."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.fast = self.slow = ''
        self.template = np.empty(0, np.int64)  # numbers along a line
        self.heads: list[int] = []  # number of each line
        self.same: dict[str, int] = {}
        self.is_whole = False  # the first line

    def add(self, start: int, words: dict[str, np.ndarray]) -> bool:
        """Takes the next traces; returns whether they keep to the grid."""
        if not self.same:
            self.same = {name: int(words[name][0]) for name in _SAME}
            is_by_inline = words['iline'][0] == words['iline'][1]
            self.fast, self.slow = ('xline', 'iline') if is_by_inline else ('iline', 'xline')
            self.heads.append(int(words[self.slow][0]))
        if (words['trace_id'] == DEAD).any() or any((words[name] != self.same[name]).any() for name in _SAME):
            return False
        fast, slow = words[self.fast], words[self.slow]
        if not self.is_whole:
            ends = np.flatnonzero(slow != self.heads[0])
            length = int(ends[0]) if ends.size else len(slow)
            self.template = np.concatenate([self.template, fast[:length]])
            if not ends.size:
                return True
            self.is_whole = True
            if len(self.template) < 2 or self.count % len(self.template) or (np.diff(self.template) <= 0).any():
                return False
        return self._rest(start, fast, slow)

    def _rest(self, start: int, fast: np.ndarray, slow: np.ndarray) -> bool:
        across = len(self.template)
        places = np.arange(start, start + len(fast))
        if (fast != self.template[places % across]).any():
            return False
        lines = places // across
        begins = np.flatnonzero(places % across == 0)
        new = [int(slow[at]) for at in begins if lines[at] >= len(self.heads)]
        if any(after <= before for before, after in zip([self.heads[-1], *new], new)):
            return False
        self.heads += new
        return bool((slow == np.asarray(self.heads)[lines]).all())

    def grid(self) -> Regular | None:
        """The grid of all traces."""
        if not self.is_whole or len(self.heads) < 2:
            return None
        lines, across = np.array(self.heads, np.int64), len(self.template)
        if self.slow == 'iline':
            return Regular(lines, self.template.astype(np.int64), (across, 1), **self.same)
        return Regular(self.template.astype(np.int64), lines, (1, across), **self.same)
