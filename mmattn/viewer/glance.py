"""Traces that lie together in a SEG-Y file, to look at before its trace headers are read."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmattn.seismic.opening import is_array
from mmattn.seismic.segy.formats import to_float32
from mmattn.seismic.segy.headers import decode_words
from mmattn.seismic.segy.layout import LAYOUT_OPTIONS, Layout, read_layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.words import parse_word
from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.viewer.sections import MOST, View, thin_range
from mmattn.viewer.survey import usual_clip

_MOST_BYTES = 16 << 20
_WORDS = dict(iline=('inline number', 189), xline=('crossline number', 193))


class Glance(NamedTuple):
    """What was read.

    Args:
        name: of the file.
        title: which traces these are, in words that hold whatever the other headers say.
        view: of them, across in the order of the file, counted from 1; down by samples, counted from 0.
        clip: amplitude of the last colour.
    """

    name: str
    title: str
    view: View
    clip: float


def glance(path: str | os.PathLike, **options: object) -> Glance | None:
    """Reads the traces around the middle of a SEG-Y file, of one line if their headers give a line number.

    Args:
        path: of the file.
        options: of ``open_volume``.

    Returns:
        At most 1500 traces; None of anything else than SEG-Y.

    Raises:
        FileNotFoundError, SegyError, ValueError: as ``open_volume`` does for the head of a file.
    """
    if not Path(path).is_file() or is_array(path):
        return None
    layout = read_layout(path, **{name: value for name, value in options.items() if name in LAYOUT_OPTIONS})
    count = max(1, min(MOST[0], _MOST_BYTES // layout.trace_size, layout.num_traces))
    start = (layout.num_traces - count) // 2
    reader = TraceReader(layout)
    try:
        traces = reader.read_raw(start, count)
    finally:
        reader.close()
    first, stop, words = _one_line(layout, traces, options)
    values = to_float32(traces['samples'][first:stop], layout.format)[0]
    clip = usual_clip(ArrayVolume(values[None]))
    down = thin_range((0, layout.num_samples), MOST[1])
    values = np.ascontiguousarray(values[:, down.start : down.stop : down.step].T)
    across = range(start + first + 1, start + stop + 1)
    name = Path(path).name
    title = f'{name}: traces {across[0]:,} to {across[-1]:,} of {layout.num_traces:,} in the file{words}'
    return Glance(name, title, View(values, np.ones(values.shape, bool), down, across), clip)


def _one_line(layout: Layout, traces: np.ndarray, options: dict[str, object]) -> tuple[int, int, str]:
    """The longest run of a line number about the middle: its first trace, the one behind it, and words for both."""
    words = {name: parse_word(name, options.get(name, usual)) for name, (_, usual) in _WORDS.items()}
    best = 0, len(traces), ''
    longest = 1
    for name, values in decode_words(layout, words, traces).items():
        middle = len(values) // 2
        other = np.flatnonzero(values != values[middle])
        place = int(np.searchsorted(other, middle))
        first = int(other[place - 1]) + 1 if place else 0
        stop = int(other[place]) if place < len(other) else len(values)
        if stop - first > longest and values[middle] != 0:
            longest = stop - first
            number = f'{values[middle]:g}' if words[name].is_float else str(values[middle])
            best = first, stop, f', {_WORDS[name][0]} {number}'
    return best
