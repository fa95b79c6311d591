"""The benchmark's table; its figures are for people to look at, never asserted."""

import csv

import pytest

from tests.tools.run_tools import python

pytestmark = pytest.mark.slow


@pytest.mark.parametrize('suffix', ['.csv', '.md'])
def test_every_operator_beside_its_peer(tmp_path, suffix: str):
    table = tmp_path / f'table{suffix}'
    python('tools/benchmark.py', 'ops', '--size', 1, 32, 9, 8, '--repeats', 1, '--device', 'cpu', '--out', table)
    if suffix == '.csv':
        rows = list(csv.DictReader(table.open()))
        assert {row['op'] for row in rows} >= {'criss_cross', 'position', 'channel', 'non_local', 'squeeze_excitation'}
        assert all(float(row['time_ratio']) > 0 and float(row['memory_ratio']) > 0 for row in rows)
    else:
        assert table.read_text().splitlines()[0].startswith('| op | peer | size |')


def test_a_peer_that_fails_is_said(tmp_path):
    options = '--ops', 'criss_cross', '--size', 1, 32, 9, 8, '--repeats', 1, '--device', 'cpu', '--dtype', 'float16'
    result = python('tools/benchmark.py', 'ops', *options)
    assert 'mmcv CrissCrossAttention, forward: ' in result.stdout
    assert '| fails |' in result.stdout
