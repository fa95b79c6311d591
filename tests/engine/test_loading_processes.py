"""Processes that load data: who may end them. tests/engine/hooks/test_stop_safely.py has them in a training."""

import multiprocessing
import os
import signal
import subprocess
import time

import pytest
from torch.utils.data import DataLoader

from mmattn.engine.loading_processes import shield


@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='asks who sent a signal')
def test_they_outlive_others_and_end_with_their_parent():
    started = multiprocessing.Value('i')
    loader = DataLoader(range(4), num_workers=1, worker_init_fn=lambda worker: setattr(started, 'value', 1 + worker))
    shield(loader)
    shield(loader)  # once is enough
    batches = iter(loader)
    next(batches)
    assert started.value == 1  # what the loader had is called too
    (process,) = multiprocessing.active_children()
    subprocess.run(['kill', '-TERM', str(process.pid)], check=True)
    time.sleep(0.3)
    assert process.is_alive()
    process.terminate()
    process.join(20)
    assert process.exitcode == 0


@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='asks who sent a signal')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_at_their_very_beginning_does_not_end_them(number: int):
    armed = [True]
    os.register_at_fork(after_in_child=lambda: armed and os.kill(os.getpid(), number))
    loader = DataLoader(range(4), num_workers=2, multiprocessing_context='fork')
    shield(loader)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        assert [int(batch) for batch in loader] == [0, 1, 2, 3]
    finally:
        armed.clear()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
