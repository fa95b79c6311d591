"""Atomic checkpoints and safe loading."""

import logging
import os

import numpy as np
import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import load_checkpoint, save_checkpoint

from mmattn.engine.storage import AtomicBackend


def test_backend_by_name_writes_whole_files(tmp_path):
    backend = get_file_backend(backend_args=dict(backend='AtomicBackend'))
    backend.put(b'one', tmp_path / 'new' / 'a.pth')
    backend.put(b'two', tmp_path / 'new' / 'a.pth')
    assert (tmp_path / 'new' / 'a.pth').read_bytes() == b'two'
    assert os.listdir(tmp_path / 'new') == ['a.pth']


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    backend = AtomicBackend()
    backend.put(b'old', tmp_path / 'a.pth')

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', interrupt)
    with pytest.raises(KeyboardInterrupt):
        backend.put(b'new', tmp_path / 'a.pth')
    assert (tmp_path / 'a.pth').read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.pth']


def test_runner_checkpoints_load_without_running_code(tmp_path, caplog: pytest.LogCaptureFixture, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    layer, buffer = torch.nn.Linear(2, 3), HistoryBuffer()
    buffer.update(1.5)
    checkpoint = dict(
        state_dict=layer.state_dict(),
        message_hub=dict(log_scalars={'loss': buffer}),
        meta=dict(epoch=1, best=np.float32(0.5)),
    )
    save_checkpoint(checkpoint, str(tmp_path / 'a.pth'), backend_args=dict(backend='AtomicBackend'))
    with caplog.at_level(logging.WARNING):
        loaded = load_checkpoint(torch.nn.Linear(2, 3), str(tmp_path / 'a.pth'))
    assert loaded['meta']['best'] == np.float32(0.5)
    assert 'Could not safely load' not in caplog.text
