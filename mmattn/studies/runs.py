"""Trains cells in processes of their own; whatever happens, what is finished stays on disk."""

import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmattn.costs.complexity import Complexity
from mmattn.engine.hooks.curves import read_curves, read_scalars
from mmattn.engine.storage import AtomicBackend

STATUSES = FINISHED, FAILED, UNFINISHED = 'finished', 'failed', 'unfinished'
_SAVE_EVERY = 10.0  # seconds
_ERROR_LINES = 5
_STEP = re.compile(r'(?:Epoch\(train\)\s+\[(?P<epoch>\d+)\]|Iter\(train\)\s*)\s*\[\s*(?P<done>\d+)/(?P<all>\d+)\]')


@dataclass(frozen=True)
class Cell:
    """One training of a comparison.

    Args:
        variant: what is compared: a layer, an experiment.
        seed: of the training.
        folder: for its config, log, work directory and result.
        fold: held out; None where there are no folds to choose from.
    """

    variant: str
    seed: int
    folder: Path
    fold: int | None = None

    @property
    def name(self) -> str:
        """As it is called on the screen and on disk."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """The config file."""
        return self.folder / 'config.py'

    @property
    def work_dir(self) -> Path:
        """Where the training writes."""
        return self.folder / 'work'


@dataclass
class Result:
    """What is known of a cell; ``result.json`` holds it.

    Args:
        variant: what is compared.
        seed: of the training.
        status: 'finished', 'failed' or 'unfinished'.
        seconds: spent in training so far, over all attempts.
        metrics: of the last validation, for a finished cell.
        error: the last lines of a failed cell's log.
        parameters: of the network as it predicts; None if it could not be counted.
        multiply_adds: of one prediction; None if it could not be counted.
        fold: held out; None where there are no folds to choose from.
        iteration_seconds: median time of an iteration of the training; None if unknown.
        peak_memory: MiB that the training held on a GPU or, without one, in its main process; None if unknown.
    """

    variant: str
    seed: int
    status: str = UNFINISHED
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ''
    parameters: int | None = None
    multiply_adds: int | None = None
    fold: int | None = None
    iteration_seconds: float | None = None
    peak_memory: float | None = None


def read_result(cell: Cell) -> Result:
    """Returns what is on disk of a cell, or a fresh result."""
    path = cell.folder / 'result.json'
    if not path.is_file():
        return Result(cell.variant, cell.seed, fold=cell.fold)
    return Result(**json.loads(path.read_text(encoding='utf-8')))


def train_command(cell: Cell, script: Path, options: Sequence[str], *, resume: bool) -> list[str]:
    """Returns the command line that trains a cell.

    Args:
        cell: with its config written.
        script: tools/train.py.
        options: ``key=value`` for ``--cfg-options``.
        resume: go on from the last checkpoint.
    """
    command = [sys.executable, str(script), str(cell.config), '--work-dir', str(cell.work_dir)]
    if resume:
        command.append('--resume')
    return [*command, '--cfg-options', *options] if options else command


def run_cell(
    cell: Cell,
    script: Path,
    options: Sequence[str],
    *,
    watch: Callable[[float], None],
    max_epochs: int | None,
    lock: int,
    environment: Mapping[str, str] | None = None,
    cost: Complexity | None = None,
    poll: float = 1.0,
) -> Result:
    """Trains a cell in a process of its own, on from its last checkpoint where there is one.

    A process that is interrupted with us is ended, and the time it took is kept.

    Args:
        cell: with its config written.
        script: tools/train.py.
        options: ``key=value`` for ``--cfg-options``.
        watch: called with the share of the training that is done, 0 to 1.
        max_epochs: of the training; None where it counts iterations.
        lock: file descriptor of the lock on the comparison, which the process holds too, should we be killed.
        environment: of the process; ours by default.
        cost: of the network, for the result.
        poll: seconds between looks at the process.

    Returns:
        The result, which is on disk as well.
    """
    result = read_result(cell)
    result.status, result.error = UNFINISHED, ''
    result.parameters, result.multiply_adds = (cost.parameters, cost.multiply_adds) if cost else (None, None)
    resume = (cell.work_dir / 'last_checkpoint').is_file()
    log_path = cell.folder / 'log.txt'
    with log_path.open('ab') as log:
        begin = log.tell()
        process = subprocess.Popen(
            train_command(cell, script, options, resume=resume),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(lock,),
        )

    def look() -> None:
        result.peak_memory = max(_resident_peak(process.pid), result.peak_memory or 0.0) or None
        watch(progress(_text(log_path, begin), max_epochs))

    code = _wait(process, cell, result, look, poll)
    _conclude(cell, result, code, _text(log_path, begin))
    write_result(cell, result)
    return result


def _wait(process: subprocess.Popen, cell: Cell, result: Result, look: Callable[[], None], poll: float) -> int:
    """Waits for a process and returns its exit code; its time is kept on disk, and it is ended if we are."""
    spent, start, saved = result.seconds, time.monotonic(), 0.0
    try:
        while True:
            result.seconds = spent + time.monotonic() - start
            if result.seconds - saved > _SAVE_EVERY:
                write_result(cell, result)
                saved = result.seconds
            try:
                return process.wait(timeout=poll)
            except subprocess.TimeoutExpired:
                look()
    finally:
        _end(process)
        result.seconds = spent + time.monotonic() - start
        write_result(cell, result)


def _conclude(cell: Cell, result: Result, code: int, log: str) -> None:
    """Sets status, metrics and error of a cell whose process has ended."""
    result.metrics = last_metrics(cell.work_dir) if code == 0 else {}
    result.peak_memory = max(read_scalars(cell.work_dir, 'memory'), default=result.peak_memory)
    times = read_scalars(cell.work_dir, 'time')
    result.iteration_seconds = statistics.median(times) if times else None
    result.status = FINISHED if result.metrics else FAILED
    if code:
        lines = [line for line in log.splitlines() if line.strip()]
        ending = [f'killed by signal {-code}'] if code < 0 else []
        result.error = '\n'.join([*lines[-_ERROR_LINES:], *ending]) or f'exit code {code}'
    elif not result.metrics:
        result.error = 'the training ended well but has no validation in its log'


def last_metrics(work_dir: Path) -> dict[str, float]:
    """Returns the metrics of the last validation of all runs in a work directory; none if there was no validation."""
    curves = [curve for curve in read_curves(work_dir) if curve.panel.startswith('validation')]
    last = max((curve.steps[-1] for curve in curves), default=None)
    return {curve.name: float(curve.values[-1]) for curve in curves if curve.steps[-1] == last}


def progress(log: str, max_epochs: int | None) -> float:
    """Returns the share of a training that its log shows as done.

    Args:
        log: mmengine's.
        max_epochs: of the training; None where it counts iterations.
    """
    steps = list(_STEP.finditer(log))
    if not steps:
        return 0.0
    last = steps[-1]
    share = int(last['done']) / int(last['all'])
    if last['epoch'] is not None and max_epochs:
        share = (int(last['epoch']) - 1 + share) / max_epochs
    return min(share, 1.0) if math.isfinite(share) else 0.0


def _resident_peak(pid: int) -> float:
    """MiB that a process had in memory at its highest; 0 where the system does not tell."""
    try:
        status = Path(f'/proc/{pid}/status').read_text()
    except OSError:
        return 0.0
    found = re.search(r'^VmHWM:\s+(\d+) kB', status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _text(path: Path, begin: int) -> str:
    """The log of this attempt, at most its last 64 KiB."""
    with path.open('rb') as file:
        file.seek(max(begin, path.stat().st_size - (1 << 16)))
        return file.read().decode('utf-8', errors='replace')


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_result(cell: Cell, result: Result) -> None:
    """Keeps a result on disk, whole or not at all."""
    text = json.dumps(asdict(result), indent=1)
    AtomicBackend().put(text.encode(), cell.folder / 'result.json')
