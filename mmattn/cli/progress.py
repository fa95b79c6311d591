"""What is done of long work and the time left: a bar on a terminal, else a line now and then; on the error output."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_EVERY = 30.0  # seconds from line to line
Item = TypeVar('Item')


def progress_bar(*, speed_estimate_period: float = 30.0, transient: bool = False, on_output: bool = False) -> Progress:
    """Returns the bar that all tools draw, for work whose steps report by themselves.

    Args:
        speed_estimate_period: seconds of work from which the time left is estimated.
        transient: whether it goes once the work is done.
        on_output: whether it, and the lines printed above it, go to the standard output.
    """
    columns = TextColumn('{task.description}'), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(
        *columns,
        TextColumn('left'),
        TimeRemainingColumn(),
        console=Console(stderr=not on_output),
        speed_estimate_period=speed_estimate_period,
        transient=transient,
    )


def tracked(items: Iterable[Item], description: str, *, total: int | None = None) -> Iterator[Item]:
    """Yields the items and shows how many are done.

    Args:
        items: what is worked on, one after the other.
        description: of the work.
        total: their number, where they have no length.
    """
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    with Display(transient=True) as display:
        for done, item in enumerate(items):
            yield item
            display(description, done + 1, count)


class Display:
    """Shows the stages of some work on the error output; a context manager, called as the work goes on.

    Args:
        active: shows nothing if False, as in all processes of a prediction but the first.
        transient: whether the bar goes once the work is done, and no line tells of the end.
    """

    def __init__(self, *, active: bool = True, transient: bool = False) -> None:
        self.active, self.transient = active, transient
        self._bar = progress_bar(transient=transient)
        self._on_terminal = self._bar.console.is_terminal and active
        self._task, self._stage, self._first = None, '', 0
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
            self._start, self._first = now, done  # what an earlier run had done took this one no time
            self._shown = now
        self._stage = stage
        ended = done == total and not self.transient
        if not self._on_terminal and (ended or now - self._shown > _EVERY):
            self._shown = now
            left = (now - self._start) / max(done - self._first, 1) * (total - done)
            print(f'{stage}: {done} of {total}, about {left:.0f} s left', file=sys.stderr, flush=True)
