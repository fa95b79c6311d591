"""The outcome of an ablation: a table as csv and Markdown, and a picture of quality against cost."""

import csv
import io
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from mmattn.engine.ablation.cells import NONE, SHORT_NAMES
from mmattn.engine.ablation.runs import STATUSES, Result
from mmattn.engine.storage import AtomicBackend

_ASIDE = 12  # points between marks of alike cost
# Colours of Okabe and Ito, which colour-blind readers tell apart; their number and that of the marks share no factor.
_COLORS = '#000000', '#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'
_MARKERS = 'osD^vP'


@dataclass(frozen=True)
class Row:
    """One attention layer over its seeds.

    Args:
        attention: class of the layer, or 'none'.
        finished: results of the trainings that ended well.
        failed: results of those that did not.
        unfinished: results of those that were interrupted.
    """

    attention: str
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

    def cost(self, name: str) -> int | None:
        """``parameters`` or ``multiply_adds`` of the network, or None if not counted."""
        counts = [getattr(result, name) for result in (*self.finished, *self.failed, *self.unfinished)]
        return next((count for count in counts if count is not None), None)

    def _values(self, metric: str) -> list[float]:
        return [result.metrics[metric] for result in self.finished if metric in result.metrics]


def read_rows(out: Path) -> list[Row]:
    """Reads every cell in a folder; without attention comes first, then the layers in a fixed order."""
    results = [Result(**json.loads(path.read_text(encoding='utf-8'))) for path in out.glob('*/result.json')]
    order = [NONE, *SHORT_NAMES.values()]
    names = sorted({result.attention for result in results})
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    rows = []
    for name in names:
        own = sorted((result for result in results if result.attention == name), key=lambda result: result.seed)
        kinds = [tuple(result for result in own if result.status == status) for status in STATUSES]
        rows.append(Row(name, *kinds))
    return rows


def write_report(out: Path, metrics: Sequence[str], title: str) -> list[Path]:
    """Writes ``results.csv`` and ``results.md``, and ``results.png`` as soon as a cell is finished.

    Args:
        out: folder of the cells.
        metrics: names of validation metrics; the first is drawn.
        title: heading of the table and the picture.

    Returns:
        The files.

    Raises:
        ValueError: if no finished cell has a metric of that name; the message lists what they have.
    """
    rows = read_rows(out)
    known = {name for row in rows for result in row.finished for name in result.metrics}
    unknown = [name for name in metrics if known and name not in known]
    if unknown:
        raise ValueError(f'no metric {", ".join(map(repr, unknown))}; there are {", ".join(sorted(known))}')
    files = {'results.csv': _csv(rows, metrics), 'results.md': _markdown(rows, metrics, title)}
    if any(row.finished and row.cost('multiply_adds') for row in rows):
        files['results.png'] = _picture(rows, metrics[0], title)
    for name, content in files.items():
        AtomicBackend().put(content, out / name)
    return [out / name for name in files]


def _csv(rows: Iterable[Row], metrics: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    statistic = [f'{metric}_{kind}' for metric in metrics for kind in ('mean', 'std')]
    writer.writerow(['attention', 'seeds', *statistic, 'parameters', 'multiply_adds', 'seconds', 'failed'])
    for row in rows:
        values = [value for metric in metrics for value in (row.mean(metric), row.spread(metric))]
        costs = row.cost('parameters'), row.cost('multiply_adds'), row.seconds()
        writer.writerow([row.attention, len(row.finished), *values, *costs, len(row.failed)])
    return text.getvalue().encode()


def _markdown(rows: Iterable[Row], metrics: Sequence[str], title: str) -> bytes:
    header = ['attention', *metrics, 'seeds', 'M parameters', 'G multiply-adds', 'training, s']
    lines = [f'# {title}', '', _line(header), _line(['---', *['---:'] * (len(header) - 1)])]
    notes = []
    for row in rows:
        cells = [_shown(row.mean(metric), row.spread(metric)) for metric in metrics]
        costs = [_scaled(row.cost('parameters'), 1e6, 3), _scaled(row.cost('multiply_adds'), 1e9, 3)]
        lines.append(_line([row.attention, *cells, str(len(row.finished)), *costs, _scaled(row.seconds(), 1, 0)]))
        if row.unfinished:
            notes.append(f'- {row.attention}: {len(row.unfinished)} unfinished')
        for result in row.failed:
            error = result.error.splitlines()[-1] if result.error else ''
            notes.append(f'- {row.attention}, seed {result.seed} failed: `{error}`')
    lines += ['', 'Mean ± sample standard deviation over the seeds of the metrics of the last validation.']
    if notes:
        lines += ['', *notes]
    return ('\n'.join(lines) + '\n').encode()


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _shown(mean: float | None, spread: float | None) -> str:
    return '' if mean is None else f'{mean:.4f}' + ('' if spread is None else f' ± {spread:.4f}')


def _scaled(value: float | None, unit: float, digits: int) -> str:
    return '' if value is None else f'{value / unit:.{digits}f}'


def _picture(rows: Iterable[Row], metric: str, title: str) -> bytes:
    points = [(row.cost('multiply_adds'), row.mean(metric), row) for row in rows]
    points = [(cost / 1e9, mean, row) for cost, mean, row in points if cost is not None and mean is not None]
    points.sort(key=lambda point: point[0])
    figure = Figure(figsize=(9, 5), layout='constrained')
    axes = figure.subplots()
    styles = zip(cycle(_COLORS), cycle(_MARKERS))
    places = _places_among_alike([cost for cost, _, _ in points])
    for (cost, mean, row), place, (color, marker) in zip(points, places, styles):
        spread = row.spread(metric) or 0.0
        style = dict(color=color, marker=marker, markersize=7, linestyle='none', capsize=4, label=row.attention)
        aside = ScaledTranslation(place * _ASIDE / 72, 0, figure.dpi_scale_trans)
        axes.errorbar(cost, mean, yerr=spread, transform=axes.transData + aside, **style)
        axes.update_datalim([(cost, mean - spread), (cost, mean + spread)])
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
