"""Opens what a page shows beside the page, which of a large SEG-Y file takes as long as reading all trace headers."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mmattn.seismic.segy.headers import header_progress

Opened = TypeVar('Opened')


class Opening(Generic[Opened]):
    """Calls a function in a thread of its own, which ends with the process.

    Args:
        work: opens, and returns what is opened.

    Attributes:
        progress: trace headers read so far, and their number; 0 of 0 before the first.
    """

    def __init__(self, work: Callable[[], Opened]) -> None:
        self.progress = 0, 0
        self._opened: Opened | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether it is opened, or cannot be."""
        return not self._thread.is_alive()

    @property
    def error(self) -> BaseException | None:
        """Why it could not be opened; None while that is not known."""
        return self._error if self.is_done else None

    def wait(self, seconds: float) -> bool:
        """Waits for it, but no longer; returns whether it is done."""
        self._thread.join(seconds)
        return self.is_done

    def result(self) -> Opened:
        """Waits for what is opened.

        Raises:
            BaseException: what the function raised.
        """
        while not self.wait(0.2):  # lets Ctrl-C through
            pass
        if self._error is not None:
            raise self._error
        return self._opened

    def _run(self, work: Callable[[], Opened]) -> None:
        try:
            with header_progress(self._tell):
                self._opened = work()
        except BaseException as error:
            self._error = error  # for the thread that asks for the result

    def _tell(self, count: int, total: int) -> None:
        self.progress = count, total
