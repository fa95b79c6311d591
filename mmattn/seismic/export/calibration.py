"""How many standard deviations hold 90 % of the true tops and bases, where labels tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmattn.common.checks import check_number
from mmattn.seismic.export.horizons import ReadSlab, crossings, intervals

_LARGEST = 1000.0
_HALVINGS = 18
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

    def coverage(self, surface: str, factor: float) -> Coverage:
        """Of the intervals of ``factor`` standard deviations; the truth is known to half a sample.

        Args:
            surface: 'top' or 'base'.
            factor: at least 0.
        """
        top = surface == 'top'
        truth = self.truth[0 if top else 1]
        known = np.isfinite(truth)
        if not known.any():
            return Coverage(float('nan'), 0, float('nan'))
        probability, spread, truth = self.probability[known], self.spread[known], truth[known]
        salt = probability > self.threshold
        index = salt.argmax(1) if top else salt.shape[1] - 1 - salt[:, ::-1].argmax(1)
        side = -1 if top else 1
        low, high = intervals(probability, factor * spread, index, side, self.samples, self.threshold)
        half = abs(self.samples[1] - self.samples[0]) / 2
        held = (truth >= low - half) & (truth <= high + half)
        return Coverage(float(held.mean()), len(held), float((high - low).mean()))

    def factor(self, surface: str, share: float = 0.9) -> float:
        """The least factor whose intervals hold so many of the traces.

        Args:
            surface: 'top' or 'base'.
            share: of the traces, 0 to 1.

        Raises:
            ValueError: if there are no traces, or no factor up to 1000 does: the spread is 0 where the truth lies far
                away.
        """
        check_number('coverage', share, low=0.01, high=0.999)
        if not np.isfinite(self.truth[0 if surface == 'top' else 1]).any():
            raise ValueError(f'{surface}: no trace has both predicted and true salt, nothing to calibrate by')
        if (most := self.coverage(surface, _LARGEST).share) < share:
            raise ValueError(
                f'no interval of the {surface} holds {share:.0%} of the true ones, {most:.1%} at the most: the '
                'standard deviation says too little'
            )
        low, high = 0.0, _LARGEST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.coverage(surface, middle).share >= share else (middle, high)
        return high


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


def calibrate(parts: Sequence[LabelledTraces], surface: str, share: float = 0.9) -> tuple[float, Coverage]:
    """Finds the factor by all parts, and what such factors hold on parts that did not decide.

    Errors of adjacent traces are alike, so that a part of the survey can be easier than another, and what one half
    decides holds more, or less, on the other. Each part is therefore measured once, with the factor of all others.

    Args:
        parts: of the survey, two or more; those without a trace do not count.
        surface: 'top' or 'base'.
        share: of the traces, 0 to 1.

    Returns:
        The factor, and the coverage of the parts together; NaN where one part has all traces.

    Raises:
        ValueError: as :meth:`LabelledTraces.factor` does.
    """
    factor = joined(parts).factor(surface, share)
    used = [part for part in parts if part.coverage(surface, 0).traces]
    held = [
        part.coverage(surface, joined([other for other in used if other is not part]).factor(surface, share))
        for part in (used if len(used) > 1 else [])
    ]
    if not held:
        return factor, Coverage(float('nan'), 0, float('nan'))
    traces = np.array([one.traces for one in held])
    means = (float(np.average([getattr(one, name) for one in held], weights=traces)) for name in ('share', 'width'))
    mean_share, width = means
    return factor, Coverage(mean_share, int(traces.sum()), width)


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
