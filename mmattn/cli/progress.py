"""What is done of long work and the time left: a bar on a terminal, else a line now and then."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_EVERY = 30.0  # seconds from line to line


class Display:
    """Shows the stages of some work on the error output; a context manager, called as the work goes on.

    Args:
        active: shows nothing if False, as in all processes of a prediction but the first.
    """

    def __init__(self, *, active: bool = True) -> None:
        columns = TextColumn('{task.description}'), BarColumn(), TaskProgressColumn()
        console = Console(stderr=True)
        self.active = active
        self._bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)
        self._on_terminal = console.is_terminal and active
        self._task, self._stage = None, ''
        self._start = self._shown = time.monotonic()

    def __enter__(self) -> 'Display':
        if self._on_terminal:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._on_terminal:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Takes the name of the stage, what is done of it and its total."""
        if not self.active:
            return
        if self._on_terminal:
            if stage != self._stage:
                self._task = self._bar.add_task(stage, total=total)
            self._bar.update(self._task, completed=done)
        now = time.monotonic()
        if stage != self._stage:
            self._start = self._shown = now
        self._stage = stage
        if not self._on_terminal and (done == total or now - self._shown > _EVERY):
            self._shown = now
            left = (now - self._start) / max(done, 1) * (total - done)
            print(f'{stage}: {done} of {total}, about {left:.0f} s left', file=sys.stderr, flush=True)
