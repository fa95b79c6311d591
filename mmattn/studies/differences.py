"""How much variants differ from one of them, paired by seed and fold, and whether that is more than chance."""

import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from scipy import stats

from mmattn.studies.summary import Row

CHANCE = 0.05
"""Probability, by chance alone, of differences as large as these below which they count."""
_COLORS = dict(noise='#999999', less='#D55E00', more='#0072B2')


@dataclass(frozen=True)
class Difference:
    """A variant less the base.

    Args:
        variant: what is compared.
        values: a difference for each seed and fold that both have finished.
        low: lower end of the 95 % interval of their mean by Student's t; None for fewer than two.
        high: its upper end.
        p: of the paired t-test, two-sided, by Holm's rule for all variants of the table; None for fewer than two.
    """

    variant: str
    values: tuple[float, ...]
    low: float | None
    high: float | None
    p: float | None

    @property
    def mean(self) -> float:
        """Mean difference."""
        return statistics.fmean(self.values)

    @property
    def verdict(self) -> str:
        """'more', 'less' or 'noise'; 'one pair' where one says nothing."""
        if self.p is None:
            return 'one pair'
        return 'noise' if self.p >= CHANCE else 'more' if self.mean > 0 else 'less'


def paired_differences(rows: Iterable[Row], metric: str, base: str) -> dict[str, Difference]:
    """Compares each variant with the base where both were trained with the same seed and fold.

    Args:
        rows: of a comparison, in the order of the result.
        metric: of the last validations.
        base: a variant.

    Returns:
        By variant, for each other one that has a pair; nothing without the base.
    """
    values = {
        row.variant: {(one.seed, one.fold): one.metrics[metric] for one in row.finished if metric in one.metrics}
        for row in rows
    }
    reference = values.pop(base, {})
    pairs = {
        variant: tuple(value - reference[key] for key, value in sorted(own.items(), key=str) if key in reference)
        for variant, own in values.items()
    }
    tested = {variant: _test(own) for variant, own in pairs.items() if own}
    adjusted = _holm({variant: p for variant, (_, _, p) in tested.items() if p is not None})
    return {
        name: Difference(name, pairs[name], low, high, adjusted.get(name)) for name, (low, high, _) in tested.items()
    }


def _test(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Ends of the 95 % interval of the mean, and the t-test's p."""
    if len(values) < 2:
        return None, None, None
    if min(values) == max(values):  # no spread, which t divides by
        return values[0], values[0], float(values[0] == 0)
    result = stats.ttest_1samp(values, 0)
    low, high = result.confidence_interval(0.95)
    return float(low), float(high), float(result.pvalue)


def _holm(p: dict[str, float]) -> dict[str, float]:
    """Adjusts p for as many comparisons: Holm, Scandinavian Journal of Statistics 6 (1979)."""
    largest, adjusted = 0.0, {}
    for rank, (name, one) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p) - rank) * one))
        adjusted[name] = largest
    return adjusted


def differences_picture(differences: Iterable[Difference], metric: str, base: str, title: str) -> bytes:
    """Draws each mean difference with its interval and its pairs, the best at the top, as a PNG."""
    ranked = sorted(differences, key=lambda one: one.mean)
    figure = Figure(figsize=(8, 1.5 + 0.3 * len(ranked)), layout='constrained')
    axes = figure.subplots()
    for place, one in enumerate(ranked):
        color = _COLORS.get(one.verdict, _COLORS['noise'])
        axes.plot(one.values, [place] * len(one.values), '|', color=color, markersize=9)
        axes.plot(one.mean, place, 'o', color=color)
        if one.low is not None:
            axes.hlines(place, one.low, one.high, color=color)
    axes.axvline(0, color='black', linewidth=0.8)
    axes.set_yticks(range(len(ranked)), [f'{one.variant} ({one.verdict})' for one in ranked])
    axes.set(xlabel=f'{metric} less that of {base}: mean, 95 % interval, pairs', title=title)
    axes.grid(alpha=0.3, axis='x')
    picture = io.BytesIO()
    figure.savefig(picture, format='png', dpi=150)
    return picture.getvalue()
