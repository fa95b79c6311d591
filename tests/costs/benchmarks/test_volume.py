"""The comparison with a loop of mmseg's inference; its figures are for people to look at, never asserted."""

import csv

import pytest

from tests.tiny import write_tiny_config
from tests.tools.run_tools import python

pytestmark = pytest.mark.slow


def test_volume_prediction_beside_the_loop(tmp_path):
    table = tmp_path / 'table.csv'
    options = '--config', write_tiny_config(tmp_path), '--shape', 16, 20, 40, '--window', 32, 32, '--repeats', 1
    python('tools/speed.py', 'volume', *options, '--device', 'cpu', '--out', table)
    (row,) = csv.DictReader(table.open())
    assert row['shape'] == '16x20x40'
    assert float(row['throughput_ratio']) > 0
    assert float(row['mean_difference']) < 0.01
