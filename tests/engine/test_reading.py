"""No road of mmengine's or ours runs code from a checkpoint, unless the environment says that it is trusted."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from mmseg.apis import init_model
from torch import nn

from mmattn.cli.launch import read_checkpoint
from mmattn.common.errors import InputError
from mmattn.engine.reading import UnsafeCheckpointError, read_safely
from tests.tiny import write_tiny_config


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[str, Path]:
    """A checkpoint that runs code, and the folder that then appears."""
    sign = tmp_path / 'ran'
    torch.save(dict(state_dict=nn.Linear(2, 3).state_dict(), extra=Hostile(sign)), tmp_path / 'a.pth')
    return str(tmp_path / 'a.pth'), sign


@pytest.mark.parametrize(
    'variable', [None, ('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1'), ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')]
)
@pytest.mark.parametrize('road', ['mmengine', 'loader', 'init_model', 'ours'])
def test_code_in_a_checkpoint_is_not_run(hostile, road: str, variable, monkeypatch, tmp_path: Path):
    path, sign = hostile
    if variable:
        monkeypatch.setenv(*variable)
    roads = {
        'mmengine': lambda: load_checkpoint(nn.Linear(2, 3), path),
        'loader': lambda: CheckpointLoader.load_checkpoint(path),
        'init_model': lambda: init_model(str(write_tiny_config(tmp_path)), path, device='cpu'),
        'ours': lambda: read_checkpoint(path),
    }
    with pytest.raises((UnsafeCheckpointError, InputError), match=r'a\.pth.* cannot be read without running code'):
        roads[road]()
    assert not sign.exists()


def test_a_variable_opens_it(hostile, monkeypatch):
    path, sign = hostile
    monkeypatch.setenv('MMATTN_TRUST_CHECKPOINTS', '1')
    assert set(CheckpointLoader.load_checkpoint(path)) == {'state_dict', 'extra'}
    assert sign.is_dir()


def test_torch_load_is_as_it_was(hostile):
    path, sign = hostile
    torch.load(path, weights_only=False)
    assert sign.is_dir()


def test_what_the_runner_saves_is_read(tmp_path: Path):
    buffer = HistoryBuffer()
    buffer.update(1.5)
    meta = dict(epoch=1, best=np.float32(0.5), count=np.int64(3), names=('a', 'b'))
    torch.save(dict(state_dict={}, message_hub=dict(loss=buffer), meta=meta), tmp_path / 'a.pth')
    loaded = read_safely(str(tmp_path / 'a.pth'), map_location='cpu')
    assert loaded['meta'] == meta
    assert loaded['message_hub']['loss'].current() == 1.5


@pytest.mark.parametrize('content', [b'', b'<html>', b'PK\x03\x04', pickle.dumps([1, 2])[:-3]])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(UnsafeCheckpointError, match=r'a\.pth'):
        load_checkpoint(nn.Linear(2, 3), str(tmp_path / 'a.pth'))
