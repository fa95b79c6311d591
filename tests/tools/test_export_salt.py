"""tools/export_salt.py: writes, calibrates by a label, and ends with one line where something is wrong."""

import json

import numpy as np
import pytest

from tests.seismic.export.surveys import SHAPE, ball, write_salt
from tests.tools.run_here import run_here


@pytest.fixture
def paths(tmp_path) -> dict:
    label = (ball() > 0.5).astype(np.float32)
    np.save(tmp_path / 'label.npy', label)
    np.save(tmp_path / 'wrong.npy', 3 * label)
    salt = write_salt(tmp_path / 'salt.sgy', np.roll(ball(), 1, axis=2))
    return dict(
        salt=salt,
        std=write_salt(tmp_path / 'std.sgy', np.full(SHAPE, 0.01)),
        small=write_salt(tmp_path / 'small.sgy', ball()[:4]),
        label=tmp_path / 'label.npy',
        wrong=tmp_path / 'wrong.npy',
        out=tmp_path / 'out',
    )


def test_writes_and_calibrates(paths, monkeypatch, capsys):
    words = [paths['salt'], '--out', paths['out'], '--std', paths['std'], '--label', paths['label'], '--meshes', 'obj']
    outcome = run_here(monkeypatch, capsys, 'export_salt.py', *words, '--sample-unit', 'm')
    assert outcome.returncode == 0, outcome.stderr
    summary = json.loads((paths['out'] / 'summary.json').read_text())
    held = summary['calibration']['top']
    assert held['held'] >= 0.85
    assert 0 < held['margin'] < 10  # the prediction lies a sample deeper
    assert summary['margins of the intervals']['top'] == held['margin']
    assert summary['standard deviations of the intervals'] == 1.6449
    assert 'top: intervals of' in outcome.stdout
    assert 'bodies: 1, 1 with meshes' in outcome.stdout
    assert summary['unit_of_z'] == 'm'
    assert sorted(path.name for path in (paths['out'] / 'bodies').iterdir()) == ['body_001.obj']


def test_what_cannot_be_calibrated_is_a_note(paths, tmp_path, monkeypatch, capsys):
    np.save(tmp_path / 'none.npy', np.zeros(SHAPE, np.uint8))
    words = [paths['salt'], '--out', paths['out'], '--std', paths['std'], '--label', tmp_path / 'none.npy']
    outcome = run_here(monkeypatch, capsys, 'export_salt.py', *words, '--meshes', '--polygons', '--coverage', '0.95')
    assert outcome.returncode == 0, outcome.stderr
    assert 'note: top: no trace has both predicted and true salt' in outcome.stdout
    assert 'its intervals are 1.6449 standard deviations wide on both sides' in outcome.stdout
    assert 'top: intervals of' not in outcome.stdout
    assert not (paths['out'] / 'bodies').exists()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['gone.sgy'], "SEG-Y file 'gone.sgy' does not exist"),
        (['{wrong}'], 'wrong.npy must hold probabilities from 0 to 1, got 0 to 3'),
        (['{salt}', '--std', '{small}'], 'std small.sgy must be on the grid of salt.sgy, 14 x 16 x 30'),
        (['{salt}', '--label', '{label}'], '--label calibrates the intervals of a standard deviation: give --std'),
        (['{salt}', '--std', '{std}', '--factor', '-1'], 'factor must be'),
        (['{salt}', '--meshes', 'stl'], "meshes must be one of 'obj', 'ply', 'vtk', 'ts', got 'stl'"),
        (['{salt}', '--threshold', '0'], 'threshold must lie between 0 and 1, got 0.0'),
        (['{salt}', '--every', '0'], 'every must be at least 1, got 0'),
    ],
)
def test_wrong_input_is_one_line(paths, monkeypatch, capsys, words: list[str], message: str):
    words = [word.format(**paths) for word in words]
    outcome = run_here(monkeypatch, capsys, 'export_salt.py', *words, '--out', paths['out'])
    assert outcome.returncode == 2
    assert outcome.stderr.startswith('error: ')
    assert message in outcome.stderr
    assert outcome.stderr.count('\n') == 1
