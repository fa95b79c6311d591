"""The outcome of an ablation: a table as csv and Markdown, and a picture of quality against cost."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmattn.attention.registry import mechanisms
from mmattn.common.tables import safe_cell
from mmattn.engine.storage import AtomicBackend
from mmattn.studies import Row, check_metrics, markdown_line, mean_and_spread, quality_picture, read_rows, scaled
from mmattn.studies.ablation.cells import NONE


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
    rows = read_rows(out, [NONE, *mechanisms(inputs=1)])  # without attention first
    check_metrics(rows, metrics)
    files = {'results.csv': _csv(rows, metrics), 'results.md': _markdown(rows, metrics, title)}
    if any(row.finished and row.cost('multiply_adds') for row in rows):
        files['results.png'] = quality_picture(rows, metrics[0], title)
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
        writer.writerow([safe_cell(row.variant), len(row.finished), *values, *costs, len(row.failed)])
    return text.getvalue().encode()


def _markdown(rows: Iterable[Row], metrics: Sequence[str], title: str) -> bytes:
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
    return ('\n'.join(lines) + '\n').encode()
