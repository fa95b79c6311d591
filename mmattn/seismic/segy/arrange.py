"""Decides how the traces of a file form a volume or a line, and says so where they do not."""

from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.geometry import Geometry, grid_geometry, line_geometry
from mmattn.seismic.segy.headers import CDP, CHANNEL, DEAD, DELAY, FIELD_RECORD, OFFSET, TRACE_ID, read_words
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.suggest import Suggestion, suggest_bytes


class Arranged(NamedTuple):
    """What the trace headers tell.

    Args:
        geometry: of the traces.
        marked_dead: (num_traces,) bool: a header marks the trace as dead.
        delay: (num_traces,) delay recording times as stored.
    """

    geometry: Geometry
    marked_dead: np.ndarray
    delay: np.ndarray


def arrange_traces(
    layout: Layout, *, iline: int = 189, xline: int = 193, geometry: str = 'auto', duplicates: str = 'error'
) -> Arranged:
    """Reads the trace headers and arranges the traces.

    Args:
        layout: of the file.
        iline, xline: first bytes of the line numbers.
        geometry: '3d' goes by the line numbers, '2d' takes the traces as one line in the file's order, 'auto' takes
            them as a line where the line numbers say nothing and nothing speaks of pre-stack data or another grid.
        duplicates: see :func:`grid_geometry`.

    Raises:
        SegyError: if the traces do not form a post-stack volume or line.
    """
    numbers = dict(iline=iline, xline=xline, offset=OFFSET, cdp=CDP, trace_id=TRACE_ID)
    words = read_words(layout, numbers | dict(record=FIELD_RECORD, channel=CHANNEL, delay=DELAY))
    try:
        arranged = _arrange(layout, words, geometry, duplicates, (iline, xline))
        return Arranged(arranged, words['trace_id'] == DEAD, words['delay'])
    except SegyError as error:
        raise SegyError(f'{layout.path}: {error}') from None


def _arrange(
    layout: Layout, words: dict[str, np.ndarray], geometry: str, duplicates: str, used: tuple[int, int]
) -> Geometry:
    lines = [np.unique(words[name]) for name in ('iline', 'xline')]
    if geometry == '2d':
        return _line(words, note='taken as a 2-D line, as asked')
    if layout.num_traces == 1:
        return line_geometry(words['xline'], line=int(words['iline'][0]))
    if len(lines[0]) == len(lines[1]) == 1:
        return _without_numbers(layout, words, geometry, used)
    if geometry == 'auto' and all(len(numbers) == layout.num_traces for numbers in lines):
        _refuse_grid(layout, used, 'each trace has an inline and a crossline number of its own')
        note = 'each trace has an inline and a crossline number of its own: taken as a 2-D line across a grid'
        return _line(words, note=note)
    _refuse_gathers(words)
    if geometry == 'auto' and sorted(map(len, lines)) == [1, layout.num_traces]:
        _refuse_grid(layout, used, 'one of inline and crossline number is the same for all traces, the other never')
    try:
        return grid_geometry(words['iline'], words['xline'], duplicates=duplicates)
    except SegyError as error:
        raise SegyError(
            f'{error} (inline number from bytes {used[0]}-, crossline number from {used[1]}-).'
            + _help(suggest_bytes(layout), "duplicates='first' takes the first of several")
        ) from None


def _line(words: dict[str, np.ndarray], *, note: str) -> Geometry:
    """A 2-D line whose traces are called by their CDP numbers, or counted where these repeat."""
    cdp = words['cdp']
    distinct = len(np.unique(cdp)) == len(cdp)
    return line_geometry(cdp if distinct else np.arange(1, len(cdp) + 1), note=note)


def _without_numbers(layout: Layout, words: dict[str, np.ndarray], geometry: str, used: tuple[int, int]) -> Geometry:
    """A 2-D line, where inline and crossline number are the same for all traces and nothing speaks against it."""
    what = f'the inline number (bytes {used[0]}-) and the crossline number ({used[1]}-) are the same for all traces'
    if geometry == '3d':
        raise SegyError(f'{what}.' + _help(suggest_bytes(layout), "geometry='2d' takes them as one line"))
    if len(np.unique(words['offset'])) > 1:
        low, high = words['offset'].min(), words['offset'].max()
        raise SegyError(
            f'{what}, and the offset (bytes 37-40) varies from {low} to {high}: pre-stack gathers. Stack them first; '
            "if they are stacked, iline=… and xline=… may be other bytes, and geometry='2d' takes them as one line"
        )
    if len(np.unique(words['cdp'])) == layout.num_traces:
        _refuse_grid(layout, used, what)
        return _line(words, note='no inline and crossline numbers: a 2-D line by its CDP numbers')
    records, channels = len(np.unique(words['record'])), len(np.unique(words['channel']))
    if records > 1 and channels > 1 and len(np.unique(words['cdp'])) == 1:
        raise SegyError(
            f'{what}, and there are {records} field records (bytes 9-12) of up to {channels} traces (13-16): shot '
            "gathers. Stack them first, or if they are lines say iline=9, xline=13; geometry='2d' takes all as one line"
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


def _refuse_grid(layout: Layout, used: tuple[int, int], what: str) -> None:
    """Raises if other bytes form a grid: the file is a volume, not a line."""
    found = [one for one in suggest_bytes(layout) if (one.iline, one.xline) != used and min(one.shape) > 2]
    if found:
        raise SegyError(f'{what}.' + _help(found, "geometry='2d' takes them as one line"))


def _help(found: list[Suggestion], otherwise: str) -> str:
    """What to try."""
    if not found:
        return f' Which bytes hold line numbers? iline=… and xline=… name them; {otherwise}'
    return f' These bytes form a grid: {" or ".join(map(str, found))}; {otherwise}'
