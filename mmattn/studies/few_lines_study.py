"""How many lines, and which, and for how long: few_lines.py measured on a survey whose label is known."""

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.inference.doubtful_lines import doubtful_lines
from mmattn.seismic import estimate_clip
from mmattn.seismic.synthetic import make_volume
from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.seismic.volumes.labels import IGNORED
from mmattn.studies.few_lines import Lines, choose_start, find_lines, train_on_lines
from mmattn.studies.summary import mean_of

EVEN, SUGGESTED = 'even', 'suggested'


@dataclass(frozen=True)
class Measured:
    """A training, and the IoU of salt on the inlines that had no label among those that were predicted.

    Args:
        seed: of the survey and the training.
        minutes: of the processor.
        chosen: 'even' or 'suggested'.
        lines: labelled inlines.
        iterations: that the time sufficed for.
        iou: of salt.
    """

    seed: int
    minutes: float
    chosen: str
    lines: int
    iterations: int
    iou: float


def even_lines(size: int, count: int) -> np.ndarray:
    """Positions in the middle of ``count`` equal parts."""
    return ((np.arange(count) + 0.5) * size / count).astype(np.int64)


def measure(
    folder: Path,
    *,
    seed: int,
    minutes: float,
    counts: tuple[int, ...],
    shape: tuple[int, int, int] = (200, 200, 256),
    every: int = 4,
    start: str | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[Measured]:
    """Trains on evenly spaced inlines, and on as many that are suggested from the fewest on, count by count.

    Each training starts anew. Every ``every``-th inline is predicted, along inlines and mirrored, and scored;
    suggestions are among these.

    Args:
        folder: for files of the work.
        seed: of the survey and the training.
        minutes: of each training, by the clock.
        counts: of labelled inlines, rising.
        shape: of the survey.
        every: inlines from one that is predicted to the next.
        start: network, see ``choose_start``.
        clock: of the minutes.
    """
    amplitude, truth = make_volume(shape, seed=seed)
    np.save(folder / 'amplitude.npy', amplitude.astype(np.float32))
    clip = float(estimate_clip(ArrayVolume(folder / 'amplitude.npy')))
    seen = np.arange(0, shape[0], every)
    thin = ArrayVolume(np.ascontiguousarray(amplitude[seen], np.float32))
    first = even_lines(shape[0], counts[0])
    for chosen in (EVEN, SUGGESTED):
        lines = first
        for count in counts:
            if chosen == EVEN:
                lines = even_lines(shape[0], count)
            elif count == counts[0]:
                probability, std = _files(folder, EVEN, count)
                lines = _more(probability, std, lines, seen, counts[1] - count) if len(counts) > 1 else lines
                continue  # the same lines as those evenly spaced
            probability, std = _files(folder, chosen, count)
            trained = _train(folder, lines, truth, seed=seed, minutes=minutes, clip=clip, start=start, clock=clock)
            segmentor, iterations = trained
            for path in (probability, std):
                path.unlink(missing_ok=True)
            options = VolumeOptions(('iline',), flip=True, clip=clip)
            predict_volume(segmentor, thin, Outputs(probability, std=std), options=options)
            counted = ~np.isin(seen, lines)
            salt, right = np.load(probability)[counted] > 0.5, truth[seen[counted]] == 1
            iou = float((salt & right).sum() / max(1, (salt | right).sum()))
            yield Measured(seed, minutes, chosen, len(lines), iterations, iou)
            later = [one for one in counts if one > count]
            if chosen == SUGGESTED and later:
                lines = _more(probability, std, lines, seen, later[0] - count)


def write_rows(path: Path, rows: list[Measured]) -> None:
    """Writes what was measured as comma-separated values."""
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Measured)], lineterminator='\n')
        writer.writeheader()
        writer.writerows(asdict(row) | dict(iou=f'{row.iou:.4f}') for row in rows)


def table(rows: list[Measured]) -> str:
    """A Markdown table: lines by minutes, evenly spaced and suggested, mean and spread over seeds."""
    minutes = sorted({row.minutes for row in rows})
    heads = [f'{what}, {one:g} min' for one in minutes for what in (EVEN, SUGGESTED)]
    out = ['| labelled inlines | ' + ' | '.join(heads) + ' |', '|---' * (len(heads) + 1) + '|']
    for count in sorted({row.lines for row in rows}):
        cells = []
        for one in minutes:
            for what in (EVEN, SUGGESTED):
                found = [row.iou for row in rows if (row.minutes, row.chosen, row.lines) == (one, what, count)]
                cells.append(mean_of(found))
        out.append(f'| {count} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(out)


def _files(folder: Path, chosen: str, count: int) -> tuple[Path, Path]:
    return folder / f'{chosen}_{count}.npy', folder / f'{chosen}_{count}_std.npy'


def _train(
    folder: Path,
    lines: np.ndarray,
    truth: np.ndarray,
    *,
    seed: int,
    minutes: float,
    clip: float,
    start: str | None,
    clock: Callable[[], float],
) -> tuple[torch.nn.Module, int]:
    label = np.full(truth.shape, IGNORED, np.uint8)
    label[lines] = truth[lines]
    np.save(folder / 'label.npy', label)
    torch.manual_seed(seed)
    begun = choose_start(start, None, None)
    given = Lines(str(folder / 'amplitude.npy'), str(folder / 'label.npy'), clip=clip)
    found = dict(iline=find_lines(given)['iline'])
    settings = dict(learning_rate=begun.learning_rate, head=begun.head, seed=seed, clock=clock)
    training = train_on_lines(begun.segmentor, given, found, minutes=minutes, work_dir=folder / 'log', **settings)
    return begun.segmentor, training.iterations


def _more(probability: Path, std: Path, lines: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """The lines and as many more as are suggested."""
    near = np.unique([int(np.argmin(abs(seen - line))) for line in lines])
    with ArrayVolume(probability) as first, ArrayVolume(std) as second:
        found = doubtful_lines(first, second, dict(iline=near), count=count)
    return np.sort([*lines, *(seen[one.position] for one in found)])
