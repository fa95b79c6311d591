"""The outcome of an ablation: tables as csv and Markdown, and pictures of quality against cost and of differences."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmattn.attention.registry import mechanisms
from mmattn.common.tables import safe_cell
from mmattn.engine.storage import AtomicBackend
from mmattn.studies import Row, check_metrics, markdown_line, mean_and_spread, quality_picture, read_rows, scaled
from mmattn.studies.ablation.cells import NONE
from mmattn.studies.differences import CHANCE, Difference, differences_picture, paired_differences


def write_report(out: Path, metrics: Sequence[str], title: str) -> list[Path]:
    """Writes ``results.csv`` and ``results.md``, and ``results.png`` as soon as a cell is finished.

    As soon as a layer and the network without one share a seed, the tables and ``differences.png`` compare them.

    Args:
        out: folder of the cells.
        metrics: names of validation metrics; the first is drawn.
        title: heading of the table and the picture.

    Returns:
        The files.

    Raises:
        ValueError: if no finished cell has a metric of that name; the message lists what they have.
    """
    rows = read_rows(out, [NONE, *mechanisms(inputs=1)])  # without attention first
    check_metrics(rows, metrics)
    differences = {metric: paired_differences(rows, metric, NONE) for metric in metrics}
    text = _markdown(rows, metrics, title) + _beside_none(differences)
    files = {'results.csv': _csv(rows, metrics, differences), 'results.md': text.encode()}
    if any(row.finished and row.cost('multiply_adds') for row in rows):
        files['results.png'] = quality_picture(rows, metrics[0], title)
    if differences[metrics[0]]:
        files['differences.png'] = differences_picture(differences[metrics[0]].values(), metrics[0], NONE, title)
    for name, content in files.items():
        AtomicBackend().put(content, out / name)
    return [out / name for name in files]


def _csv(rows: Iterable[Row], metrics: Sequence[str], differences: dict[str, dict[str, Difference]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    statistic = [f'{metric}_{kind}' for metric in metrics for kind in ('mean', 'std')]
    compared = [f'{metric}_{kind}' for metric in metrics for kind in ('difference', 'low', 'high', 'p')]
    writer.writerow(['attention', 'seeds', *statistic, 'parameters', 'multiply_adds', 'seconds', 'failed', *compared])
    for row in rows:
        values = [value for metric in metrics for value in (row.mean(metric), row.spread(metric))]
        costs = row.cost('parameters'), row.cost('multiply_adds'), row.seconds()
        beside = []
        for metric in metrics:
            one = differences[metric].get(row.variant)
            beside += [None] * 4 if one is None else [one.mean, one.low, one.high, one.p]
        writer.writerow([safe_cell(row.variant), len(row.finished), *values, *costs, len(row.failed), *beside])
    return text.getvalue().encode()


def _beside_none(differences: dict[str, dict[str, Difference]]) -> str:
    """The second table, empty without pairs: each layer less no layer."""
    first = next(iter(differences))
    ranked = sorted(differences[first].values(), key=lambda one: -one.mean)
    if not ranked:
        return ''
    header = ['attention', *differences, 'seeds', f'p of {first}', 'verdict']
    lines = ['', '## Beside none, paired by seed', '', markdown_line(header)]
    lines.append(markdown_line(['---', *['---:'] * (len(header) - 2), '---']))
    for one in ranked:
        own = [of_metric.get(one.variant) for of_metric in differences.values()]
        p = '' if one.p is None else f'{one.p:.3f}'
        lines.append(markdown_line([one.variant, *map(_as_text, own), str(len(one.values)), p, one.verdict]))
    count = sum(one.p is not None for one in ranked)
    lines += [
        '',
        f'Mean difference and its 95 % interval (Student). p of a paired t-test, by Holm for {count} layers; '
        f'noise: {CHANCE} or more, so that these seeds cannot tell it from chance.',
        '',
    ]
    return '\n'.join(lines)


def _as_text(one: Difference | None) -> str:
    if one is None:
        return ''
    return f'{one.mean:+.4f}' + ('' if one.low is None else f' [{one.low:+.4f}, {one.high:+.4f}]')


def _markdown(rows: Iterable[Row], metrics: Sequence[str], title: str) -> str:
    header = ['attention', *metrics, 'seeds', 'M parameters', 'G multiply-adds', 'training, s']
    lines = [f'# {title}', '', markdown_line(header), markdown_line(['---', *['---:'] * (len(header) - 1)])]
    notes = []
    for row in rows:
        cells = [mean_and_spread(row.mean(metric), row.spread(metric)) for metric in metrics]
        costs = [scaled(row.cost('parameters'), 1e6, 3), scaled(row.cost('multiply_adds'), 1e9, 3)]
        lines.append(markdown_line([row.variant, *cells, str(len(row.finished)), *costs, scaled(row.seconds(), 1, 0)]))
        if row.unfinished:
            notes.append(f'- {row.variant}: {len(row.unfinished)} unfinished')
        for result in row.failed:
            error = result.error.splitlines()[-1] if result.error else ''
            notes.append(f'- {row.variant}, seed {result.seed} failed: `{error}`')
    lines += ['', 'Mean ± sample standard deviation over the seeds of the metrics of the last validation.']
    if notes:
        lines += ['', *notes]
    return '\n'.join(lines) + '\n'
