"""Processes that load data leave it to their parent what a signal to all of them means."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial

from torch.utils.data import DataLoader

_FOR_THE_PARENT = {getattr(signal, name) for name in ('SIGINT', 'SIGUSR1') if hasattr(signal, name)}


def shield(loader: DataLoader) -> None:
    """Lets the processes that a loader will start outlive Ctrl-C, SIGTERM and SIGUSR1, unless their parent sends it.

    A terminal, ``timeout`` and Slurm's ``scancel`` signal all processes of a job at once. Without this, those that load
    data end, and the training fails for want of them before it has saved anything. They end with their parent.

    Args:
        loader: changed in place; where there is no ``sigwaitinfo`` (macOS, Windows) it stays as it is.
    """
    if loader.num_workers and not hasattr(loader, 'starts_shielded') and hasattr(signal, 'sigwaitinfo'):
        loader.worker_init_fn = partial(_start, loader.worker_init_fn)
        loader.__class__ = _shielded(type(loader))


def _shielded(loader: type[DataLoader]) -> type[DataLoader]:
    class Shielded(loader):
        """Starts processes with these signals held back, so that none comes before they know what to do with it."""

        starts_shielded = True

        def __iter__(self) -> Iterator:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT | {signal.SIGTERM})
            try:
                return super().__iter__()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return Shielded


def _start(start: Callable[[int], None] | None, worker: int) -> None:
    for number in _FOR_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
    threading.Thread(target=_heed_parent, daemon=True).start()
    if start is not None:
        start(worker)


def _heed_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
