"""No road of mmengine's or ours runs code from a checkpoint, unless the environment says so; damage is noticed."""

import contextlib
import functools
import http.server
import io
import os
import pickle
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from mmseg.apis import MMSegInferencer, init_model
from torch import nn

from mmattn.checkpoints.reading import (
    CheckpointError,
    DamagedCheckpointError,
    UnsafeCheckpointError,
    check_whole_file,
    is_plain_config,
    read_safely,
)
from mmattn.cli.saved_weights import read_checkpoint
from mmattn.common.errors import InputError
from mmattn.models.weights.pretrained import Pretrained
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


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on this machine alone."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.mark.parametrize(
    'variable', [None, ('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1'), ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')]
)
@pytest.mark.parametrize(
    'road', ['mmengine', 'loader', 'init_model', 'inferencer', 'ours', 'init_cfg', 'http', 'runner']
)
def test_code_in_a_checkpoint_is_not_run(hostile, road: str, variable, monkeypatch, tmp_path: Path):
    path, sign = hostile
    if variable:
        monkeypatch.setenv(*variable)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))

    def by_http() -> None:
        with served(tmp_path) as address:
            load_checkpoint(nn.Linear(2, 3), f'{address}/a.pth')

    roads = {
        'mmengine': lambda: load_checkpoint(nn.Linear(2, 3), path),
        'loader': lambda: CheckpointLoader.load_checkpoint(path),
        'init_model': lambda: init_model(str(write_tiny_config(tmp_path)), path, device='cpu'),
        'inferencer': lambda: MMSegInferencer(str(write_tiny_config(tmp_path)), path, device='cpu'),
        'ours': lambda: read_checkpoint(path),
        'init_cfg': lambda: Pretrained(path).load_into(nn.Linear(2, 3)),
        'http': by_http,
        'runner': lambda: Runner.load_checkpoint(object.__new__(Runner), path),
    }
    with pytest.raises((CheckpointError, InputError, ValueError), match=r'a\.pth.* cannot be read without running'):
        roads[road]()
    assert not sign.exists()


@pytest.mark.slow
def test_mmengine_alone_is_closed_too(hostile, tmp_path: Path):
    """Without mmseg, whichever is imported first."""
    path, sign = hostile
    for first in ('import mmattn, mmengine.runner', 'import mmengine.runner, mmattn'):
        code = f'{first}; mmengine.runner.CheckpointLoader.load_checkpoint({path!r}, logger=None)'
        result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
        assert result.stderr.splitlines()[-1].startswith('mmattn.checkpoints.reading.UnsafeCheckpointError'), first
        assert not sign.exists()


def test_a_variable_opens_it(hostile, monkeypatch):
    path, sign = hostile
    monkeypatch.setenv('MMATTN_TRUST_CHECKPOINTS', '1')
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    assert set(CheckpointLoader.load_checkpoint(path)) == {'state_dict', 'extra'}
    assert sign.is_dir()
    assert os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] == '1'


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


class GetAttribute:
    def __reduce__(self):
        return getattr, (np.ndarray, 'tofile')


def test_only_statistics_are_taken_by_getattr(tmp_path: Path):
    torch.save(dict(a=GetAttribute()), tmp_path / 'a.pth')
    with pytest.raises(UnsafeCheckpointError, match='Unsupported getattr'):
        read_safely(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'content', [b'', b'<html>', b'PK\x03\x04', pickle.dumps([1, 2])[:-3], b'version https://git-lfs']
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match=r'a\.pth'):
        load_checkpoint(nn.Linear(2, 3), str(tmp_path / 'a.pth'))


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def test_damage_anywhere_is_noticed(tmp_path: Path):
    """A bit of the file turns: it is refused, or what is read is what was written."""
    written = dict(state_dict={'a': torch.rand(300), 'b': torch.rand(40, 5)}, meta=dict(epoch=1))
    torch.save(written, tmp_path / 'a.pth')
    content, refused = (tmp_path / 'a.pth').read_bytes(), 0
    for place in random.Random(0).sample(range(len(content)), 200):
        try:
            loaded = read_safely(io.BytesIO(damaged(content, place)))
        except CheckpointError:
            refused += 1
        else:
            assert loaded['meta'] == written['meta']
            assert all(torch.equal(loaded['state_dict'][name], value) for name, value in written['state_dict'].items())
    assert refused > 150


def test_damage_is_told_from_code(tmp_path: Path):
    torch.save(dict(state_dict=dict(a=torch.zeros(500))), tmp_path / 'a.pth')
    content = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(damaged(content, content.index(bytes(800)) + 400))
    message = r"'.*a\.pth' is damaged: 1 of its \d+ records, .*data/0 for one, are not what was written"
    with pytest.raises(DamagedCheckpointError, match=message):
        read_safely(tmp_path / 'a.pth')
    with pytest.raises(InputError, match=message):
        read_checkpoint(str(tmp_path / 'a.pth'))


def test_files_without_checksums_are_read_with_a_note(tmp_path: Path, caplog):
    torch.save(dict(a=torch.ones(2)), tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(dict(a=torch.ones(2)), tmp_path / 'without.pth')
    finally:
        torch.serialization.set_crc32_options(True)
    for name in 'old', 'without':
        assert read_safely(tmp_path / f'{name}.pth')['a'].sum() == 2
        assert f'{name}.pth has no checksums: damage in it would go unnoticed' in caplog.text


def test_a_checkpoint_that_grows_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', bytes(10**6))
    with pytest.raises(DamagedCheckpointError, match='compressed records'):
        check_whole_file(tmp_path / 'a.pth')


def test_plain_configs_are_told_from_programs():
    config = Config(
        dict(
            model=dict(type='A', layers=[1, -2.5, None], size=(3, 4)),
            custom_imports=dict(imports=['mmattn']),
            percentiles={'0.1': 11, '50': dict(a=1)},  # printed as dict({...})
        )
    )
    assert is_plain_config(config.pretty_text)
    assert is_plain_config("a = dict(type='mmseg.UNet', b={'type': 'BN', 'c': set([1])}, type_name='x.y')")
    for program in (
        "a = dict(type='os.system')",  # mmengine builds whatever can be imported
        "a = dict(b=[{'type': 'subprocess.Popen'}])",
        "a = dict(**{'type': 'os.system'})",
        "a = dict([('type', 'os.system')])",
        "a = dict({'type': 'os.system'})",
        'a = dict(dict)',
        "a = dict(type='mmengine.dump')",
        'import os',
        'a = open("x")',
        "_base_ = ['x.py']",
        'a = dict(b=(lambda: 1)())',
        'a = b',
        'a.b = 1',
        '(',
    ):
        assert not is_plain_config(program), program


@pytest.mark.slow
def test_the_text_of_a_config_is_not_run(tmp_path: Path):
    """It would be: where a training is resumed, and where an inferencer is made of a checkpoint alone."""
    sign = tmp_path / 'ran'
    config = Config.fromfile(write_tiny_config(tmp_path))
    config.work_dir = str(tmp_path)
    runner = Runner.from_cfg(config)
    runner.train()
    content = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    program = f'import os\nos.mkdir({str(sign)!r})\nmodel = dict()'
    content['meta']['config'] = content['message_hub']['runtime_info']['cfg'] = program
    torch.save(content, tmp_path / 'b.pth')
    Runner.from_cfg(Config({**config, 'experiment_name': 'resumed'})).resume(str(tmp_path / 'b.pth'))
    with contextlib.suppress(Exception):
        MMSegInferencer(weights=str(tmp_path / 'b.pth'), device='cpu')
    assert not sign.exists()
