"""Processes that load data leave it to their parent what a signal to all of them means."""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial

from torch.utils.data import DataLoader

_FOR_THE_PARENT = tuple(getattr(signal, name) for name in ('SIGINT', 'SIGUSR1') if hasattr(signal, name))


def shield(loader: DataLoader) -> None:
    """Lets the processes that a loader will start outlive Ctrl-C, SIGTERM and SIGUSR1, unless their parent sends it.

    A terminal, ``timeout`` and Slurm's ``scancel`` signal all processes of a job at once. Without this, those that load
    data end, and the training fails for want of them before it has saved anything. They end with their parent.

    Args:
        loader: changed in place; where there is no ``sigwaitinfo`` (macOS, Windows) it stays as it is.
    """
    start = loader.worker_init_fn
    shielded = isinstance(start, partial) and start.func is _start
    if loader.num_workers and not shielded and hasattr(signal, 'sigwaitinfo'):
        loader.worker_init_fn = partial(_start, start)


def _start(start: Callable[[int], None] | None, worker: int) -> None:
    for number in _FOR_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_heed_parent, daemon=True).start()
    if start is not None:
        start(worker)


def _heed_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
