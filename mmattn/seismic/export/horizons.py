"""Top and base of salt, trace by trace, from a probability: first and last crossing of the threshold, and how sure.

Times and depths grow downwards. Between two samples the probability is taken as linear. The interval of a crossing is
where it would lie if the probability were ``factor`` standard deviations larger or smaller, and a margin beyond.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ReadSlab = Callable[[int, int], np.ndarray]
"""(start, stop) to values of these inlines, (stop - start, num_xlines, num_samples)."""
NORMAL_90 = 1.6449
"""Standard deviations that hold 90 % of a normal distribution on both sides of its mean."""
SURFACES = ('top', 'base')


@dataclass(frozen=True)
class Run:
    """Salt of one trace from one crossing to the next.

    Args:
        row, column: positions of inline and crossline.
        top, base: in the unit of the samples.
    """

    row: int
    column: int
    top: float
    base: float


@dataclass
class Horizons:
    """Top and base over a survey, NaN where a trace has no salt.

    Args:
        top, base: (I, X) float64, in the unit of the samples.
        top_range, base_range: (2, I, X), shallow and deep end of the interval; None without a standard deviation.
        runs: (I, X) int64, how often the trace enters salt.
        cut: (2, I, X) bool, salt reaches the first, or the last, sample: its top or base may lie beyond.
        several: the runs of traces that enter salt more than once, in the order of lines.
    """

    top: np.ndarray
    base: np.ndarray
    top_range: np.ndarray | None
    base_range: np.ndarray | None
    runs: np.ndarray
    cut: np.ndarray
    several: list[Run]

    def surface(self, name: str) -> np.ndarray:
        """(I, X) of 'top' or 'base'."""
        return dict(top=self.top, base=self.base)[name]

    def interval(self, name: str) -> np.ndarray | None:
        """(2, I, X) of 'top' or 'base'."""
        return dict(top=self.top_range, base=self.base_range)[name]


def find_horizons(
    read: ReadSlab,
    samples: np.ndarray,
    shape: tuple[int, int, int],
    *,
    threshold: float = 0.5,
    read_std: ReadSlab | None = None,
    factor: float = NORMAL_90,
    margins: tuple[float, float] = (0.0, 0.0),
    step: int = 16,
) -> Horizons:
    """Finds top and base of salt, slab by slab.

    Args:
        read: gives the probability.
        samples: (S,) time or depth of the samples, evenly spaced.
        shape: (I, X, S).
        threshold: above which there is salt.
        read_std: gives the standard deviation of the probability.
        factor: of the standard deviation, on both sides.
        margins: of top and base, see :func:`widened`.
        step: inlines read at a time.
    """
    top, base = np.full(shape[:2], np.nan), np.full(shape[:2], np.nan)
    ranges = None if read_std is None else np.full((2, 2, *shape[:2]), np.nan)
    runs, cut, several = np.zeros(shape[:2], np.int64), np.zeros((2, *shape[:2]), bool), []
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        probability = np.asarray(read(start, stop), np.float64)
        salt = probability > threshold
        rows, columns = np.nonzero(salt.any(axis=2))
        trace, salt = probability[rows, columns], salt[rows, columns]
        first, last = salt.argmax(1), shape[2] - 1 - salt[:, ::-1].argmax(1)
        here = start + rows, columns
        top[here] = crossings(trace, first, -1, samples, threshold)
        base[here] = crossings(trace, last, 1, samples, threshold)
        cut[0][here], cut[1][here] = first == 0, last == shape[2] - 1
        entries = np.diff(salt.astype(np.int8), axis=1, prepend=0) == 1
        runs[here] = entries.sum(1)
        several += _runs(trace, salt, runs[here] > 1, here, samples, threshold)
        if ranges is not None:
            spread = factor * np.asarray(read_std(start, stop), np.float64)[rows, columns]
            for surface, (index, side) in enumerate(((first, -1), (last, 1))):
                found = intervals(trace, spread, index, side, samples, threshold)
                crossing = (top, base)[surface][here]
                ranges[surface][:, here[0], here[1]] = widened(found, crossing, margins[surface], samples)
    pair = (None, None) if ranges is None else tuple(ranges)
    return Horizons(top, base, *pair, runs, cut, several)


def crossings(trace: np.ndarray, index: np.ndarray, side: int, samples: np.ndarray, threshold: float) -> np.ndarray:
    """Where traces cross the threshold beside a sample that lies above it.

    Args:
        trace: (n, S).
        index: (n,) that sample of each.
        side: -1 for a crossing before it, 1 for one behind.
        samples: (S,).
        threshold: that is crossed.

    Returns:
        (n,); the sample itself at the end of the trace.
    """
    step = (samples[-1] - samples[0]) / max(len(samples) - 1, 1)
    rows, beside = np.arange(len(trace)), index + side
    inside = (beside >= 0) & (beside < trace.shape[1])
    here, there = trace[rows, index], trace[rows, np.clip(beside, 0, trace.shape[1] - 1)]
    with np.errstate(divide='ignore', invalid='ignore'):
        share = np.where(inside & (there <= threshold), (here - threshold) / (here - there), 0.0)
    return samples[index] + side * step * share


def intervals(
    trace: np.ndarray, spread: np.ndarray, index: np.ndarray, side: int, samples: np.ndarray, threshold: float
) -> np.ndarray:
    """How far a crossing moves if the probability is larger or smaller by ``spread``.

    The outer end is where the run above the threshold of the larger probability ends; the inner end is the first
    sample, going inwards, at which the smaller one lies above, in a later run where this one is not sure. Where none
    does, it is the other end of the salt.

    Args:
        trace, spread: (n, S).
        index: (n,) outermost sample above the threshold.
        side: -1 for tops, 1 for bases.
        samples: (S,).
        threshold: that is crossed.

    Returns:
        (2, n): the smaller and the larger time or depth.
    """
    if side == 1:  # turned over, a base is a top
        turned = trace[:, ::-1], spread[:, ::-1], trace.shape[1] - 1 - index
        return intervals(*turned, -1, samples[::-1], threshold)
    places, larger, smaller = np.arange(trace.shape[1]), trace + spread, trace - spread
    below = np.where((larger <= threshold) & (places < index[:, None]), places, -1).max(1)  # the last one above that is
    outer = crossings(larger, below + 1, -1, samples, threshold)
    sure = (smaller > threshold) & (places >= index[:, None])
    last = trace.shape[1] - 1 - (trace > threshold)[:, ::-1].argmax(1)
    inner = np.where(
        sure.any(1),
        crossings(smaller, np.where(sure.any(1), sure.argmax(1), index), -1, samples, threshold),
        crossings(trace, last, 1, samples, threshold),
    )
    found = np.stack([outer, inner, crossings(trace, index, -1, samples, threshold)])
    return np.stack([found.min(0), found.max(0)])


def widened(found: np.ndarray, crossing: np.ndarray, margin: float, samples: np.ndarray) -> np.ndarray:
    """Intervals with a margin on both sides, which end with the samples and do not lose their crossing.

    Args:
        found: (2, n) of :func:`intervals`.
        crossing: (n,).
        margin: in the unit of the samples; below 0 intervals become narrower.
        samples: (S,).
    """
    low = np.maximum(np.minimum(found[0] - margin, crossing), samples.min())
    return np.stack([low, np.minimum(np.maximum(found[1] + margin, crossing), samples.max())])


def _runs(
    trace: np.ndarray,
    salt: np.ndarray,
    chosen: np.ndarray,
    places: tuple[np.ndarray, np.ndarray],
    samples: np.ndarray,
    threshold: float,
) -> list[Run]:
    """The runs of some traces, in their order."""
    change = np.diff(salt[chosen].astype(np.int8), axis=1, prepend=0, append=0)
    number, first = np.nonzero(change == 1)
    last = np.nonzero(change == -1)[1] - 1  # as many a trace, in the same order
    of_run = trace[chosen][number]
    tops, bases = (crossings(of_run, end, side, samples, threshold) for end, side in ((first, -1), (last, 1)))
    rows, columns = (one[chosen][number] for one in places)
    return [Run(*one) for one in zip(*(values.tolist() for values in (rows, columns, tops, bases)))]


def label_horizons(
    read_label: ReadSlab, samples: np.ndarray, shape: tuple[int, int, int], *, step: int = 16
) -> Horizons:
    """Top and base of a label, half way between samples; labels above 1 (unknown) are no salt."""
    return find_horizons(lambda start, stop: read_label(start, stop) == 1, samples, shape, step=step)
