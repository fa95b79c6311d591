"""Decides how the traces of a file form a volume or a line, and says so where they do not."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.geometry import Geometry, grid_geometry, line_geometry, regular_geometry
from mmattn.seismic.segy.headers import (
    CDP,
    CHANNEL,
    DEAD,
    DELAY,
    FIELD_RECORD,
    INTERVAL,
    OFFSET,
    TIME_SCALAR,
    TRACE_ID,
    read_words,
)
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.regular import find_regular
from mmattn.seismic.segy.suggest import Suggestion, suggest_bytes
from mmattn.seismic.segy.words import KINDS, Word, parse_word

_SHORTEST_PATH, _FULLEST_PATH = 20, 0.2


class Arranged(NamedTuple):
    """What the trace headers tell.

    Args:
        geometry: of the traces.
        marked_dead: (num_traces,) bool: a header marks the trace as dead.
        delay: delay recording times (bytes 109-110) as stored, of the traces that tell: in the file's order those that
            are part of the volume, not marked dead and have a sample interval, as far as there are such.
        interval: sample intervals (bytes 117-118) of the same traces, in microseconds.
        time_scalar: scalars of times (bytes 215-216) of the same traces.

    Where all traces have the same times, one stands for them.
    """

    geometry: Geometry
    marked_dead: np.ndarray
    delay: np.ndarray
    interval: np.ndarray
    time_scalar: np.ndarray


def arrange_traces(
    layout: Layout,
    *,
    iline: int | str | Word = 189,
    xline: int | str | Word = 193,
    geometry: str = 'auto',
    duplicates: str = 'error',
) -> Arranged:
    """Reads the trace headers and arranges the traces.

    Args:
        layout: of the file.
        iline, xline: words of the line numbers, see :func:`mmattn.seismic.segy.words.parse_word`.
        geometry: '3d' goes by the line numbers, '2d' takes the traces as one line in the file's order, 'auto' takes
            them as a line where the line numbers say nothing and nothing speaks of pre-stack data or another grid.
        duplicates: see :func:`grid_geometry`.

    Raises:
        SegyError: if the traces do not form a post-stack volume or line, or a word holds what is no line number.
        ValueError: if ``iline`` or ``xline`` is no word.
    """
    used = parse_word('iline', iline), parse_word('xline', xline)
    if geometry != '2d' and (grid := find_regular(layout, *used)):
        return Arranged(
            regular_geometry(grid.ilines, grid.xlines, grid.strides),
            np.broadcast_to(np.False_, layout.num_traces),
            *(np.array([value], np.int32) for value in (grid.delay, grid.interval & 0xFFFF, grid.time_scalar)),
        )
    numbers = dict(iline=used[0], xline=used[1], offset=OFFSET, cdp=CDP, trace_id=TRACE_ID)
    times = dict(delay=DELAY, interval=INTERVAL, time_scalar=TIME_SCALAR)
    words = read_words(layout, numbers | dict(record=FIELD_RECORD, channel=CHANNEL) | times)
    for name, word in zip(('iline', 'xline'), used) if geometry != '2d' else ():
        words[name] = _whole(layout, name, word, words[name])
    marked_dead = words['trace_id'] == DEAD
    kept = np.arange(layout.num_traces) if geometry == '2d' else _without_padding(layout, words)
    left_out = layout.num_traces - len(kept)
    if left_out:
        words = {name: values[kept] for name, values in words.items()}
    try:
        arranged = _arrange(layout, words, geometry, duplicates, used)
    except SegyError as error:
        raise SegyError(f'{layout.path}: {error}') from None
    if left_out:
        note = f'{left_out} traces of zeros with inline and crossline number 0 are padding and left out'
        index = np.where(arranged.trace_index >= 0, kept[arranged.trace_index], -1)
        arranged = replace(arranged, trace_index=index, notes=(note, *arranged.notes))
    telling = _telling(words)
    return Arranged(
        arranged,
        marked_dead,
        words['delay'][telling],
        words['interval'][telling] & 0xFFFF,
        words['time_scalar'][telling],
    )


def _whole(layout: Layout, name: str, word: Word, values: np.ndarray) -> np.ndarray:
    """Line numbers as int32.

    Raises:
        SegyError: if they are not whole numbers, or too large.
    """
    if not word.is_float:
        return values
    with np.errstate(invalid='ignore'):
        wrong = ~((np.abs(values) < 2**31) & (values == np.rint(values)))
    if wrong.any():
        raise SegyError(
            f'{layout.path}: {name}={word.option!r}: {np.count_nonzero(wrong)} of {len(values)} traces hold no whole '
            f'number there, the first {values[wrong][0]:g}; is the word of another type ({", ".join(KINDS)})?'
        )
    return values.astype(np.int32)


def _without_padding(layout: Layout, words: dict[str, np.ndarray]) -> np.ndarray:
    """Positions of the traces but for those without line numbers, both 0, whose samples are all zero.

    Where other traces have a line 0, or a trace without numbers has samples, none is left out.
    """
    unnumbered = (words['iline'] == 0) & (words['xline'] == 0)
    others = words['iline'][~unnumbered], words['xline'][~unnumbered]
    everything = np.arange(layout.num_traces)
    if not unnumbered.any() or unnumbered.all() or any((numbers == 0).any() for numbers in others):
        return everything
    reader, positions = TraceReader(layout), np.flatnonzero(unnumbered)
    step = max(1, (8 << 20) // layout.trace_size)
    try:
        for start in range(0, len(positions), step):
            chosen = positions[start : start + step]
            samples = np.empty((len(chosen), layout.num_samples), np.float32)
            if reader.read(chosen, samples) or samples.any():
                return everything
    finally:
        reader.close()
    return everything[~unnumbered]


def _telling(words: dict[str, np.ndarray]) -> np.ndarray:
    """Which traces tell the times of a volume: not dead ones, and not those whose header is empty of times."""
    alive = words['trace_id'] != DEAD
    for chosen in (alive & (words['interval'] != 0), alive, words['interval'] != 0):
        if chosen.any():
            return chosen
    return np.ones(len(alive), bool)


def _arrange(
    layout: Layout, words: dict[str, np.ndarray], geometry: str, duplicates: str, used: tuple[Word, Word]
) -> Geometry:
    lines = [np.unique(words[name]) for name in ('iline', 'xline')]
    if geometry == '2d':
        return _line(words, note='taken as a 2-D line, as asked')
    if len(words['iline']) == 1:
        return line_geometry(words['xline'], line=int(words['iline'][0]))
    if len(lines[0]) == len(lines[1]) == 1:
        return _without_numbers(layout, words, geometry, used)
    if geometry == 'auto' and all(len(numbers) == len(words['iline']) for numbers in lines):
        _refuse_grid(layout, used, 'each trace has an inline and a crossline number of its own')
        note = 'each trace has an inline and a crossline number of its own: taken as a 2-D line across a grid'
        return _line(words, note=note)
    _refuse_gathers(words)
    if geometry == 'auto' and (reason := _line_in_a_grid(words, lines, duplicates)):
        _refuse_grid(layout, used, reason)
        return _line(words, note=f"{reason}: taken as a 2-D line in the order of the file; geometry='3d' makes a grid")
    if geometry == 'auto' and sorted(map(len, lines)) == [1, len(words['iline'])]:
        _refuse_grid(layout, used, 'one of inline and crossline number is the same for all traces, the other never')
    if geometry == 'auto' and duplicates == 'error' and (reason := _path_over_a_grid(words, lines)):
        _refuse_grid(layout, used, reason)
        return _line(words, note=f"{reason}: taken as a 2-D line in the order of the file; geometry='3d' makes a grid")
    try:
        return grid_geometry(words['iline'], words['xline'], duplicates=duplicates)
    except SegyError as error:
        otherwise = "geometry='2d' takes them as one line"
        if 'repeat' in str(error):
            otherwise += ", duplicates='first' takes the first of several"
        raise SegyError(
            f'{error} (inline number from bytes {used[0]}, crossline number from {used[1]}).'
            + _help(suggest_bytes(layout), otherwise)
        ) from None


def _line_in_a_grid(words: dict[str, np.ndarray], lines: list[np.ndarray], duplicates: str) -> str:
    """Why the traces are a 2-D line although they have line numbers; '' where they are not."""
    few, many = sorted(map(len, lines))
    if few > 1 and many == len(words['iline']) > 4 and all(_is_path(words[name]) for name in ('iline', 'xline')):
        return f'a line number of its own for each of {many} traces, which fill {1 / few:.1%} of a grid'
    repeated = few == 1 and many < len(words['iline'])
    if repeated and duplicates == 'error' and len(np.unique(words['cdp'])) == len(words['cdp']):
        return 'several traces a line number, and a CDP number (bytes 21-24) of its own for each'
    return ''


def _path_over_a_grid(words: dict[str, np.ndarray], lines: list[np.ndarray]) -> str:
    """Why the traces are one line that turns, or crosses itself, in a grid that it leaves nearly empty; '' if not.

    From each trace to the next both line numbers go on by two lines at most, never staying where they are. The traces
    of a 3-D survey, which may come in lines of alternating direction, fill their grid.
    """
    if len(words['iline']) < _SHORTEST_PATH or min(map(len, lines)) < 3:
        return ''
    steps = [np.abs(np.diff(np.searchsorted(numbers, words[name]))) for numbers, name in zip(lines, ('iline', 'xline'))]
    farthest = np.maximum(*steps)
    fill = len(words['iline']) / (len(lines[0]) * len(lines[1]))
    if fill >= _FULLEST_PATH or farthest.max() > 2 or farthest.min() < 1:
        return ''
    return f'{len(words["iline"])} traces, each beside the one before, fill {fill:.1%} of a grid'


def _is_path(numbers: np.ndarray) -> bool:
    """Whether numbers change by small steps from trace to trace."""
    ranks = np.unique(numbers, return_inverse=True)[1]
    return float(np.median(np.abs(np.diff(ranks)))) <= 2


def _line(words: dict[str, np.ndarray], *, note: str) -> Geometry:
    """A 2-D line whose traces are called by their CDP numbers, or counted where these repeat."""
    cdp = words['cdp']
    distinct = len(np.unique(cdp)) == len(cdp)
    return line_geometry(cdp if distinct else np.arange(1, len(cdp) + 1), note=note)


def _without_numbers(layout: Layout, words: dict[str, np.ndarray], geometry: str, used: tuple[Word, Word]) -> Geometry:
    """A 2-D line, where inline and crossline number are the same for all traces and nothing speaks against it."""
    what = f'the inline number (bytes {used[0]}) and the crossline number ({used[1]}) are the same for all traces'
    if geometry == '3d':
        raise SegyError(f'{what}.' + _help(suggest_bytes(layout), "geometry='2d' takes them as one line"))
    if len(np.unique(words['offset'])) > 1:
        low, high = words['offset'].min(), words['offset'].max()
        raise SegyError(
            f'{what}, and the offset (bytes 37-40) varies from {low} to {high}: pre-stack gathers. Stack them first; '
            "if they are stacked, iline=… and xline=… may be other bytes, and geometry='2d' takes them as one line"
        )
    if len(np.unique(words['cdp'])) == len(words['cdp']):
        _refuse_grid(layout, used, what)
        return _line(words, note='no inline and crossline numbers: a 2-D line by its CDP numbers')
    records, channels = len(np.unique(words['record'])), len(np.unique(words['channel']))
    if records > 1 and channels > 1 and len(np.unique(words['cdp'])) == 1:
        raise SegyError(
            f'{what}, and there are {records} field records (bytes 9-12) of up to {channels} traces (13-16): shot '
            'gathers. Stack them first, invert them by tools/invert.py, or if they are lines say iline=9, xline=13; '
            "geometry='2d' takes all as one line"
        )
    _refuse_grid(layout, used, what)
    return _line(words, note='no inline, crossline or CDP numbers: taken as a 2-D line in the order of the file')


def _refuse_gathers(words: dict[str, np.ndarray]) -> None:
    """Raises if several traces share a place and differ in offset."""
    order = np.lexsort((words['offset'], words['xline'], words['iline']))
    iline, xline, offset = (words[name][order] for name in ('iline', 'xline', 'offset'))
    same = (np.diff(iline) == 0) & (np.diff(xline) == 0)
    if np.any(same & (np.diff(offset) != 0)):
        places = len(same) + 1 - np.count_nonzero(same)
        raise SegyError(
            f'{len(iline)} traces lie at {places} places, and their offset (bytes 37-40) varies from {offset.min()} to '
            f'{offset.max()} there: pre-stack gathers. Stack them first; if they are stacked, iline=… and xline=… may '
            'be other bytes'
        )


def _refuse_grid(layout: Layout, used: tuple[Word, Word], what: str) -> None:
    """Raises if other bytes form a grid: the file is a volume, not a line."""
    taken = tuple(word.option for word in used)
    found = [one for one in suggest_bytes(layout) if (one.iline, one.xline) != taken and min(one.shape) > 2]
    if found:
        raise SegyError(f'{what}.' + _help(found, "geometry='2d' takes them as one line"))


def _help(found: list[Suggestion], otherwise: str) -> str:
    """What to try."""
    if not found:
        return f' Which bytes hold line numbers? iline=… and xline=… name them; {otherwise}'
    return f' These bytes form a grid: {" or ".join(map(str, found))}; {otherwise}'
