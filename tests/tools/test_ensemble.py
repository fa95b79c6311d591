"""An ensemble by one command."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmattn.cli.device import replace_sync_bn
from mmattn.studies.ensemble.masks import member_names
from mmattn.studies.ensemble.predictions import Member, predict_once
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


@pytest.fixture
def members(tmp_path: Path) -> list[str]:
    config = write_tiny_config(tmp_path)
    settings = Config.fromfile(config).model
    replace_sync_bn(settings)
    init_default_scope('mmseg')
    arguments = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = MODELS.build(settings)
        torch.save(dict(state_dict=model.state_dict()), tmp_path / f'{seed}.pth')
        arguments += ['--member', config, tmp_path / f'{seed}.pth']
    return arguments


def test_members_are_scored_averaged_and_read_again(monkeypatch, capsys, tmp_path: Path, members: list[str]):
    out = tmp_path / 'out'
    first = run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out, '--weights', 'fit', '--tta')
    assert first.returncode == 0, first.stderr
    lines = (out / 'results.md').read_text().splitlines()
    assert [line.split('|')[1].strip() for line in lines[2:6]] == [
        'tiny, ' + f'{tmp_path.name}/0',
        'tiny, ' + f'{tmp_path.name}/1',
        'plain average',
        'weighted average',
    ]
    assert sum(float(line.split('|')[2]) for line in lines[2:4]) == pytest.approx(1, abs=2e-3)
    assert 'weights fitted on the other half' in lines[6]
    with (out / 'submission.csv').open() as file:
        ids = [row['id'] for row in csv.DictReader(file)]
    assert len(ids) == 6
    with Image.open(out / 'masks' / f'{ids[0]}.png') as mask:
        assert mask.size == (40, 48)
    cached = {path: path.stat().st_mtime_ns for path in (out / 'cache').iterdir()}
    assert len(cached) == 2
    run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out, '--weights', 3, 1, '--tta')
    assert {path: path.stat().st_mtime_ns for path in (out / 'cache').iterdir()} == cached
    assert '| 0.750 |' in (out / 'results.md').read_text()
    run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out, '--tta', '--hysteresis', 0.999)
    assert 'smallest body 0 pixels, each above 0.999 somewhere, ' in (out / 'results.md').read_text()
    with Image.open(out / 'masks' / f'{ids[0]}.png') as mask:
        assert mask.getextrema() == (0, 0)


def test_masks_are_made_as_the_experiments_test(monkeypatch, capsys, tmp_path: Path, members: list[str]):
    rules = 'test_evaluator = dict(min_body=5000, hysteresis=0.95)'
    write_tiny_config(tmp_path, f"model['decode_head']['threshold'] = 0.3\n{rules}\n")  # in place of the members' own
    out = tmp_path / 'out'
    assert run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out).returncode == 0
    note = (out / 'results.md').read_text()
    assert 'threshold 0.3, smallest body 5000 pixels, each above 0.95 somewhere' in note
    assert all(np.asarray(Image.open(path)).max() == 0 for path in (out / 'masks').iterdir())
    other = tmp_path / 'other.py'
    other.write_text(f"_base_ = ['{members[1]}']\ntest_evaluator = dict(min_body=7)\n")
    members[4] = other
    outcome = run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out)
    assert outcome.returncode == 2
    assert '--min-body is needed' in outcome.stderr
    assert f'{members[1]} 5000, {other} 7' in outcome.stderr
    assert run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', out, '--min-body', 0).returncode == 0
    assert 'smallest body 0 pixels' in (out / 'results.md').read_text()


def test_names_tell_members_apart():
    members = [Member('c/best.py', f'runs/seed{seed}/work/epoch_4.pth') for seed in range(2)]
    assert member_names(members) == [f'best, seed{seed}/work/epoch_4' for seed in range(2)]
    assert member_names(members[:1]) == ['best, work/epoch_4']
    assert member_names(members[:1] * 2) == ['best, runs/seed0/work/epoch_4'] * 2


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--hysteresis', '0.4'], 'hysteresis must lie between the threshold, 0.5, and 1, got 0.4'),
        (['--min-body', '-1'], 'min_body must be at least 0, got -1'),
        (['--weights', 'best'], '--weights takes equal, fit or numbers'),
        (['--weights', '1'], '--weights takes equal, fit or numbers: weights must be 2 numbers from 0'),
    ],
)
def test_wrong_input(monkeypatch, capsys, tmp_path: Path, members: list[str], arguments: list[str], message: str):
    outcome = run_here(monkeypatch, capsys, 'ensemble.py', *members, '--out', tmp_path / 'out', *arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr


def test_a_backend_that_cannot_be_is_named(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr('mmattn.inference.backends.find_spec', lambda name: None)
    for tool, arguments in (
        ('ensemble.py', ['--member', 'a', 'b', '--out', tmp_path / 'x']),
        ('test.py', ['ccnet_salt', 'gone.pth']),
    ):
        outcome = run_here(monkeypatch, capsys, tool, *arguments, '--backend', 'openvino')
        assert (outcome.returncode, outcome.stderr.count('\n')) == (2, 1), outcome.stderr
        assert 'backend openvino needs openvino, onnx, onnxscript' in outcome.stderr


def test_a_member_may_be_computed_by_another_program(monkeypatch, tmp_path: Path, members: list[str]):
    asked = []
    monkeypatch.setattr('mmattn.studies.ensemble.predictions.run_by_backend', lambda *given: asked.append(given[1]))
    settings = dict(split=None, tta=False, options=None, device='cpu')
    predict_once(Member(*map(str, members[1:3])), tmp_path, **settings)
    predict_once(Member(*map(str, members[1:3])), tmp_path, **settings, backend='onnxruntime')
    assert asked == ['torch', 'onnxruntime']
