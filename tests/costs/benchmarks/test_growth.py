"""Growth of layers with their maps, and the page that takes it; figures are for people to look at, never asserted."""

import math
from pathlib import Path

import pytest

from mmattn.costs.benchmarks.growth import GrowthRow, grow, power_of
from mmattn.costs.benchmarks.table import replace_table
from tests.tools.run_here import run_here

PAGE = 'Before.\n\n<!-- speed growth: start -->\nold\n<!-- speed growth: end -->\n\nAfter.\n'


def test_powers_are_of_the_positions():
    assert power_of({32: 9.0, 64: 2.0, 128: 16.0, 256: 128.0}) == pytest.approx(1.5)
    assert power_of({8: 3.0, 16: 12.0}) == pytest.approx(1)
    assert math.isnan(power_of({8: 3.0}))
    assert math.isnan(power_of({8: 0.0, 16: 0.0}))


def test_a_layer_is_measured_until_it_takes_too_long():
    rows = list(grow('PositionAttention', 16, (8, 16), longest=60.0, peer_side=8, rate=1e9))
    assert [row.work for row in rows] == ['forward', 'forward + backward']
    assert all(set(row.milliseconds) == set(row.mebibytes) == {8, 16} for row in rows)
    assert rows[0].ratio.endswith(', mmseg PAM')
    cells = rows[0].cells()
    assert cells['share of products'].endswith(' %')
    assert list(cells)[:4] == ['layer', 'work', '8², ms', '16², ms']
    (short, _) = grow('CBAM', 16, (8, 16), longest=1e-9, peer_side=8, rate=1e9)
    assert short.cells()['16², ms'] == short.ratio == ''


def test_the_page_keeps_what_is_around_the_table(tmp_path: Path):
    page = tmp_path / 'speed.md'
    page.write_text(PAGE)
    row = GrowthRow('X', 'forward', {8: 1.0, 16: 123.4}, 1.5, {8: 0.25}, math.nan, '', '', (8, 16))
    replace_table(page, 'growth', [])
    assert page.read_text() == PAGE
    replace_table(page, 'growth', [row])
    text = page.read_text()
    assert text.startswith('Before.\n\n<!-- speed growth: start -->\n')
    assert text.endswith('\n<!-- speed growth: end -->\n\nAfter.\n')
    assert 'old' not in text
    assert '| `X` | forward | 1 | 123 | 1.50 | 0.25 |  |  |  |  |' in text
    assert ' thread' in text
    with pytest.raises(ValueError, match='speed backends: start'):
        replace_table(page, 'backends', [row])


def test_the_command_writes_the_page(monkeypatch, capsys, tmp_path: Path):
    page = tmp_path / 'speed.md'
    page.write_text(PAGE)
    command = 'growth', '--layers', 'SqueezeExcitation', '--channels', 16, '--sides', 8, 16, '--peer-side', 8
    outcome = run_here(monkeypatch, capsys, 'speed.py', *command, '--page', page)
    assert outcome.returncode == 0, outcome.stderr
    assert page.read_text().count('| `SqueezeExcitation` | ') == 2
    page.write_text('nothing')
    outcome = run_here(monkeypatch, capsys, 'speed.py', *command, '--page', page)
    assert outcome.returncode == 2
    assert 'the document has no lines <!-- speed growth: start -->' in outcome.stderr
