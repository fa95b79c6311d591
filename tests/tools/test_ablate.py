"""An ablation by one command."""

import csv
import fcntl
import shlex
from pathlib import Path

import pytest

from mmattn.studies import Cell, read_result
from tests.tiny import write_tiny_config
from tests.tools.run_here import Outcome, run_here
from tests.tools.run_tools import python


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_tiny_config(tmp_path, epochs=2)


@pytest.fixture
def ablate(monkeypatch, capsys, config: Path, tmp_path: Path):
    def call(*arguments: object, path: Path = config) -> Outcome:
        return run_here(monkeypatch, capsys, 'ablate.py', path, '--out', tmp_path / 'out', *arguments)

    return call


def test_a_dry_run_prints_commands_that_can_be_run(ablate, tmp_path: Path):
    outcome = ablate('--attention', 'none', 'se', '--seeds', 0, 1, '--dry-run', '--cfg-options', 'custom_hooks="[]"')
    assert outcome.returncode == 0
    commands = [shlex.split(line) for line in outcome.stdout.splitlines()]
    assert [Path(command[2]).parent.name for command in commands] == [
        f'{name}-seed{seed}' for seed in (0, 1) for name in ('none', 'SqueezeExcitation')
    ]
    for command in commands:
        assert Path(command[1]).name == 'train.py'
        assert Path(command[2]).is_file()
        assert command[-2:] == ['--cfg-options', 'custom_hooks="[]"']
    assert not (tmp_path / 'out' / 'results.csv').exists()


def test_mixed_precision_is_an_option_of_each_cell(ablate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('mmattn.cli.amp.amp_settings', lambda: dict(type='BFloat16OptimWrapper'))
    outcome = ablate('--attention', 'se', '--dry-run', '--amp')
    assert shlex.split(outcome.stdout)[-2:] == ['--cfg-options', 'optim_wrapper.type=BFloat16OptimWrapper']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--attention', 'foo'], "error: no attention 'foo'; there are all, none, additive, "),
        (['--attention', 'se', '--where', 'backbone'], 'ResNetV1c of depth 18 has basic blocks'),
        (['--attention', 'se', '--cfg-options', 'randomness.seed=3'], 'seeds and work directories are set for each'),
        (['--attention', 'se', '--seeds', 0, -1], 'seeds must be at least 0, got -1'),
        (['--attention', 'se', '--size', 0, 9], 'size must be at least 1 x 1, got 0 x 9'),
    ],
)
def test_errors_are_one_line_and_come_before_any_training(ablate, tmp_path, arguments: list[str], message: str):
    outcome = ablate(*arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr.strip().splitlines()[-1]
    assert not (tmp_path / 'out').exists()


def test_a_folder_of_another_ablation_or_at_work_is_refused(ablate, tmp_path: Path):
    assert ablate('--attention', 'se', '--dry-run').returncode == 0
    for other in (['--where', 'head'], ['--cfg-options', 'train_cfg.max_epochs=3']):
        outcome = ablate('--attention', 'se', '--dry-run', *other)
        assert outcome.returncode == 2
        assert 'holds another ablation (where=neck of' in outcome.stderr
    with (tmp_path / 'out' / '.lock').open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        outcome = ablate('--attention', 'se', '--dry-run')
    assert outcome.returncode == 2
    assert 'another comparison is at work' in outcome.stderr


@pytest.mark.slow
def test_one_cell_fails_the_other_is_reported_and_not_trained_again(tmp_path: Path):
    config = write_tiny_config(tmp_path, epochs=2)
    out = tmp_path / 'out'
    arguments = 'tools/ablate.py', config, '--attention', 'none', 'axial', '--where', 'head', '--out', out
    arguments += '--cfg-options', 'model.decode_head.channels=12'  # which the heads of axial attention do not divide
    first = python(*arguments, check=False)
    assert first.returncode == 1, first.stderr
    assert '0 of 2 cells are finished' in first.stdout
    results = [read_result(Cell(name, 0, out / f'{name}-seed0')) for name in ('none', 'AxialAttention')]
    assert [result.status for result in results] == ['finished', 'failed']
    assert results[0].metrics['salt_iou'] >= 0
    assert 'AxialAttention' in results[1].error
    with (out / 'results.csv').open() as file:
        rows = {row['attention']: row for row in csv.DictReader(file)}
    assert (rows['none']['seeds'], rows['none']['failed']) == ('1', '0')
    assert int(rows['none']['multiply_adds']) > 1e6
    assert (rows['AxialAttention']['seeds'], rows['AxialAttention']['failed']) == ('0', '1')
    assert (out / 'results.png').stat().st_size > 5000
    second = python(*arguments, check=False)
    assert '1 of 2 cells are finished' in second.stdout
    assert second.stdout.count('none-seed0:') == 0
    assert second.stdout.count('AxialAttention-seed0: failed: ') == 1
