"""The documentation's table of attention layers from the command line."""

import re
from pathlib import Path

import pytest

from mmattn.costs.attention_table import END, START
from tests.tools.run_here import run_here
from tests.tools.run_tools import ROOT

SIZE = '--channels', '64', '--size', '9', '7'


def test_the_documentation_is_up_to_date(monkeypatch, capsys):
    outcome = run_here(monkeypatch, capsys, 'attention_table.py', '--check', ROOT / 'docs' / 'attention.md')
    assert (outcome.returncode, outcome.stderr) == (0, '')


def test_writes_measures_and_checks(monkeypatch, capsys, tmp_path: Path):
    document = tmp_path / 'a.md'
    document.write_text(f'above\n{START}\n{END}\n')
    assert run_here(monkeypatch, capsys, 'attention_table.py', '--out', document, '--memory', *SIZE).returncode == 0
    row = next(line for line in document.read_text().splitlines() if line.startswith('| `CrissCrossAttention`'))
    assert re.fullmatch(r'\d+', row.split(' | ')[-1].strip('| '))
    text = document.read_text()
    document.write_text(text.replace(row, row.replace('| 0.', '| 9.')))
    assert run_here(monkeypatch, capsys, 'attention_table.py', '--out', document, *SIZE).returncode == 0
    assert document.read_text() == text  # memory that was not measured stays as it was
    assert run_here(monkeypatch, capsys, 'attention_table.py', '--check', document, *SIZE).returncode == 0
    outcome = run_here(monkeypatch, capsys, 'attention_table.py', '--check', document, '--size', '9', '8')
    assert outcome.returncode == 1
    assert 'is out of date: the table is of another size' in outcome.stderr


@pytest.mark.parametrize('option', ['--out', '--check'])
def test_a_wrong_document_is_an_error_in_one_line(monkeypatch, capsys, tmp_path: Path, option: str):
    (tmp_path / 'a.md').write_text('nothing')
    outcome = run_here(monkeypatch, capsys, 'attention_table.py', option, tmp_path / 'a.md', *SIZE)
    assert outcome.returncode == 2
    assert 'a.md: the document has no lines <!--' in outcome.stderr
    outcome = run_here(monkeypatch, capsys, 'attention_table.py', option, tmp_path / 'gone.md')
    assert (outcome.returncode, 'gone.md is not a file' in outcome.stderr) == (2, True)
