"""Trains and tests the cells of a salt benchmark, one after another or one a GPU."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from rich.progress import Progress

from mmattn.costs.complexity import Complexity, segmentor_complexity
from mmattn.studies import FAILED, FINISHED, Cell, Result, cells_progress, outcome, read_result, run_cell, write_result
from mmattn.studies.salt_benchmark.plan import Benchmark, cell_config, environment

_TILE = 101, 101  # at which networks are counted


class BudgetSpentError(Exception):
    """The time for the whole benchmark is over."""


def run(
    benchmark: Benchmark,
    tools: Path,
    *,
    devices: Sequence[str | None],
    minutes: float | None,
    lock: int,
    metrics: Sequence[str],
    report: Callable[[], object],
) -> bool:
    """Trains and tests what is not finished.

    A cell that fails is recorded and left behind. When the time is over, or on an interrupt, the trainings at work are
    ended; the same call takes them up at their last checkpoints.

    Args:
        benchmark: prepared.
        tools: folder of train.py and test.py.
        devices: a cell runs on each at a time: ``CUDA_VISIBLE_DEVICES``, or None for what the process sees.
        minutes: after which work ends; None for no limit.
        lock: as ``locked`` gives it.
        metrics: shown of each cell.
        report: called after each cell, to bring tables up to date.

    Returns:
        Whether all cells are finished.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    todo = [cell for cell in benchmark.cells if not _is_done(cell)]
    stop, writing = threading.Event(), threading.Lock()
    with cells_progress() as progress:
        say = partial(progress.console.print, markup=False, highlight=False, soft_wrap=True)
        done = len(benchmark.cells) - len(todo)
        say(f'{done} of {len(benchmark.cells)} cells are finished')
        bar = progress.add_task('all cells', total=len(benchmark.cells), completed=done)

        def work(cell: Cell, device: str | None) -> None:
            watch = _Watch(progress, bar, stop, deadline)
            result = _run_one(benchmark, cell, tools, device, lock, watch)
            watch.advance(1.0)
            with writing:
                say(f'{cell.name}: {outcome(result, metrics)}')
                report()

        try:
            _share(work, todo, devices, stop)
        except BudgetSpentError:
            say(f'{minutes:g} minutes are over: the same command goes on')
    return all(_is_done(cell) for cell in benchmark.cells)


def _share(
    work: Callable[[Cell, str | None], None],
    cells: Sequence[Cell],
    devices: Sequence[str | None],
    stop: threading.Event,
) -> None:
    """Works through cells, one a device at a time; after an error ``stop`` is set, and those that wait are dropped."""
    free: SimpleQueue[str | None] = SimpleQueue()
    for device in devices:
        free.put(device)

    def take(cell: Cell) -> None:
        device = free.get()
        try:
            work(cell, device)
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(devices)) as pool:
        futures = [pool.submit(take, cell) for cell in cells]
        try:
            for future in futures:
                future.result()
        finally:
            stop.set()  # threads end their trainings before the pool is left
            for future in futures:
                future.cancel()


def _is_done(cell: Cell) -> bool:
    return read_result(cell).status == FINISHED and (cell.folder / 'tiles' / 'tiles.csv').is_file()


class _Watch:
    """What a cell calls with its share: it moves the bar, and raises when the cell has to end."""

    def __init__(self, progress: Progress, bar: int, stop: threading.Event, deadline: float | None) -> None:
        self._progress, self._bar, self._stop, self._deadline = progress, bar, stop, deadline
        self._share = 0.0

    def __call__(self, share: float) -> None:
        if self._stop.is_set() or (self._deadline is not None and time.monotonic() > self._deadline):
            raise BudgetSpentError
        self.advance(share)

    def advance(self, share: float) -> None:
        """Moves the bar only."""
        self._progress.advance(self._bar, share - self._share)
        self._share = share


def _run_one(
    benchmark: Benchmark,
    cell: Cell,
    tools: Path,
    device: str | None,
    lock: int,
    watch: Callable[[float], None],
) -> Result:
    """Trains a cell where that is not done, and tests it."""
    watch(0.0)
    settings = environment(benchmark)
    if device is not None:
        settings['CUDA_VISIBLE_DEVICES'] = device
    result = read_result(cell)
    if result.status != FINISHED:
        result = run_cell(
            cell,
            tools / 'train.py',
            benchmark.options,
            watch=watch,
            max_epochs=benchmark.epochs(cell),
            lock=lock,
            environment=settings,
            cost=_cost(benchmark, cell),
        )
    if result.status == FINISHED:
        _test(benchmark, cell, tools, settings, lock, result)
    return result


def _cost(benchmark: Benchmark, cell: Cell) -> Complexity | None:
    try:
        return segmentor_complexity(cell_config(benchmark, cell), _TILE)
    except Exception:  # the training will show what is wrong; without a cost it is still worth having
        return None


def _test(benchmark: Benchmark, cell: Cell, tools: Path, settings: dict[str, str], lock: int, result: Result) -> None:
    """Writes the predicted masks and the scores of the held-out tiles; on failure the cell counts as failed."""
    checkpoint = Path((cell.work_dir / 'last_checkpoint').read_text().strip())
    command = [sys.executable, tools / 'test.py', cell.config, checkpoint, '--out', cell.folder / 'tiles']
    command += ['--work-dir', cell.folder / 'test']
    command += ['--cfg-options', *benchmark.options] if benchmark.options else []
    with (cell.folder / 'test.txt').open('w') as log:
        code = subprocess.call(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=settings,
            pass_fds=(lock,),
        )
    if code:
        result.status = FAILED
        result.error = '\n'.join((cell.folder / 'test.txt').read_text().splitlines()[-5:]) or f'exit code {code}'
        write_result(cell, result)
