"""Reads the part of a section that is looked at, with no more traces and samples than the screen shows."""

from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes.volume import Volume

MOST = 1500, 1000
"""Cells of a picture across and down."""
MOST_SCATTERED = 256
"""Cells each way of a time or depth slice of a SEG-Y file, where each cell is a read of its own."""
COARSE = 64, 64
"""Cells of such a slice across and down that are shown first."""
AXES = dict(iline=('time', 'xline'), xline=('time', 'iline'), time=('iline', 'xline'))
"""What runs down and across the picture of a section."""


class Window(NamedTuple):
    """Part of a section: half-open ranges of positions."""

    down: tuple[int, int]
    across: tuple[int, int]


class View(NamedTuple):
    """What was read of a section.

    Args:
        values: (D, A) float32.
        present: (D, A) bool, where a trace is in the file.
        down, across: positions of the cells, evenly spaced.
    """

    values: np.ndarray
    present: np.ndarray
    down: range
    across: range

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left and upper edge, width and height in positions; the centre of each cell lies on its position."""
        (left, width), (top, height) = (
            (cells.start - cells.step / 2, cells.step * len(cells)) for cells in (self.across, self.down)
        )
        return left, top, width, height


def section_shape(volume: Volume, direction: str) -> tuple[int, int]:
    """How many positions a section has, down and across."""
    counts = dict(zip(('iline', 'xline', 'time'), volume.shape))
    down, across = AXES[direction]
    return counts[down], counts[across]


def whole_window(volume: Volume, direction: str) -> Window:
    """All of a section."""
    down, across = section_shape(volume, direction)
    return Window((0, down), (0, across))


def clip_window(volume: Volume, direction: str, down: tuple[float, float], across: tuple[float, float]) -> Window:
    """The positions that lie between edges of a picture, in any order and perhaps beyond the section; one at least."""
    return Window(*map(_clipped, (down, across), whole_window(volume, direction)))


def read_view(volume: Volume, direction: str, index: int, window: Window, most: tuple[int, int] = MOST) -> View:
    """Reads part of a section, every n-th trace and sample of it.

    Of SEG-Y files only the traces that are shown are read, and of a time or depth slice only the samples.

    Args:
        volume: to read from.
        direction: 'iline', 'xline' or 'time'.
        index: position of the line or sample, from 0.
        window: which part.
        most: cells across and down.

    Raises:
        IndexError: if there is no such section.
    """
    if direction == 'time':
        most = tuple(min(one, MOST_SCATTERED) for one in most) if is_scattered(volume, direction) else most
        down, across = thin_range(window.down, most[1]), thin_range(window.across, most[0])
        rows, columns = _slice(down), _slice(across)
        return View(volume.thin_slice(index, rows, columns), volume.present[rows, columns], down, across)
    down, across = thin_range(window.down, most[1]), thin_range(window.across, most[0])
    lines = volume.trace_index if direction == 'iline' else volume.trace_index.T
    if not 0 <= index < len(lines):
        raise IndexError(f'{volume.name} has {len(lines)} sections of direction {direction}; got {index}')
    if isinstance(volume, SegyVolume):
        place = np.full(len(across), index), np.arange(lines.shape[1])[_slice(across)]
        values = volume.traces(*(place if direction == 'iline' else place[::-1]))
    else:
        values = volume.section(direction, index)[_slice(across)]
    values = np.ascontiguousarray(values[:, _slice(down)].T)
    present = np.broadcast_to(lines[index, _slice(across)] >= 0, values.shape)
    return View(values, present, down, across)


def is_scattered(volume: Volume, direction: str) -> bool:
    """Whether each cell of a section is a read of its own."""
    return direction == 'time' and isinstance(volume, SegyVolume)


def thinned(view: View) -> str:
    """What is left out of a picture, in words."""
    steps = (('columns', view.across.step), ('rows', view.down.step))
    words = [f'1 of {step} {what}' for what, step in steps if step > 1]
    return f' ({" and ".join(words)}; zoom in for all)' if words else ''


def _clipped(edges: tuple[float, float], whole: tuple[int, int]) -> tuple[int, int]:
    low, high = sorted(edges)
    start = min(max(int(np.floor(low + 0.5)), 0), whole[1] - 1)
    return start, max(start + 1, min(int(np.floor(high + 0.5)) + 1, whole[1]))


def thin_range(edges: tuple[int, int], most: int) -> range:
    """At most ``most`` positions, in the middle of each step."""
    start, stop = edges
    step = -(-(stop - start) // most)
    return range(start + (step - 1) // 2, stop, step)


def _slice(cells: range) -> slice:
    return slice(cells.start, cells.stop, cells.step)
