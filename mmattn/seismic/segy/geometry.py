"""From trace headers to a grid of lines: which trace of the file lies at which inline and crossline."""

from dataclasses import dataclass, field

import numpy as np

from mmattn.seismic.segy.errors import SegyError

SPARSEST = 0.02
"""A grid of which traces fill less is taken for wrong byte positions."""
_SMALL_GRID = 10_000
GEOMETRIES = ('auto', '3d', '2d')
DUPLICATES = ('error', 'first', 'last')


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume.

    Args:
        ilines: (I,) inline numbers, rising; of a 2-D line one.
        xlines: (X,) crossline numbers, rising; of a 2-D line those of its traces in the file's order.
        trace_index: (I, X) int64 position in the file, -1 where there is no trace; None where ``strides`` tell.
        is_2d: whether it is a single line.
        notes: what is odd, in words.
        strides: of a full grid in the file's order, positions from an inline to the next, and from a crossline to the
            next.
    """

    ilines: np.ndarray
    xlines: np.ndarray
    trace_index: np.ndarray | None
    is_2d: bool
    notes: tuple[str, ...] = field(default=())
    strides: tuple[int, int] | None = None


def grid_geometry(iline: np.ndarray, xline: np.ndarray, *, duplicates: str = 'error') -> Geometry:
    """Arranges traces by their line numbers, in whatever order they come.

    Args:
        iline: (N,) inline number of each trace.
        xline: (N,) crossline number of each trace.
        duplicates: which of several traces at one place is taken: 'first' or 'last' of the file; 'error' takes none.

    Raises:
        SegyError: if there are several traces at one place and ``duplicates`` is 'error', or if traces fill less than
            2 % of a large grid.
    """
    ilines, rows = np.unique(iline, return_inverse=True)
    xlines, columns = np.unique(xline, return_inverse=True)
    places = len(ilines) * len(xlines)
    if places > _SMALL_GRID and len(iline) < SPARSEST * places:
        raise SegyError(
            f'{len(iline)} traces have {len(ilines)} inline and {len(xlines)} crossline numbers: they fill '
            f'{len(iline) / places:.2%} of the grid. These words hold something else'
        )
    flat = rows.astype(np.int64) * len(xlines) + columns
    notes = []
    index = np.full(places, -1, np.int64)
    positions = np.arange(len(flat), dtype=np.int64)
    forward = duplicates != 'first'
    index[flat if forward else flat[::-1]] = positions if forward else positions[::-1]
    repeated = len(flat) - int(np.count_nonzero(index >= 0))
    if repeated:
        if duplicates == 'error':
            raise SegyError(_duplicate_text(flat, iline, xline, repeated))
        notes.append(f'{repeated} further traces at a place that has one already; the {duplicates} one is taken')
    missing = places - (len(flat) - repeated)
    if missing:
        notes.append(f'{missing} of {places} places have no trace')
    notes += _uneven(ilines, xlines)
    is_2d = 1 in (len(ilines), len(xlines))
    if is_2d and len(xlines) == 1:
        ilines, xlines = xlines, ilines
    index = index.reshape(len(ilines), len(xlines))
    return Geometry(ilines.astype(np.int64), xlines.astype(np.int64), index, is_2d, tuple(notes))


def regular_geometry(ilines: np.ndarray, xlines: np.ndarray, strides: tuple[int, int]) -> Geometry:
    """A full grid in the file's order; arguments as in :class:`Geometry`."""
    return Geometry(ilines, xlines, None, False, tuple(_uneven(ilines, xlines)), strides)


def _uneven(ilines: np.ndarray, xlines: np.ndarray) -> list[str]:
    notes = []
    for name, lines in (('inline', ilines), ('crossline', xlines)):
        steps = np.unique(np.diff(lines.astype(np.int64)))
        if len(steps) > 1:
            notes.append(
                f'{name} numbers are unevenly spaced: steps of {steps[0]} to {steps[-1]}; lines stand side by side'
            )
    return notes


def line_geometry(numbers: np.ndarray, *, line: int = 1, note: str = '') -> Geometry:
    """Arranges the traces of a 2-D line as they come.

    Args:
        numbers: (N,) what the traces are called, CDP numbers for one.
        line: what the line is called.
        note: why it is taken for a line.
    """
    index = np.arange(len(numbers), dtype=np.int64)[None]
    return Geometry(np.array([line], np.int64), numbers.astype(np.int64), index, True, (note,) if note else ())


def line_step(lines: np.ndarray) -> int | None:
    """The step between line numbers; None if it varies or there is one line."""
    steps = np.unique(np.diff(lines))
    return int(steps[0]) if len(steps) == 1 else None


def _duplicate_text(flat: np.ndarray, iline: np.ndarray, xline: np.ndarray, repeated: int) -> str:
    """Says how many traces repeat a place, and names the first of these places."""
    first = np.unique(flat, return_index=True)[1]
    again = np.ones(len(flat), bool)
    again[first] = False
    at = int(np.flatnonzero(again)[0])
    return (
        f'{repeated} of {len(flat)} traces repeat a place that has one already, the first at inline {iline[at]}, '
        f'crossline {xline[at]}'
    )
