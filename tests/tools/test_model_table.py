"""The documentation's table of published networks from the command line."""

from pathlib import Path

import pytest

from mmattn.costs.marked_text import markers
from mmattn.costs.model_table import NAME, PUBLISHED
from tests.tools.run_here import run_here
from tests.tools.run_tools import ROOT

NETWORK = 'ade20k/umixformer_mit-b0_160k'


def test_prints_the_configs_asked_for(monkeypatch, capsys):
    outcome = run_here(monkeypatch, capsys, 'model_table.py', ROOT / 'configs' / f'{NETWORK}.py')
    header, rule, row = outcome.stdout.splitlines()
    assert (header.count('|'), rule.count('|'), row.count('|')) == (9, 9, 9)
    assert row.startswith(f'| `{NETWORK}` | 6.1 | 6.14 | 5.04 |')


def test_writes_and_checks(monkeypatch, capsys, tmp_path: Path):
    for name in list(PUBLISHED):
        if name != NETWORK:
            monkeypatch.delitem(PUBLISHED, name)
    document, (start, end) = tmp_path / 'a.md', markers(NAME)
    document.write_text(f'above\n{start}\n{end}\nbelow\n')
    assert run_here(monkeypatch, capsys, 'model_table.py', '--out', document).returncode == 0
    assert document.read_text().splitlines()[-2:] == [end, 'below']
    assert run_here(monkeypatch, capsys, 'model_table.py', '--check', document).returncode == 0
    document.write_text(document.read_text().replace('| 6.16 |', '| 6.26 |'))
    outcome = run_here(monkeypatch, capsys, 'model_table.py', '--check', document)
    assert outcome.returncode == 1
    assert 'is out of date:\nno longer | `ade20k/umixformer_mit-b0_160k` | 6.1 |' in outcome.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--out', 'gone.md'), 'gone.md is not a file'),
        (('--check', 'empty.md'), 'empty.md: the document has no lines <!-- model table: start -->'),
        (('gone.py',), "config 'gone.py' is not a file"),
        (('a.py', '--out', 'empty.md'), '--out and --check are for the table of all published networks'),
    ],
)
def test_a_wrong_document_or_config_is_an_error_in_one_line(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path('empty.md').write_text('nothing')
    outcome = run_here(monkeypatch, capsys, 'model_table.py', *arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr.splitlines()[-1]
