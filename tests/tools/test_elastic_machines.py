"""Two agents of torchrun on this machine, as two machines are, of which one is lost: the other goes on alone."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import ROOT, write_tiny_config
from tests.tools.run_tools import run
from tests.tools.test_predict_segy import OPTIONS, inputs  # noqa: F401
from tests.tools.test_several_machines import free_port

pytestmark = pytest.mark.slow


class Machine:
    """An agent with its processes, in a session of its own."""

    def __init__(self, command: tuple, log: Path, **environment: str) -> None:
        own = dict(
            os.environ, NNODES='1:2', OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT), LAST_CALL='20', MAX_RESTARTS='3'
        )
        own['PATH'] = f'{Path(sys.executable).parent}:{own["PATH"]}'
        self.log = log
        with open(log, 'w') as file:
            self.agent = subprocess.Popen(
                list(map(str, command)), cwd=ROOT, env=own | environment, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip

    def is_lost(self) -> None:
        """Ends all of it at once; torchrun gives each process a session of its own."""
        parents = {}
        for path in Path('/proc').glob('[0-9]*/status'):
            with suppress(OSError):  # it has ended
                parents[int(path.parent.name)] = int(path.read_text().partition('PPid:')[2].split()[0])
        lost = [self.agent.pid]
        for one in lost:
            lost += [process for process, parent in parents.items() if parent == one]
        for one in lost:
            os.kill(one, signal.SIGKILL)
        self.agent.wait()


def when(condition, machine: Machine, seconds: float = 240) -> None:
    """Waits for something while a machine works."""
    end = time.monotonic() + seconds
    while not condition():
        assert machine.agent.poll() is None, machine.log.read_text()
        assert time.monotonic() < end, machine.log.read_text()
        time.sleep(0.02)


def answers(port: str) -> bool:
    """Tells whether somebody listens there."""
    with suppress(ConnectionRefusedError), socket.create_connection(('127.0.0.1', int(port)), timeout=10):
        return True
    return False


def test_a_prediction_goes_on_when_a_machine_is_lost(inputs, tmp_path: Path):  # noqa: F811
    run(sys.executable, 'tools/predict_segy.py', *inputs, tmp_path / 'one.npy', *OPTIONS)
    out, port = tmp_path / 'two.npy', free_port()
    command = 'bash', 'tools/dist_predict_segy.sh', *inputs, out, 1, *OPTIONS
    first = Machine(command, tmp_path / 'first.log', PORT=port)
    when(lambda: answers(port), first)  # so that this one makes the store
    second = Machine(command, tmp_path / 'second.log', PORT=port)
    when((tmp_path / 'two.npy.partial/journal-1.txt').is_file, first)
    second.is_lost()
    assert first.agent.wait(timeout=240) == 0, first.log.read_text()
    assert np.array_equal(np.load(out), np.load(tmp_path / 'one.npy'))
    assert 'resumed: ' in first.log.read_text()


# Neither statistics of a batch, nor sections of several sizes that a batch fills up, nor what the network draws: these
# differ from process to process.
NOTHING_BY_PROCESS = """
norm_cfg = dict(type='GN', num_groups=4)
model['backbone'].update(norm_cfg=dict(_delete_=True, **norm_cfg))
for head in 'decode_head', 'auxiliary_head':
    model[head].update(norm_cfg=dict(_delete_=True, **norm_cfg), dropout_ratio=0)
train_dataloader['batch_size'] = 2
train_dataloader['dataset']['pipeline'] = [
    *(dict(type=kind) for kind in ('LoadSaltSection', 'LoadSaltAnnotations', 'SingleChannel')),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomAmplitude', gain=(0.8, 1.25)),
    dict(type='PackSegInputs', meta_keys=_base_.meta_keys),
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.05))
"""


def test_a_training_goes_on_with_one_process_of_two(tmp_path: Path):
    """From the same samples an iteration: the weights are those of two processes but for rounding."""
    config = write_tiny_config(tmp_path, NOTHING_BY_PROCESS, epochs=2)
    command = 'bash', 'tools/dist_train.sh', config
    run(*command, 2, '--work-dir', tmp_path / 'two', PORT=free_port())
    work = tmp_path / 'one'
    work.mkdir()
    (work / 'epoch_1.pth').write_bytes((tmp_path / 'two' / 'epoch_1.pth').read_bytes())
    (work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))
    said = run(*command, 1, '--resume', '--work-dir', work, PORT=free_port())
    assert '1 processes in place of 2: 4 samples in each, 4 an iteration as before' in said.stdout + said.stderr
    ours, theirs = (torch.load(folder / 'epoch_2.pth', weights_only=False) for folder in (work, tmp_path / 'two'))
    assert ours['meta']['iter'] == theirs['meta']['iter']
    for name, value in theirs['state_dict'].items():
        torch.testing.assert_close(ours['state_dict'][name], value, rtol=0, atol=1e-5, msg=name)
