"""The search for fill values among all traces of a volume, block by block, in bounded memory.

A sample of traces (:func:`mmattn.seismic.volumes.fill_values.find_fill_values`) misses a filling that few traces hold.
It tells however what the amplitudes are, so that of all other traces only two kinds of samples need counting: those far
beyond the sample's, and those that are equal to their neighbours and among the values that software fills with.
"""

import numpy as np

from mmattn.seismic.volumes.fill_values import (
    FAR,
    FEWEST,
    LEAST_USUAL,
    REACH,
    RUN_SHARE,
    FillValue,
    in_runs,
    in_triples,
    is_usual,
    look_for_fills,
)

MOST_VALUES = 1 << 16
"""Different values that are counted at once; of more, those that occur once are forgotten."""

_AT_ONCE = 1 << 17


class FillSearch:
    """Counts samples that may be fill values.

    Args:
        sample: (n, num_samples) float32 live traces of the volume, finite.
    """

    def __init__(self, sample: np.ndarray) -> None:
        look = look_for_fills(sample)
        self._median, self._reach = look.median, look.reach
        self._limit = min(REACH * look.reach, FAR * look.median)
        self._values, self._counts, self._runs = np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
        self._num_samples = 0

    def add(self, traces: np.ndarray) -> None:
        """Looks at live traces, (n, num_samples) float32, finite."""
        self._num_samples += traces.size
        step = max(1, _AT_ONCE // max(1, traces.shape[1]))
        for start in range(0, len(traces) if self._limit else 0, step):
            self._add(traces[start : start + step])

    def _add(self, traces: np.ndarray) -> None:
        largest = float(max(traces.max(), -traces.min()))
        if largest <= self._limit:
            self._reach = max(self._reach, largest)
            self._count_usual(traces)
            return
        size = np.abs(traces)
        big = size > self._limit
        self._reach = max(self._reach, float(size.max(where=~big, initial=0)))
        self._merge(traces[big], traces[big & in_runs(traces)])
        self._count_usual(traces)

    def _count_usual(self, traces: np.ndarray) -> None:
        """Counts values within the limit that software fills with, from when one of them first stands in a run."""
        if self._limit <= LEAST_USUAL:
            return
        known = self._values[np.abs(self._values) <= self._limit]
        triple = in_triples(traces)
        if not (triple.any() or known.size):
            return
        first = traces[:, :-2][triple]
        first = first[(np.abs(first) <= self._limit) & is_usual(first)]
        run = in_runs(traces) if first.size or known.size else None
        for value in np.union1d(first, known):  # a few; each counted where it stands alone, too
            same = traces == value
            self._merge(traces[same], traces[same & run])

    def found(self) -> list[FillValue]:
        """What looks like a filling among the traces so far, the largest first; as ``find_fill_values`` decides."""
        if not self._limit:
            return []
        size, usual = np.abs(self._values.astype(np.float64)), is_usual(self._values)
        inside = (self._runs >= FEWEST) & (self._runs >= RUN_SHARE * self._counts)
        far = ~inside & ((self._counts >= FEWEST) | usual) & (size > FAR * self._median)
        reach = max(self._reach, size[~inside & ~far].max(initial=0))
        fill = far | (inside & ((size > REACH * reach) | usual))
        found = [
            FillValue(float(self._values[k]), float(self._counts[k] / self._num_samples)) for k in np.flatnonzero(fill)
        ]
        return sorted(found, key=lambda one: -abs(one.value))

    def _merge(self, samples: np.ndarray, in_run: np.ndarray) -> None:
        """Adds samples to the counts; ``in_run`` are those of them that stand in runs."""
        values, counts = np.unique(samples, return_counts=True)
        runs = np.zeros(len(values), np.int64)
        found, times = np.unique(in_run, return_counts=True)
        runs[np.searchsorted(values, found)] = times
        both, place = np.unique(np.concatenate([self._values, values]), return_inverse=True)
        total = np.zeros((2, len(both)), np.int64)
        for row, old, new in ((0, self._counts, counts), (1, self._runs, runs)):
            np.add.at(total[row], place, np.concatenate([old, new]))
        if len(both) > MOST_VALUES:
            kept = (total[0] > 1) | is_usual(both)
            if np.count_nonzero(kept) > MOST_VALUES:
                kept = np.zeros(len(both), bool)
                kept[np.argsort(-total[0], kind='stable')[:MOST_VALUES]] = True
            self._reach = max(self._reach, float(np.abs(both[~kept]).max(initial=0)))
            both, total = both[kept], total[:, kept]
        self._values, (self._counts, self._runs) = both, total
