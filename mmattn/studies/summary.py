"""Results of a comparison put together: one row a variant, and a picture of quality against cost."""

import io
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from mmattn.studies.runs import STATUSES, Result

_ASIDE = 12  # points between marks of alike cost
# Colours of Okabe and Ito, which colour-blind readers tell apart; their number and that of the marks share no factor.
_COLORS = '#000000', '#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'
_MARKERS = 'osD^vP'


@dataclass(frozen=True)
class Row:
    """One variant over its seeds and folds.

    Args:
        variant: what is compared.
        finished: results of the trainings that ended well.
        failed: results of those that did not.
        unfinished: results of those that were interrupted.
    """

    variant: str
    finished: tuple[Result, ...]
    failed: tuple[Result, ...]
    unfinished: tuple[Result, ...]

    def mean(self, metric: str) -> float | None:
        """Mean of a metric over the seeds, or None."""
        values = self._values(metric)
        return statistics.fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """Sample standard deviation of a metric over the seeds; None for fewer than two."""
        values = self._values(metric)
        return statistics.stdev(values) if len(values) > 1 else None

    def seconds(self) -> float | None:
        """Mean time of a training, or None."""
        return statistics.fmean(result.seconds for result in self.finished) if self.finished else None

    def peak_memory(self) -> float | None:
        """Most MiB that a finished training held, or None."""
        known = [result.peak_memory for result in self.finished if result.peak_memory is not None]
        return max(known, default=None)

    def iteration_seconds(self) -> float | None:
        """Mean of the trainings' median time of an iteration, or None."""
        known = [result.iteration_seconds for result in self.finished if result.iteration_seconds]
        return statistics.fmean(known) if known else None

    def cost(self, name: str) -> int | None:
        """``parameters`` or ``multiply_adds`` of the network, or None if not counted."""
        counts = [getattr(result, name) for result in (*self.finished, *self.failed, *self.unfinished)]
        return next((count for count in counts if count is not None), None)

    def _values(self, metric: str) -> list[float]:
        return [result.metrics[metric] for result in self.finished if metric in result.metrics]


def read_rows(out: Path, order: Sequence[str] = ()) -> list[Row]:
    """Reads every cell in a folder.

    Args:
        out: folder of the cells' folders.
        order: variants that come first, in this order; the others follow by name.
    """
    results = [Result(**json.loads(path.read_text(encoding='utf-8'))) for path in out.glob('*/result.json')]
    names = sorted({result.variant for result in results})
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    rows = []
    for name in names:
        own = [result for result in results if result.variant == name]
        own.sort(key=lambda result: (result.fold or 0, result.seed))
        kinds = [tuple(result for result in own if result.status == status) for status in STATUSES]
        rows.append(Row(name, *kinds))
    return rows


def check_metrics(rows: Iterable[Row], metrics: Iterable[str]) -> None:
    """Checks that finished cells, if there are any, have the metrics.

    Raises:
        ValueError: if they have not; the message lists what they have.
    """
    known = {name for row in rows for result in row.finished for name in result.metrics}
    unknown = [name for name in metrics if known and name not in known]
    if unknown:
        raise ValueError(f'no metric {", ".join(map(repr, unknown))}; there are {", ".join(sorted(known))}')


def markdown_line(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f'| {" | ".join(cells)} |'


def mean_and_spread(mean: float | None, spread: float | None, *, digits: int = 4) -> str:
    """As a table shows it; empty without a mean."""
    return '' if mean is None else f'{mean:.{digits}f}' + ('' if spread is None else f' ± {spread:.{digits}f}')


def mean_of(values: Sequence[float], *, digits: int = 3) -> str:
    """Mean and sample standard deviation of some values as a table shows them; empty without any."""
    spread = statistics.stdev(values) if len(values) > 1 else None
    return mean_and_spread(statistics.fmean(values) if values else None, spread, digits=digits)


def scaled(value: float | None, unit: float, digits: int) -> str:
    """A number in a unit; empty for None."""
    return '' if value is None else f'{value / unit:.{digits}f}'


def quality_picture(rows: Iterable[Row], metric: str, title: str) -> bytes:
    """Draws a metric's mean and spread against the multiply-adds of one prediction, as a PNG."""
    points = [(row.cost('multiply_adds'), row.mean(metric), row) for row in rows]
    points = [(cost / 1e9, mean, row) for cost, mean, row in points if cost is not None and mean is not None]
    points.sort(key=lambda point: point[0])
    figure = Figure(figsize=(9, 5), layout='constrained')
    axes = figure.subplots()
    styles = zip(cycle(_COLORS), cycle(_MARKERS))
    places = _places_among_alike([cost for cost, _, _ in points])
    for (cost, mean, row), place, (color, marker) in zip(points, places, styles):
        spread = row.spread(metric) or 0.0
        style = dict(color=color, marker=marker, markersize=7, linestyle='none', capsize=4, label=row.variant)
        aside = ScaledTranslation(place * _ASIDE / 72, 0, figure.dpi_scale_trans)
        axes.errorbar(cost, mean, yerr=spread, transform=axes.transData + aside, **style)
        axes.update_datalim([(cost, mean - spread), (cost, mean + spread)])
    axes.margins(x=0.05 + 0.04 * max(places, default=0))  # room for marks that are set aside
    axes.autoscale_view()
    figure.legend(loc='outside right upper', fontsize=9)
    axes.set(
        xlabel='multiply-adds of one prediction (billions); alike ones side by side',
        ylabel=f'{metric}, mean and spread',
        title=title,
    )
    axes.grid(alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format='png', dpi=150)
    return picture.getvalue()


def _places_among_alike(costs: Sequence[float]) -> list[int]:
    """Counts, for each of rising costs, the ones before it that are too near for their marks to be told apart."""
    places, first = [], None
    for cost in costs:
        if first is None or cost - first > 0.03 * (costs[-1] - costs[0]):
            first = cost
            places.append(0)
        else:
            places.append(places[-1] + 1)
    return places
