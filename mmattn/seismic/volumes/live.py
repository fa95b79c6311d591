"""Which traces of a volume live, found in the order of the file and told by their place in the grid."""

from typing import Protocol

import numpy as np


class _Grid(Protocol):
    """What is asked of a volume."""

    shape: tuple[int, int, int]
    strides: tuple[int, int] | None
    trace_index: np.ndarray
    usable: np.ndarray


def is_all(values: np.ndarray) -> bool:
    """Whether one True stands for all of an array (``np.broadcast_to(np.True_, …)``), so that it takes no memory."""
    return values.strides == (0,) * values.ndim and bool(values.flat[0])


class LiveTraces:
    """Collects which traces live.

    Where the grid is full and all of them do, nothing is kept by trace.

    Args:
        volume: whose traces these are.
    """

    def __init__(self, volume: _Grid) -> None:
        self._shape, self._usable = volume.shape[:2], volume.usable
        self._by_column = volume.strides is not None and volume.strides[0] == 1 < volume.strides[1]
        self._place_of = None if volume.strides else _places(volume.trace_index)
        places = self._shape[0] * self._shape[1]
        self.num_traces = places if self._place_of is None else len(self._place_of)
        self._alive = None if self._place_of is None else np.zeros(places, bool)

    def add(self, start: int, live: np.ndarray) -> np.ndarray:
        """Takes successive traces.

        Args:
            start: position of the first in the file.
            live: (n,) bool.

        Returns:
            (n,) bool: those that live, lie in the grid and are usable.
        """
        if self._place_of is not None:
            places = self._place_of[start : start + len(live)]
            there = places >= 0
            self._alive[places[there]] = live[: len(places)][there]
            chosen = np.zeros(len(live), bool)
            chosen[: len(places)] = live[: len(places)] & there & self._usable.ravel()[places]
            return chosen
        if self._alive is None and not live.all():
            self._alive = np.ones(self.num_traces, bool)
        if self._alive is not None:
            self._alive[start : start + len(live)] = live
        if is_all(self._usable):
            return live
        usable = self._usable.T if self._by_column else self._usable
        return live & usable.reshape(-1)[start : start + len(live)]

    def on_grid(self) -> np.ndarray:
        """(I, X) bool: traces that live and are usable."""
        if self._alive is None:
            return self._usable
        alive = self._alive.reshape(self._shape[::-1]).T if self._by_column else self._alive.reshape(self._shape)
        return alive if is_all(self._usable) else alive & self._usable


def _places(trace_index: np.ndarray) -> np.ndarray:
    """The place in the grid of each position in the file; -1 of traces that are not part of it."""
    where = trace_index.ravel()
    places = np.full(max(1, int(where.max(initial=0)) + 1), -1, np.int64)
    places[where[where >= 0]] = np.flatnonzero(where >= 0)
    return places
