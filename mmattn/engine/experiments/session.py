"""What every comparison does around its cells: a lock on the folder, progress with time left, a line an outcome."""

import fcntl
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mmattn.engine.experiments.runs import FAILED, Result


def end_on_sigterm() -> None:
    """Makes SIGTERM end the process as Ctrl-C does, also where SIGINT is ignored, as in a shell's background."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


@contextmanager
def locked(out: Path) -> Iterator[int]:
    """Keeps other comparisons, and a process left over from a killed one, out of a folder; gives the lock's descriptor.

    Raises:
        ValueError: if another one is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / '.lock').open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f'another comparison is at work in {str(out)!r}') from None
        yield file.fileno()


def cells_progress() -> Progress:
    """A progress bar that shows the time left."""
    columns = TextColumn('{task.description}'), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(*columns, TextColumn('left'), TimeRemainingColumn(), speed_estimate_period=3600)


def outcome(result: Result, metrics: Sequence[str]) -> str:
    """One line on what became of a cell."""
    if result.status == FAILED:
        return f'failed: {result.error.splitlines()[-1]}'
    scores = ', '.join(f'{name} {result.metrics[name]:.4f}' for name in metrics if name in result.metrics)
    return f'{scores} in {result.seconds:.0f} s'
