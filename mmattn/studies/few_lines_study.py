"""How many lines, and which, and for how long: few_lines.py measured on a survey whose label is known."""

import copy
import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.inference.doubtful_lines import doubtful_lines
from mmattn.seismic import estimate_clip
from mmattn.seismic.synthetic import make_volume
from mmattn.seismic.tiles.tgs import read_groups
from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.seismic.volumes.labels import IGNORED
from mmattn.studies.few_lines import Lines, find_lines, train_on_lines
from mmattn.studies.starts import SHIPPED, choose_start, mix_in, weights_of
from mmattn.studies.summary import mean_of
from mmattn.viewer.tiles import open_tiles

EVEN, SUGGESTED = 'even', 'suggested'


@dataclass(frozen=True)
class Measured:
    """A training up to some time, and the IoU of salt on the inlines that had no label among those predicted.

    Args:
        survey: what was trained on.
        start: what was started from.
        seed: of the training.
        minutes: of the processor.
        chosen: 'even' or 'suggested'.
        lines: labelled inlines.
        iterations: that the time sufficed for.
        iou: of salt.
    """

    survey: str
    start: str
    seed: int
    minutes: float
    chosen: str
    lines: int
    iterations: int
    iou: float


class Known(NamedTuple):
    """A survey whose salt is known.

    Args:
        name: of it.
        amplitude: (I, X, S).
        truth: (I, X, S), 1 salt.
    """

    name: str
    amplitude: np.ndarray
    truth: np.ndarray


class Watch:
    """A clock that stands still while a training is looked at, and says at which of its minutes that is due.

    Args:
        marks: minutes, rising.
        look: called with the minutes and the iterations so far; at the last mark :meth:`finish` calls it.
        clock: of the seconds.
    """

    def __init__(
        self, marks: Sequence[float], look: Callable[[float, int], None], clock: Callable[[], float] = time.process_time
    ) -> None:
        self.marks, self.look, self.clock = list(marks), look, clock
        self.iterations, self._left_out = 0, 0.0
        self._start: float | None = None

    def __call__(self) -> float:
        """Seconds, those of looking left out."""
        now = self.clock() - self._left_out
        self._start = now if self._start is None else self._start
        return now

    def step(self, *_: object) -> None:
        """Is told of an iteration; the ``progress`` of a training."""
        self.iterations += 1
        while len(self.marks) > 1 and self() - self._start >= 60 * self.marks[0]:
            self.finish(1)

    def finish(self, count: int | None = None) -> None:
        """Looks for the marks that are left, or some of them."""
        before = self.clock()
        for mark in self.marks[:count]:
            self.look(mark, self.iterations)
        self.marks = [] if count is None else self.marks[count:]
        self._left_out += self.clock() - before


def made_up(shape: tuple[int, int, int], seed: int) -> Known:
    """A survey of the built-in geology."""
    return Known(f'synthetic:{seed}', *make_volume(shape, seed=seed))


def tiles_of(data: str | os.PathLike) -> Known:
    """The labelled tiles of a folder that ``prepare_tgs.py`` wrote as inlines, those of one mosaic beside each other.

    Raises:
        ValueError: if there is no tile with a mask.
    """
    volume, label = open_tiles(data)
    if label is None:
        raise ValueError(f'{data} has no masks')
    groups = dict.fromkeys(volume.names, '')
    if (folds := Path(data) / 'folds.csv').is_file():
        groups |= read_groups(folds)
    known = [index for index in range(len(volume.names)) if (label.section('iline', index) != IGNORED).all()]
    order = np.array(sorted(known, key=lambda index: (groups[volume.names[index]], volume.names[index])))
    amplitude, truth = (one.slab('iline', 0, one.shape[0])[order] for one in (volume, label))
    return Known('tiles', amplitude, truth.astype(np.uint8))


def even_lines(size: int, count: int) -> np.ndarray:
    """Positions in the middle of ``count`` equal parts."""
    return ((np.arange(count) + 0.5) * size / count).astype(np.int64)


def measure(
    folder: Path,
    known: Known,
    *,
    seed: int,
    minutes: tuple[float, ...],
    counts: tuple[int, ...],
    every: int = 4,
    start: str | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[Measured]:
    """Trains on evenly spaced inlines, and on as many that are suggested from the fewest on, count by count.

    Each count is one training, of the most minutes, which starts anew and is looked at after the fewer ones on its way,
    while its learning rate is higher than a training of these minutes alone would have it at its end. Every
    ``every``-th inline is predicted, along inlines and mirrored, and scored; suggestions are among these, by the
    training with fewer lines at its end.

    Args:
        folder: for files of the work.
        known: the survey.
        seed: of the training.
        minutes: after which it is scored, by the clock, rising.
        counts: of labelled inlines, rising.
        every: inlines from one that is predicted to the next.
        start: network, see ``choose_start``.
        clock: of the minutes.

    Raises:
        ValueError: if suggestions would leave less than half of the predicted inlines to be scored.
    """
    size = len(known.amplitude)
    seen = np.arange(0, size, every)
    if 2 * (counts[-1] - counts[0]) > len(seen):
        raise ValueError(
            f'{counts[-1] - counts[0]} inlines would be suggested of the {len(seen)} that are predicted, at least half '
            f'of which are to be scored: label fewer, or predict more than one of {every}'
        )
    np.save(folder / 'amplitude.npy', known.amplitude.astype(np.float32))
    study = _Study(folder, known, seen, seed, minutes, start, clock)
    first = even_lines(size, counts[0])
    for chosen in (EVEN, SUGGESTED):
        lines = first
        for count in counts:
            if chosen == EVEN:
                lines = even_lines(size, count)
            elif count == counts[0]:
                files = study.files(EVEN, count)  # the same lines as those evenly spaced
                lines = _more(*files, lines, seen, counts[1] - count) if len(counts) > 1 else lines
                continue
            yield from study.train(chosen, count, lines)
            later = [one for one in counts if one > count]
            if chosen == SUGGESTED and later:
                lines = _more(*study.files(chosen, count), lines, seen, later[0] - count)


def read_rows(path: Path) -> list[Measured]:
    """Reads what :func:`write_rows` wrote.

    Raises:
        ValueError: if it is something else.
    """
    kinds = {field.name: field.type for field in fields(Measured)}
    with path.open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != list(kinds):
            raise ValueError(f'{path} has columns {reader.fieldnames}; rows of this tool have {list(kinds)}')
        return [Measured(**{name: kinds[name](value) for name, value in row.items()}) for row in reader]


def write_rows(path: Path, rows: list[Measured]) -> None:
    """Writes what was measured as comma-separated values."""
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Measured)], lineterminator='\n')
        writer.writeheader()
        writer.writerows(asdict(row) | dict(iou=f'{row.iou:.4f}') for row in rows)


def table(rows: list[Measured]) -> str:
    """Markdown tables, one a survey and start: lines by minutes, evenly spaced and suggested, mean and spread."""
    parts = []
    for part in dict.fromkeys((row.survey.partition(':')[0], row.start) for row in rows):
        those = [row for row in rows if (row.survey.partition(':')[0], row.start) == part]
        parts.append(f'{part[0]}, from {part[1]}:\n\n{_table(those)}')
    return '\n\n'.join(parts)


def _table(rows: list[Measured]) -> str:
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


class _Study:
    """Trainings on one survey; arguments as of :func:`measure`, and ``seen``, positions that are predicted."""

    def __init__(
        self,
        folder: Path,
        known: Known,
        seen: np.ndarray,
        seed: int,
        minutes: tuple[float, ...],
        start: str | None,
        clock: Callable[[], float],
    ) -> None:
        self.folder, self.known, self.seen, self.seed, self.minutes = folder, known, seen, seed, minutes
        self.start, self.clock = start, clock
        self.clip = float(estimate_clip(ArrayVolume(folder / 'amplitude.npy')))
        self.thin = ArrayVolume(np.ascontiguousarray(known.amplitude[seen], np.float32))

    def files(self, chosen: str, count: int) -> tuple[Path, Path]:
        """Of the probability and its spread at the end of a training."""
        return self.folder / f'{chosen}_{count}.npy', self.folder / f'{chosen}_{count}_std.npy'

    def train(self, chosen: str, count: int, lines: np.ndarray) -> list[Measured]:
        """Trains on lines and scores at each of the minutes."""
        label = np.full(self.known.truth.shape, IGNORED, np.uint8)
        label[lines] = self.known.truth[lines]
        np.save(self.folder / 'label.npy', label)
        torch.manual_seed(self.seed)
        begun = choose_start(self.start, None, None)
        rows, before = [], weights_of(begun.segmentor)

        def look(minutes: float, iterations: int) -> None:
            segmentor = copy.deepcopy(begun.segmentor).eval()
            mix_in(segmentor, before, begun.keep)
            iou = self._score(segmentor, lines, *self.files(chosen, count))
            given = self.known.name, self.start or SHIPPED, self.seed, minutes, chosen, len(lines), iterations
            rows.append(Measured(*given, iou))

        watch = Watch(self.minutes, look, self.clock)
        given = Lines(str(self.folder / 'amplitude.npy'), str(self.folder / 'label.npy'), clip=self.clip)
        train_on_lines(
            begun.segmentor,
            given,
            dict(iline=find_lines(given)['iline']),
            minutes=self.minutes[-1],
            work_dir=self.folder / 'log',
            learning_rate=begun.learning_rate,
            head=begun.head,
            seed=self.seed,
            clock=watch,
            progress=watch.step,
        )
        watch.finish()
        return rows

    def _score(self, segmentor: nn.Module, lines: np.ndarray, probability: Path, std: Path) -> float:
        for path in (probability, std):
            path.unlink(missing_ok=True)
        options = VolumeOptions(('iline',), flip=True, clip=self.clip)
        predict_volume(segmentor, self.thin, Outputs(probability, std=std), options=options)
        counted = ~np.isin(self.seen, lines)
        salt, right = np.load(probability)[counted] > 0.5, self.known.truth[self.seen[counted]] == 1
        return float((salt & right).sum() / max(1, (salt | right).sum()))


def _more(probability: Path, std: Path, lines: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """The lines and as many more as are suggested."""
    near = np.unique([int(np.argmin(abs(seen - line))) for line in lines])
    with ArrayVolume(probability) as first, ArrayVolume(std) as second:
        found = doubtful_lines(first, second, dict(iline=near), count=count)
    return np.sort([*lines, *(seen[one.position] for one in found)])
