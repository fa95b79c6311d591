"""Refines many models from several starts, each a line of a table as soon as it is done."""

import csv
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from mmattn.common.files import hold_folder, write_whole
from mmattn.evaluation.velocity_scores import VelocityScore, linear_model, score_velocity, total_velocity_scores
from mmattn.inference.velocity import SALT_VELOCITY
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.studies.refinement.cases import Case, HeldOut, add_noise, take_out_low
from mmattn.waves import RefineOptions, refine
from mmattn.waves.refinement import GUARD_ITERATION

STARTS = ('network', 'linear', 'smoothed')
VELOCITY_RANGE = (1500.0, 4500.0)
_SMOOTHING = 10.0  # cells, of the smoothed truth

Predict = Callable[[np.ndarray, Acquisition], np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """One line of the table: a model refined from one start, without the guard.

    Attributes:
        group, name, noise, high_pass, start: which one; noise as a share of the gathers' standard deviation; Hz below
            which the gathers hold nothing, 0 where they hold everything.
        mae_before, mae_after: of the start and of what refinement came to, m/s.
        ssim_before, ssim_after: the same of SSIM.
        salt, found_before, both_before, found_after, both_after: cells of salt: true, predicted, in both.
        first: relative misfit of the first stage after five iterations, which the guard looks at.
        last_before, last_after: relative misfit of the last stage, of the start and of what refinement came to.
        iterations, seconds: of the refinement.
    """

    group: str
    name: str
    noise: float
    high_pass: float
    start: str
    mae_before: float
    mae_after: float
    ssim_before: float
    ssim_after: float
    salt: int
    found_before: int
    both_before: int
    found_after: int
    both_after: int
    first: float
    last_before: float
    last_after: float
    iterations: int
    seconds: float

    @property
    def key(self) -> tuple[str, str, float, float, str]:
        """What tells lines apart."""
        return self.group, self.name, self.noise, self.high_pass, self.start

    def runs(self, guard: float) -> bool:
        """Whether ``refine`` with that guard would have given the refined model."""
        return self.first <= guard and self.last_after < self.last_before


@dataclass(frozen=True)
class Study:
    """What is to be done.

    Args:
        sets: with the number of models of each.
        damages: of the gathers: noise, as a share of their standard deviation, and the frequency below which they hold
            nothing, Hz or 0.
        starts: of ``STARTS``.
        options: of the refinement; the guard is left out, so that what it would have spared is seen.
        predict: velocity (H, W) of gathers, for the start 'network'.
        out: folder: ``refinement.csv``, ``curves/`` with a table of each refinement, ``observed/`` with the gathers and
            their ``acquisition.json``.
        network: what tells the network from others; lines of another are not mixed with its own.
    """

    sets: Sequence[tuple[HeldOut, int]]
    damages: Sequence[tuple[float, float]]
    starts: Sequence[str]
    options: RefineOptions
    predict: Predict | None
    out: Path
    network: str = ''

    def tasks(self) -> list[tuple[HeldOut, int, float, float, str]]:
        """All lines, model by model of all sets in turn, so that an early table has all of them."""
        most = max(count for _, count in self.sets)
        return [
            (held_out, index, noise, high_pass, start)
            for index in range(most)
            for held_out, count in self.sets
            if index < count
            for noise, high_pass in self.damages
            for start in self.starts
        ]


def run(study: Study, *, progress: Callable[[int, int], None] | None = None) -> list[Outcome]:
    """Does what the table in ``study.out`` lacks, and returns all its lines.

    Raises:
        ImportError: if deepwave is missing.
        FileExistsError: if another process works in the folder.
        ValueError: if the table holds refinements with other options, of another network or other models.
    """
    study.out.mkdir(parents=True, exist_ok=True)
    lock = hold_folder(study.out, '.lock')
    try:
        return _run(study, progress)
    finally:
        os.close(lock)


def _run(study: Study, progress: Callable[[int, int], None] | None) -> list[Outcome]:
    _check_options(study)
    path = study.out / 'refinement.csv'
    there = {outcome.key for outcome in read_rows(path)}
    tasks = study.tasks()
    case, last = None, None
    for number, (held_out, index, *how) in enumerate(tasks):
        if (held_out.group, f'{index:04d}', *how) not in there:
            if last != (held_out.group, index):
                case, last = held_out.case(index, study.out / 'observed'), (held_out.group, index)
            _append(path, refine_case(study, case, held_out.acquisition, index, *how))
        if progress is not None:
            progress(number + 1, len(tasks))
    return read_rows(path)


def refine_case(
    study: Study, case: Case, acquisition: Acquisition, index: int, noise: float, high_pass: float, start: str
) -> Outcome:
    """One line of the table, its curve written beside."""
    shots = take_out_low(add_noise(case.shots, noise, seed=index), acquisition.dt, high_pass)
    options = replace(study.options, high_pass=high_pass or None)
    low, high = study.options.velocity_range
    before = np.clip(_start(study, case, acquisition, shots, start), low, high)
    curve = []
    begin = time.perf_counter()

    def note(step, velocity: np.ndarray) -> None:
        scores = total_velocity_scores([_score(velocity, case)], VELOCITY_RANGE)
        values = (step.iteration, step.stage, step.frequency, step.misfit, scores['mae'], scores['salt_iou'])
        curve.append((*values, time.perf_counter() - begin))

    result = refine(before, shots, acquisition, options, progress=note)
    seconds = time.perf_counter() - begin
    after = before if result.refined is None else result.refined
    scores = _score(before, case), _score(after, case)
    totals = [total_velocity_scores([score], VELOCITY_RANGE) for score in scores]
    first = [step for step in result.steps if step.stage == 1]
    outcome = Outcome(
        case.group,
        case.name,
        noise,
        high_pass,
        start,
        *(total['mae'] for total in totals),
        *(total['ssim'] for total in totals),
        scores[0].overlap[1],
        *(score.overlap[place] for score in scores for place in (2, 0)),
        first[min(GUARD_ITERATION, len(first) - 1)].misfit,
        result.last_misfit,
        result.refined_misfit,
        study.options.iterations,
        seconds,
    )
    _write_curve(curve_file(study.out, outcome), curve)
    return outcome


def curve_file(folder: Path, outcome: Outcome) -> Path:
    """Where the course of a refinement is."""
    name = '_'.join(f'{value:g}' if isinstance(value, float) else value for value in outcome.key)
    return folder / 'curves' / f'{name}.csv'


def read_rows(path: str | os.PathLike) -> list[Outcome]:
    """The lines of a table; none where there is no file, and a last line that was cut is left out."""
    path = Path(path)
    if not path.is_file():
        return []
    kinds = {field.name: field.type for field in fields(Outcome)}
    with path.open(newline='', encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [Outcome(**{name: kinds[name](value) for name, value in row.items()}) for row in rows]


def _append(path: Path, outcome: Outcome) -> None:
    values = {name: f'{value:.6g}' if isinstance(value, float) else value for name, value in asdict(outcome).items()}
    new = not path.is_file()
    text = path.read_bytes() if not new else b''
    with path.open('a', newline='', encoding='utf-8') as file:
        if text and not text.endswith(b'\n'):  # a line that was cut
            file.write('\n')
        table = csv.DictWriter(file, list(values), lineterminator='\n')
        if new:
            table.writeheader()
        table.writerow(values)
        file.flush()
        os.fsync(file.fileno())


def _start(study: Study, case: Case, acquisition: Acquisition, shots: np.ndarray, start: str) -> np.ndarray:
    if start == 'network':
        return study.predict(shots, acquisition)
    if start == 'linear':
        return linear_model(case.velocity.shape)
    return gaussian_filter(case.velocity, _SMOOTHING, mode='nearest')


def _score(velocity: np.ndarray, case: Case) -> VelocityScore:
    found = velocity >= SALT_VELOCITY
    return score_velocity(velocity, case.velocity, predicted_salt=found, salt=case.salt, velocity_range=VELOCITY_RANGE)


def _write_curve(path: Path, curve: Sequence[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ['iteration,stage,frequency,misfit,mae,salt_iou,seconds']
    lines += [','.join(f'{value:.6g}' for value in values) for values in curve]
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _check_options(study: Study) -> None:
    """Notes what the refinements depend on; raises if those in the folder depend on something else."""
    path = study.out / 'options.json'
    asked = {'options': repr(study.options), 'network': study.network}
    asked |= {f'set {held_out.group}': held_out.identity for held_out, _ in study.sets}
    known = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    if not known and (study.out / 'refinement.csv').is_file():
        raise ValueError(f'{str(study.out)!r} holds refinements, and not what they were made with: {path} is missing')
    for name, value in asked.items():
        if known.get(name, value) != value:
            raise ValueError(
                f'{str(study.out)!r} holds refinements with another {name}: {known[name]}, not {value}; '
                'take another folder'
            )
    write_whole(path, json.dumps(known | asked, indent=1) + '\n')
    study.sets[0][0].acquisition.save(study.out / 'observed' / 'acquisition.json')
