"""Trainings and tests that fail do so in one line."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmattn.cli.running import reason
from mmattn.common import disk
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


def train(config: Path, work: Path, monkeypatch, capsys, *options: str) -> str:
    """The one line in which a training ends."""
    result = run_here(monkeypatch, capsys, 'train.py', config, '--work-dir', work, *options)
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert 'Traceback' not in result.stderr
    return last


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['optim_wrapper.optimizer.type=AdamWW'], "'AdamWW' is not in the "),
        (['default_hooks.checkpoint.save_best=no_such_metric'], 'no_such_metric'),
        (['model.decode_head.in_index=9'], 'failed: '),
    ],
)
def test_what_fails_late_is_one_line(tmp_path: Path, monkeypatch, capsys, options: list[str], message: str):
    line = train(write_tiny_config(tmp_path), tmp_path / 'w', monkeypatch, capsys, '--cfg-options', *options)
    assert message in line
    if 'error.txt' in line:
        assert 'Traceback' in (tmp_path / 'w/error.txt').read_text()


def checkpoint(path: Path, **content: object) -> None:
    torch.save(dict(state_dict=dict(a=torch.zeros(2)), **content), path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(), 'does not say how far a training was: it cannot be resumed'),
        (dict(meta=dict(epoch='a', iter=1), message_hub={}), 'does not say how far'),
        (dict(meta=dict(epoch=1, iter=1), message_hub=dict(a=1), optimizer=3), 'failed: '),
    ],
)
def test_odd_checkpoints_are_one_line(tmp_path: Path, monkeypatch, capsys, content: dict, message: str):
    work = tmp_path / 'w'
    work.mkdir()
    checkpoint(work / 'a.pth', **content)
    (work / 'last_checkpoint').write_text(str(work / 'a.pth'))
    assert message in train(write_tiny_config(tmp_path), work, monkeypatch, capsys, '--resume')


@pytest.mark.parametrize('pointer', ['', 'gone.pth', '\0', 'a\nb'])
def test_a_damaged_pointer_is_one_line(tmp_path: Path, monkeypatch, capsys, pointer: str):
    work = tmp_path / 'w'
    work.mkdir()
    (work / 'last_checkpoint').write_text(pointer)
    line = train(write_tiny_config(tmp_path), work, monkeypatch, capsys, '--resume')
    assert 'last_checkpoint' in line


def test_a_published_file_that_is_none_is_one_line(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / 'a.pth').write_text('<html>')
    extra = f"model['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint={str(tmp_path / 'a.pth')!r})\n"
    line = train(write_tiny_config(tmp_path, extra), tmp_path / 'w', monkeypatch, capsys)
    assert 'a page of text' in line


def test_a_label_of_other_values_names_the_mask(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'masks').mkdir()
    for number in range(4):
        Image.fromarray(np.full((48, 40), 100, np.uint8)).save(tmp_path / f'images/{number}.png')
        Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40) % 3).save(tmp_path / f'masks/{number}.png')
    (tmp_path / 'train.csv').write_text('id,rle_mask\n0,\n1,\n2,\n3,\n')
    data = dict(_delete_=True, type='SaltDataset', data_root=str(tmp_path), fold=None, pipeline='_base_')
    extra = f"""
data = {data!r}
data['pipeline'] = [dict(type='LoadSaltSection'), dict(type='LoadSaltAnnotations'), dict(type='PackSegInputs')]
train_dataloader['dataset'] = data
"""
    for workers in (0, 1):
        work, options = tmp_path / f'w{workers}', ('--cfg-options', f'train_dataloader.num_workers={workers}')
        line = train(write_tiny_config(tmp_path, extra), work, monkeypatch, capsys, *options)
        assert 'masks/' in line
        assert '.png holds the values 0, 1, 2; expected 0 and one value above it' in line


def test_a_disk_without_room_is_said_before_the_training(tmp_path: Path, monkeypatch, capsys):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(disk.shutil, 'disk_usage', lambda path: usage(10**9, 0, 10**6))
    line = train(write_tiny_config(tmp_path), tmp_path / 'w', monkeypatch, capsys)
    assert 'what the training saves takes' in line
    assert line.endswith('; make room, then --resume goes on from the last checkpoint')


def test_errors_of_loading_processes_are_their_last_line():
    text = 'Caught ValueError in DataLoader worker process 0.\nOriginal Traceback:\n  File x\nValueError: mask a\n'
    assert reason(ValueError(text)) == 'ValueError: mask a'
    assert reason(KeyError('a')) == "KeyError: 'a'"
