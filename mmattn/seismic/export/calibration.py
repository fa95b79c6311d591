"""How wide intervals must be to hold 90 % of the true tops and bases, where labels tell.

Y. Romano, E. Patterson and E. Candès, "Conformalized Quantile Regression", NeurIPS 2019: the errors that labels show
beyond intervals of whatever origin give a margin with which these hold what is wanted, on lines that are alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmattn.common.checks import check_number
from mmattn.seismic.export.horizons import ReadSlab, crossings, intervals, widened

_TRACES = 5_000


class Coverage(NamedTuple):
    """How often intervals hold the truth.

    Args:
        share: of the traces.
        traces: with predicted and true salt, among those looked at.
        width: mean width of the intervals, in the unit of the samples.
    """

    share: float
    traces: int
    width: float


@dataclass(frozen=True)
class LabelledTraces:
    """Traces with predicted and with true salt.

    Args:
        probability, spread: (n, S).
        truth: (2, n) true top and base; NaN where salt reaches the first, or last, sample and they are not known.
        samples: (S,) times or depths.
        threshold: of the probability.
    """

    probability: np.ndarray
    spread: np.ndarray
    truth: np.ndarray
    samples: np.ndarray
    threshold: float

    def coverage(self, surface: str, factor: float, margin: float = 0.0) -> Coverage:
        """Of the intervals of ``factor`` standard deviations and a margin; the truth is known to half a sample.

        Args:
            surface: 'top' or 'base'.
            factor: at least 0.
            margin: in the unit of the samples, see :func:`mmattn.seismic.export.horizons.widened`.
        """
        found, crossing, truth = self._intervals(surface, factor)
        if not truth.size:
            return Coverage(float('nan'), 0, float('nan'))
        low, high = widened(found, crossing, margin, self.samples)
        held = (truth >= low - self._half) & (truth <= high + self._half)
        return Coverage(float(held.mean()), len(held), float((high - low).mean()))

    def margin(self, surface: str, factor: float, share: float = 0.9) -> float:
        """The least margin with which intervals of ``factor`` standard deviations hold so many of the traces.

        Args:
            surface: 'top' or 'base'.
            factor: at least 0.
            share: of the traces, 0 to 1.

        Raises:
            ValueError: if there are no traces.
        """
        check_number('coverage', share, low=0.01, high=0.999)
        (low, high), _, truth = self._intervals(surface, factor)
        if not truth.size:
            raise ValueError(
                f'{surface}: no trace has both predicted and true salt that ends within the samples, nothing to '
                'calibrate by'
            )
        beyond = np.sort(np.maximum(low - truth, truth - high) - self._half)
        return float(beyond[min(math.ceil((len(beyond) + 1) * share), len(beyond)) - 1])

    @property
    def _half(self) -> float:
        """Half a sample."""
        return abs(self.samples[1] - self.samples[0]) / 2

    def _intervals(self, surface: str, factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Intervals (2, n), crossings and true ones (n,), of the traces whose true one is known."""
        top = surface == 'top'
        truth = self.truth[0 if top else 1]
        known = np.isfinite(truth)
        if not known.any():
            return np.empty((2, 0)), np.empty(0), np.empty(0)
        probability, spread = self.probability[known], self.spread[known]
        salt = probability > self.threshold
        index = salt.argmax(1) if top else salt.shape[1] - 1 - salt[:, ::-1].argmax(1)
        given = index, -1 if top else 1, self.samples, self.threshold
        return intervals(probability, factor * spread, *given), crossings(probability, *given), truth[known]


def labelled_traces(
    read: ReadSlab,
    read_std: ReadSlab,
    read_label: ReadSlab,
    samples: np.ndarray,
    lines: np.ndarray,
    *,
    threshold: float = 0.5,
    most: int = _TRACES,
    seed: int = 0,
) -> LabelledTraces:
    """Reads the traces of some inlines that have salt both in the prediction and in the label.

    Args:
        read, read_std, read_label: give probability, its standard deviation, and the label: 1 salt.
        samples: (S,) times or depths.
        lines: positions of the inlines.
        threshold: of the probability.
        most: of so many traces, drawn at random and evenly from all lines.
        seed: of the draw.
    """
    rng, kept = np.random.default_rng(seed), []
    each = max(1, most // max(len(lines), 1))
    for line in lines:
        probability, label = np.asarray(read(line, line + 1)[0], np.float64), read_label(line, line + 1)[0] == 1
        both = np.flatnonzero((probability > threshold).any(1) & label.any(1))
        if not both.size:
            continue
        both = np.sort(rng.permutation(both)[:each])
        label = label[both]
        ends = label.argmax(1), label.shape[1] - 1 - label[:, ::-1].argmax(1)
        truth = [crossings(label.astype(float), end, side, samples, 0.5) for end, side in zip(ends, (-1, 1))]
        truth[0][ends[0] == 0], truth[1][ends[1] == label.shape[1] - 1] = np.nan, np.nan
        kept.append((probability[both], np.asarray(read_std(line, line + 1)[0], np.float64)[both], np.stack(truth)))
    if not kept:
        nothing = np.empty((0, len(samples)))
        return LabelledTraces(nothing, nothing, np.empty((2, 0)), samples, threshold)
    probability, spread, truth = zip(*kept)
    return LabelledTraces(
        np.concatenate(probability), np.concatenate(spread), np.concatenate(truth, axis=1), samples, threshold
    )


def joined(parts: Sequence[LabelledTraces]) -> LabelledTraces:
    """The traces of several parts as one."""
    first = parts[0]
    return LabelledTraces(
        np.concatenate([part.probability for part in parts]),
        np.concatenate([part.spread for part in parts]),
        np.concatenate([part.truth for part in parts], axis=1),
        first.samples,
        first.threshold,
    )


def calibrate(
    parts: Sequence[LabelledTraces], surface: str, factor: float, share: float = 0.9
) -> tuple[float, Coverage]:
    """Finds the margin by all parts, and what such margins hold on parts that did not decide.

    Errors of adjacent traces are alike, so that a part of the survey can be easier than another, and what one half
    decides holds more, or less, on the other. Each part is therefore measured once, with the margin of all others.

    Args:
        parts: of the survey, two or more; those without a trace do not count.
        surface: 'top' or 'base'.
        factor: standard deviations on both sides, to which the margin comes.
        share: of the traces, 0 to 1.

    Returns:
        The margin, and the coverage of the parts together; NaN where one part has all traces.

    Raises:
        ValueError: as :meth:`LabelledTraces.margin` does.
    """
    margin = joined(parts).margin(surface, factor, share)
    used = [part for part in parts if part.coverage(surface, 0).traces]
    held = []
    for part in used if len(used) > 1 else []:
        of_others = joined([other for other in used if other is not part]).margin(surface, factor, share)
        held.append(part.coverage(surface, factor, of_others))
    if not held:
        return margin, Coverage(float('nan'), 0, float('nan'))
    traces = np.array([one.traces for one in held])
    means = (float(np.average([getattr(one, name) for one in held], weights=traces)) for name in ('share', 'width'))
    mean_share, width = means
    return margin, Coverage(mean_share, int(traces.sum()), width)


def parts_of_lines(count: int, *, block: int = 8, most: int = 5) -> list[np.ndarray]:
    """Positions of lines in parts: blocks of adjacent lines in turns, in two parts at least where there are two lines.

    Args:
        count: of lines.
        block: lines of a block.
        most: parts.
    """
    block = min(block, max(count // 2, 1))
    number = np.arange(count) // block
    parts = min(most, int(number.max()) + 1)
    return [np.flatnonzero(number % parts == part) for part in range(parts)]
