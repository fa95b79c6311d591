"""tools/export_onnx.py."""

from pathlib import Path

import pytest
import torch
from mmengine.runner import save_checkpoint
from mmseg.apis import init_model

from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


def test_wrong_command_lines_are_one_line(monkeypatch, capsys, tmp_path: Path):
    there = tmp_path / 'there.onnx'
    there.touch()
    cases = {
        ('a', str(tmp_path / 'x.pt')): 'must be an .onnx file',
        ('a', 'b', 'c', 'x.onnx'): 'got 4 names',
        ('a', str(there)): 'is there already; --force replaces it',
        ('ccnet_slat', 'gone.pth', str(tmp_path / 'x.onnx')): "did you mean 'ccnet_salt'",
        ('ccnet_salt', 'gone.pth', str(tmp_path / 'x.onnx')): "checkpoint 'gone.pth' is not a file",
        ('ccnet_salt', str(tmp_path / 'x.onnx')): 'whose weights do not come with mmattn',
    }
    for arguments, message in cases.items():
        outcome = run_here(monkeypatch, capsys, 'export_onnx.py', *arguments)
        assert (outcome.returncode, outcome.stderr.count('\n')) == (2, 1), outcome.stderr
        assert message in outcome.stderr


@pytest.mark.slow
def test_exports_and_compares(monkeypatch, capsys, tmp_path: Path):
    pytest.importorskip('onnxruntime')
    torch.manual_seed(0)
    config = write_tiny_config(tmp_path)
    model = init_model(str(config), device='cpu')
    save_checkpoint(dict(state_dict=model.state_dict(), meta={}), str(tmp_path / 'model.pth'))
    command = ['export_onnx.py', config, tmp_path / 'model.pth', tmp_path / 'x.onnx']
    outcome = run_here(monkeypatch, capsys, *command)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count('largest difference of the probability from PyTorch') == 4
    outcome = run_here(monkeypatch, capsys, *command, '--force', '--no-preprocessing')
    assert outcome.returncode == 0, outcome.stderr
    assert 'not compared' in outcome.stdout
