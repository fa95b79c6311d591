"""The outcome of a salt benchmark: tables, learning curves, quality against cost, and where networks disagree."""

import csv
import io
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import mmengine
import mmseg
import torch

from mmattn.common.tables import safe_cell
from mmattn.engine.curve_pictures import Curve, save_curves
from mmattn.engine.hooks.curves import read_curves
from mmattn.engine.storage import AtomicBackend
from mmattn.studies import (
    Result,
    Row,
    check_metrics,
    markdown_line,
    mean_and_spread,
    quality_picture,
    read_rows,
    scaled,
)
from mmattn.studies.salt_benchmark.gallery import save_gallery
from mmattn.studies.salt_benchmark.plan import Benchmark, cell_config
from mmattn.version import __version__

# Mean precision of entries to the TGS competition on its private test set.
PUBLISHED = (
    ('ResNet-34 at 256 pixels, one model of one fold', '0.870'),
    ('ten folds with snapshots', '0.891 to 0.894'),
    ('winner', '0.896'),
)


def write_report(benchmark: Benchmark, metrics: Sequence[str], *, command: str) -> list[Path]:
    """Writes what the folder of a benchmark tells.

    Args:
        benchmark: prepared.
        metrics: names of validation metrics; the first is drawn.
        command: that made the results, as a user would repeat it.

    Returns:
        ``results.csv`` and ``results.md``, and as soon as a cell is finished ``quality.png``, ``curves.png`` and, from
        two networks on, ``disagreement.png``.

    Raises:
        ValueError: if no finished cell has a metric of that name; the message lists what they have.
    """
    out = benchmark.out
    rows = read_rows(out, list(benchmark.models))
    check_metrics(rows, metrics)
    batches = _batch_sizes(benchmark)
    files = {
        'results.csv': _csv(rows, metrics, batches),
        'results.md': _markdown(benchmark, rows, metrics, batches, command),
    }
    if any(row.finished and row.cost('multiply_adds') for row in rows):
        files['quality.png'] = quality_picture(rows, metrics[0], 'salt benchmark')
    for name, content in files.items():
        AtomicBackend().put(content, out / name)
    written = [out / name for name in files]
    if curves := _learning_curves(benchmark, rows, metrics[0]):
        written.append(save_curves(curves, out / 'curves.png', title=f'salt benchmark, split {benchmark.digest}'))
    if gallery := save_gallery(benchmark, out / 'disagreement.png'):
        written.append(gallery)
    return written


def _batch_sizes(benchmark: Benchmark) -> dict[str, int]:
    first = {cell.variant: cell for cell in reversed(benchmark.cells)}
    return {name: cell_config(benchmark, cell).train_dataloader.batch_size for name, cell in first.items()}


def _images_per_second(row: Row, batches: Mapping[str, int]) -> float | None:
    seconds = row.iteration_seconds()
    return batches[row.variant] / seconds if seconds and row.variant in batches else None


def _folds(results: Iterable[Result]) -> str:
    return ' '.join(map(str, sorted({result.fold for result in results})))


def _csv(rows: Iterable[Row], metrics: Sequence[str], batches: Mapping[str, int]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    statistic = [f'{metric}_{kind}' for metric in metrics for kind in ('mean', 'std')]
    costs = ['parameters', 'multiply_adds', 'images_per_second', 'peak_memory_mib', 'seconds']
    writer.writerow(['network', 'trainings', 'folds', *statistic, *costs, 'failed'])
    for row in rows:
        values = [value for metric in metrics for value in (row.mean(metric), row.spread(metric))]
        numbers = row.cost('parameters'), row.cost('multiply_adds'), _images_per_second(row, batches)
        numbers = *numbers, row.peak_memory(), row.seconds(), len(row.failed)
        writer.writerow([safe_cell(row.variant), len(row.finished), _folds(row.finished), *values, *numbers])
    return text.getvalue().encode()


def _markdown(
    benchmark: Benchmark, rows: Sequence[Row], metrics: Sequence[str], batches: Mapping[str, int], command: str
) -> bytes:
    header = ['network', *metrics, 'trainings', 'M parameters', 'G multiply-adds', 'images/s', 'peak MiB', 'minutes']
    lines = [
        *_heading(benchmark, command),
        markdown_line(header),
        markdown_line(['---', *['---:'] * (len(header) - 1)]),
    ]
    notes = []
    for row in rows:
        cells = [mean_and_spread(row.mean(metric), row.spread(metric)) for metric in metrics]
        costs = [scaled(row.cost('parameters'), 1e6, 2), scaled(row.cost('multiply_adds'), 1e9, 2)]
        costs += [scaled(_images_per_second(row, batches), 1, 1), scaled(row.peak_memory(), 1, 0)]
        lines.append(markdown_line([row.variant, *cells, str(len(row.finished)), *costs, scaled(row.seconds(), 60, 1)]))
        if row.unfinished:
            notes.append(f'- {row.variant}: {len(row.unfinished)} unfinished')
        for result in row.failed:
            error = result.error.splitlines()[-1] if result.error else ''
            notes.append(f'- {row.variant}, fold {result.fold}, seed {result.seed} failed: `{error}`')
    lines += ['', *_FOOT, *([''] if notes else []), *notes, '', *_published()]
    return ('\n'.join(lines) + '\n').encode()


_FOOT = (
    'Mean ± sample standard deviation over the trainings (folds and seeds) of the last validation, without test-time',
    'augmentation; no epoch is chosen by its score. Multiply-adds are of one 101 x 101 tile; images/s are of training,',
    'its loading included; peak memory is of training, on a GPU or, without one, of the process.',
)


def _heading(benchmark: Benchmark, command: str) -> list[str]:
    sizes = {fold: benchmark.tiles(fold) for fold in sorted({cell.fold for cell in benchmark.cells})}
    folds = '; '.join(f'fold {fold}: {train} tiles to train, {held} held out' for fold, (train, held) in sizes.items())
    epochs = sorted({benchmark.epochs(cell) for cell in benchmark.cells})
    versions = {'mmattn': __version__, 'PyTorch': torch.__version__, 'mmseg': mmseg.__version__}
    versions |= {'mmengine': mmengine.__version__, 'Python': platform.python_version()}
    return [
        '# Salt benchmark',
        '',
        f'`{command}`',
        '',
        f'Split `{benchmark.digest}`, grouped by mosaic where groups are known ({folds}). Each training sees about '
        f'{benchmark.images:,} images ({" or ".join(map(str, epochs))} epochs). {_device()}. '
        + ', '.join(f'{name} {version}' for name, version in versions.items())
        + '.',
        '',
    ]


def _device() -> str:
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}'
    return f'CPU only, {torch.get_num_threads()} threads'


def _published() -> list[str]:
    head = ['published on the private test set of the competition', 'mean precision']
    lines = [markdown_line(head), markdown_line(['---', '---:'])]
    lines += [markdown_line(line) for line in PUBLISHED]
    return [*lines, '', 'Those are scores on other tiles, with other splits: they show the order of size, no more.']


def _learning_curves(benchmark: Benchmark, rows: Iterable[Row], metric: str) -> list[Curve]:
    """The mean over the finished cells of each network, by thousands of images seen."""
    curves = []
    for row in rows:
        seen: dict[float, list[float]] = {}
        for cell in benchmark.cells:
            own = cell.variant == row.variant and any(
                (result.fold, result.seed) == (cell.fold, cell.seed) for result in row.finished
            )
            for curve in read_curves(cell.work_dir) if own else ():
                if curve.name == metric:
                    images = benchmark.tiles(cell.fold)[0] / 1000
                    for step, value in zip(curve.steps, curve.values):
                        seen.setdefault(round(step * images, 3), []).append(value)
        if seen:
            steps = sorted(seen)
            means = [statistics.fmean(seen[step]) for step in steps]
            curves.append(Curve(row.variant, steps, means, panel=metric, xlabel='thousands of images seen', best='max'))
    return curves
