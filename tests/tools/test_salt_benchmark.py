"""The salt benchmark by one command."""

import csv
from pathlib import Path

import pytest

from tests.seismic.tgs_files import competition_files, write_files
from tests.tiny import ROOT
from tests.tools.run_here import run_here
from tests.tools.run_tools import python

TINY = """
_base_ = ['{base}']
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=64, channels={channels}),
    auxiliary_head=dict(in_channels=32, channels=8),
)
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(**loader)
val_dataloader = dict(**loader)
test_dataloader = val_dataloader
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.mark.slow
def test_networks_are_trained_tested_and_compared_and_a_failing_one_is_left_behind(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    source = write_files(tmp_path / 'source', competition_files())
    data, out = tmp_path / 'salt', tmp_path / 'out'
    python('tools/prepare_tgs.py', source, data, '--num-folds', 2)
    models = {'good': 16, 'fine': 24, 'bad': 16}
    for name, channels in models.items():
        text = TINY.format(base=ROOT / 'configs' / 'ccnet_salt.py', channels=channels)
        text += "model['decode_head'].update(in_index=9)\n" if name == 'bad' else ''  # it fails in training
        (tmp_path / f'{name}.py').write_text(text)
    command = ['salt_benchmark.py', '--data', data, '--out', out, '--images', 20, '--models']
    command += [tmp_path / f'{name}.py' for name in models]
    command += ['--cfg-options', *(f'{name}_dataloader.dataset.num_folds=2' for name in ('train', 'val', 'test'))]

    spent = run_here(monkeypatch, capsys, *command, '--budget', 0.0001)
    assert spent.returncode == 1, spent.stderr
    assert 'minutes are over: the same command goes on' in spent.stdout

    outcome = run_here(monkeypatch, capsys, *command)
    assert outcome.returncode == 1, outcome.stderr
    with (out / 'results.csv').open() as file:
        rows = {row['network']: row for row in csv.DictReader(file)}
    assert list(rows) == list(models)
    for name in ('good', 'fine'):
        row = rows[name]
        assert (row['trainings'], row['folds'], row['failed']) == ('1', '0', '0')
        assert 0 <= float(row['mean_precision_mean']) <= 1
        assert float(row['images_per_second']) > 0
        assert float(row['peak_memory_mib']) > 50
        held_out = (out / f'{name}-fold0-seed0' / 'tiles' / 'tiles.csv').read_text().splitlines()
        assert len(held_out) > 5
    assert (rows['bad']['trainings'], rows['bad']['failed']) == ('0', '1')
    text = (out / 'results.md').read_text()
    assert '--data DATA --out OUT' in text
    assert '- bad, fold 0, seed 0 failed: `' in text
    for picture in ('quality.png', 'curves.png', 'disagreement.png'):
        assert (out / picture).stat().st_size > 5000

    again = run_here(monkeypatch, capsys, *command, '--report-only')
    assert again.returncode == 0
    assert '| good |' in again.stdout


def test_wrong_input_ends_in_one_line(monkeypatch, capsys, tmp_path: Path):
    outcome = run_here(monkeypatch, capsys, 'salt_benchmark.py', '--data', tmp_path, '--out', tmp_path / 'out')
    assert outcome.returncode == 2
    assert 'folds.csv' in outcome.stderr
    assert not (tmp_path / 'out').exists()


def test_mixed_precision_that_is_not_there_is_an_error(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr('mmattn.cli.amp.amp_settings', dict)
    outcome = run_here(monkeypatch, capsys, 'salt_benchmark.py', '--data', tmp_path, '--out', tmp_path / 'out', '--amp')
    assert outcome.returncode == 2
    assert outcome.stderr.strip() == 'error: --amp: no GPU, and no bfloat16 in this processor'
