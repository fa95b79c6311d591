"""Training, testing and prediction need no network: nothing is looked up, and no connection is made."""

import socket
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here

pytestmark = pytest.mark.slow


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Every way out is closed; what was tried is kept."""
    tried: list[tuple] = []

    def refuse(*args: object, **_: object) -> None:
        tried.append(args)
        raise OSError(f'the network is cut off: {args}')

    for name in ('connect', 'connect_ex', 'sendto', 'bind'):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ('getaddrinfo', 'gethostbyname', 'create_connection', 'create_server'):
        monkeypatch.setattr(socket, name, refuse)
    return tried


def test_training_testing_and_prediction(no_network, tmp_path: Path, monkeypatch, capsys):
    config, work = write_tiny_config(tmp_path), tmp_path / 'work'
    options = '--window', 32, 32, '--device', 'cpu', '--yes'
    np.save(tmp_path / 'in.npy', np.random.default_rng(0).normal(size=(3, 40, 50)).astype(np.float32))
    for tool, *arguments in (
        ('train.py', config, '--work-dir', work),
        ('train.py', config, '--work-dir', tmp_path / 'more', '--cfg-options', f'load_from={work}/epoch_1.pth'),
        ('test.py', config, work / 'epoch_1.pth', '--work-dir', work, '--tta'),
        ('predict_segy.py', config, work / 'epoch_1.pth', tmp_path / 'in.npy', tmp_path / 'out.npy', *options),
    ):
        result = run_here(monkeypatch, capsys, tool, *arguments)
        assert result.returncode == 0, result.stderr
    assert np.load(tmp_path / 'out.npy').shape == (3, 40, 50)
    assert no_network == []
