"""Backends beside PyTorch; figures are for people to look at, never asserted."""

from pathlib import Path

import pytest

from mmattn.costs.benchmarks import backends
from mmattn.costs.benchmarks.backends import compare_backends
from tests.tiny import write_tiny_config


@pytest.mark.parametrize('has', [False, True])
def test_every_way_is_a_row(monkeypatch, tmp_path: Path, has: bool):
    monkeypatch.setattr(backends, 'has_bfloat16', lambda: has)
    rows = compare_backends(str(write_tiny_config(tmp_path)), (), batch_size=2, window=(32, 64), repeats=1)
    expected = ['model as built', 'prepared model alone', 'predictor, torch', 'predictor, torch, bfloat16']
    assert [row.way for row in rows] == expected[: 3 + has]
    assert {row.windows for row in rows} == {'2 of 32x64'}
    assert (rows[2].gain, rows[2].difference) == ('1.00', '0')


@pytest.mark.slow
def test_a_backend_is_beside_them(monkeypatch, tmp_path: Path):
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    given = dict(batch_size=2, window=(32, 64), repeats=1)
    rows = compare_backends(str(write_tiny_config(tmp_path)), ('onnxruntime',), **given)
    assert rows[3].way.startswith('predictor, onnxruntime ')
    assert float(rows[3].difference) < 1e-4
