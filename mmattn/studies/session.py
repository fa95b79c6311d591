"""What every comparison does around its cells: a lock on the folder, progress with time left, a line an outcome."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress

from mmattn.cli.command_line import check_folder
from mmattn.cli.progress import progress_bar
from mmattn.common.files import hold_folder
from mmattn.studies.runs import FAILED, Result


@contextmanager
def locked(out: Path) -> Iterator[int]:
    """Keeps other comparisons, and a process left over from a killed one, out of a folder; gives the lock's descriptor.

    Raises:
        InputError: if nothing can be written there.
        ValueError: if another one is at work there.
    """
    check_folder('--out', out)
    try:
        lock = hold_folder(out, '.lock')
    except FileExistsError as error:
        raise ValueError(f'another comparison is at work in {str(out)!r}: {error}') from None
    try:
        yield lock
    finally:
        os.close(lock)


def cells_progress() -> Progress:
    """A progress bar for trainings, which differ in length."""
    return progress_bar(speed_estimate_period=3600, on_output=True)


def outcome(result: Result, metrics: Sequence[str]) -> str:
    """One line on what became of a cell."""
    if result.status == FAILED:
        return f'failed: {result.error.splitlines()[-1]}'
    scores = ', '.join(f'{name} {result.metrics[name]:.4f}' for name in metrics if name in result.metrics)
    return f'{scores} in {result.seconds:.0f} s'
