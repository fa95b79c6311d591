"""The epoch beside the pure model; its figures are for people to look at, never asserted."""

from pathlib import Path

import pytest

from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


@pytest.mark.slow
def test_loader_model_and_both(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.delenv('SALT_DATA', raising=False)
    config, table = write_tiny_config(tmp_path), tmp_path / 'table.csv'
    options = '--iterations', 2, '--workers', 1, '--device', 'cpu', '--channels-last', '--augment-on-device'
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'epoch', config, *options, '--out', table)
    assert outcome.returncode == 0, outcome.stderr
    assert '| tiny | cpu | float32 | NHWC | device | 1 | 4 | 2 |' in outcome.stdout
    header, line = (text.split(',') for text in table.read_text().splitlines())
    row = dict(zip(header, line, strict=True))
    assert all(float(row[f'{name} images/s']) > 0 for name in ('loader', 'model', 'both'))
    assert float(row['epoch / pure model']) > 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--iterations', 0), '--iterations must be positive, --workers not below 0: 0, None'),
        (('--workers', -1), '--iterations must be positive, --workers not below 0: 50, -1'),
        (('--amp',), '--amp: no GPU, and no bfloat16 in this processor'),
    ],
)
def test_wrong_options_end_in_one_line(options: tuple, message: str, monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr('mmattn.cli.amp.has_bfloat16', lambda: False)
    config = write_tiny_config(tmp_path)
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'epoch', config, '--device', 'cpu', *options)
    assert outcome.returncode == 2
    assert outcome.stderr.strip() == f'error: {message}'


def test_mixed_precision_on_a_cpu_beside_a_gpu_is_an_error(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    config = write_tiny_config(tmp_path)
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'epoch', config, '--device', 'cpu', '--amp')
    assert outcome.returncode == 2
    assert outcome.stderr.strip() == 'error: --amp on a CPU: hide the GPU by CUDA_VISIBLE_DEVICES='
