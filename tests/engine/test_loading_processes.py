"""Processes that load data: who may end them. tests/engine/hooks/test_stop_safely.py has them in a training."""

import multiprocessing
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
