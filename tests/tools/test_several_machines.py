"""Two agents of torchrun on this machine, as two machines are; processes that die; nothing listens to others."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import write_tiny_config
from tests.tools.run_tools import ROOT, run
from tests.tools.test_predict_segy import OPTIONS, inputs  # noqa: F401

pytestmark = pytest.mark.slow


def free_port() -> str:
    with socket.create_server(('127.0.0.1', 0)) as server:
        return str(server.getsockname()[1])


def on_two(*command: object) -> list[str]:
    """Runs a command once a node, both at the same time."""
    environment = dict(os.environ, NNODES='2', PORT=free_port(), OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT))
    environment['PATH'] = f'{Path(sys.executable).parent}:{environment["PATH"]}'
    texts = list(map(str, command))
    nodes = [
        subprocess.Popen(
            texts, cwd=ROOT, env=environment | dict(NODE_RANK=str(rank)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    said = [node.communicate(timeout=500)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    return said


def test_two_nodes_train_as_two_processes_do(tmp_path: Path):
    config = write_tiny_config(tmp_path, "train_dataloader['batch_size'] = 2\n")
    on_two('bash', 'tools/dist_train.sh', config, 1, '--work-dir', tmp_path / 'nodes')
    run('bash', 'tools/dist_train.sh', config, 2, '--work-dir', tmp_path / 'one', PORT=free_port())
    ours, theirs = (
        torch.load(tmp_path / name / 'epoch_1.pth', weights_only=False)['state_dict'] for name in ('nodes', 'one')
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_two_nodes_predict_as_one_process_does(inputs, tmp_path: Path):  # noqa: F811
    """Each writes files of its own into a Zarr group."""
    zarr = pytest.importorskip('zarr')
    two, one = (['--zarr', tmp_path / f'{name}.zarr', *OPTIONS] for name in ('nodes', 'one'))
    on_two('bash', 'tools/dist_predict_segy.sh', *inputs, tmp_path / 'nodes.npy', 1, *two)
    run(sys.executable, 'tools/predict_segy.py', *inputs, tmp_path / 'one.npy', *one)
    assert np.array_equal(np.load(tmp_path / 'nodes.npy'), np.load(tmp_path / 'one.npy'))
    groups = [zarr.open_group(tmp_path / f'{name}.zarr', mode='r') for name in ('nodes', 'one')]
    for name in ('probability', 'std', 'iline', 'live'):
        assert np.array_equal(groups[0][name][...], groups[1][name][...])
    assert groups[0]['probability'].shards[0] < groups[0]['probability'].shape[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['nodes.npy', 'nodes.zarr', 'one.npy', 'one.zarr']


LISTENING = """
import glob, os, torch
torch.distributed.init_process_group('gloo')
torch.distributed.barrier()
own = set()
for process in (os.getpid(), os.getppid()):
    for path in glob.glob(f'/proc/{process}/fd/*'):
        try:
            own.add(os.readlink(path))
        except OSError:
            pass
for name in ('tcp', 'tcp6'):
    for line in open(f'/proc/net/{name}').read().splitlines()[1:]:
        words = line.split()
        if words[3] == '0A' and f'socket:[{words[9]}]' in own:
            print('listens', words[1].split(':')[0])
torch.distributed.barrier()
"""


@pytest.mark.skipif(not Path('/proc/net/tcp').is_file(), reason='asks Linux who listens')
def test_one_machine_listens_on_the_loopback_alone(tmp_path: Path):
    (tmp_path / 'a.py').write_text(LISTENING)
    options = '--nnodes=1', '--master_addr=127.0.0.1', f'--master_port={free_port()}', '--nproc_per_node=2'
    said = run(sys.executable, 'tools/torchrun.py', *options, tmp_path / 'a.py').stdout
    places = {line.split()[1] for line in said.splitlines() if line.startswith('listens')}
    assert places == {'0100007F'}


DYING = """
custom_hooks = [dict(type='DieOnce')]
train_dataloader['batch_size'] = 2
"""


def test_a_training_whose_process_dies_goes_on_by_itself(tmp_path: Path):
    config = write_tiny_config(tmp_path, DYING, epochs=2, imports=('tests.tools.distributed_hooks',))
    command = 'bash', 'tools/dist_train.sh', config, 2, '--checkpoint-every', 1, '--work-dir'
    run(*command, tmp_path / 'whole', PORT=free_port(), PYTHONPATH=str(ROOT))
    settings = dict(DIE_AT='6', DIED=str(tmp_path / 'died'), MAX_RESTARTS='2', PYTHONPATH=str(ROOT))
    run(*command, tmp_path / 'work', PORT=free_port(), **settings)
    assert (tmp_path / 'died').is_file()
    ours, theirs = (
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)['state_dict'] for name in ('work', 'whole')
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def process_of(rank: int, path: Path) -> int | None:
    """The number of a process of torchrun that predicts into a path."""
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            words, environment = (folder / name for name in ('cmdline', 'environ'))
            is_one = (
                str(path).encode() in words.read_bytes() and f'LOCAL_RANK={rank}'.encode() in environment.read_bytes()
            )
        except OSError:
            continue
        if is_one:
            return int(folder.name)
    return None


@pytest.mark.skipif(not Path('/proc/self/environ').is_file(), reason='looks for processes as Linux shows them')
def test_a_prediction_whose_process_dies_goes_on_by_itself(inputs, tmp_path: Path):  # noqa: F811
    run(sys.executable, 'tools/predict_segy.py', *inputs, tmp_path / 'one.npy', *OPTIONS)
    environment = dict(os.environ, PORT=free_port(), OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT), MAX_RESTARTS='2')
    environment['PATH'] = f'{Path(sys.executable).parent}:{environment["PATH"]}'
    out = tmp_path / 'two.npy'
    command = 'bash', 'tools/dist_predict_segy.sh', *inputs, out, 2, *OPTIONS
    with open(tmp_path / 'log', 'w') as log:
        agent = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=log, stderr=log)
        while agent.poll() is None and not (tmp_path / 'two.npy.partial/journal-1.txt').is_file():
            time.sleep(0.02)
        victim = process_of(1, out)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        assert agent.wait(timeout=500) == 0, (tmp_path / 'log').read_text()
    assert victim is not None
    assert np.array_equal(np.load(out), np.load(tmp_path / 'one.npy'))
    assert {path.name for path in tmp_path.iterdir()} == {'one.npy', 'two.npy', 'log'}
