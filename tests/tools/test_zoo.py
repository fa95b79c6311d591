"""tools/zoo.py."""

from pathlib import Path

from tests.tools.run_here import run_here


def test_the_files_are_up_to_date(monkeypatch, capsys):
    outcome = run_here(monkeypatch, capsys, 'zoo.py', '--check')
    assert outcome.returncode == 0, outcome.stderr


def test_files_that_are_out_of_date_are_named(monkeypatch, capsys, root: Path, tmp_path: Path):
    for name in ('tools', 'results', 'docs', 'configs'):
        (tmp_path / name).mkdir()
    text = (root / 'tools' / 'zoo.py').read_text(encoding='utf-8')
    (tmp_path / 'tools' / 'zoo.py').write_text(text, encoding='utf-8')
    for name in ('results/zoo.csv', 'results/costs.csv', 'docs/zoo.md'):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    outcome = run_here(monkeypatch, capsys, tmp_path / 'tools' / 'zoo.py', '--check')
    assert outcome.returncode == 1
    assert 'model-index.yml is out of date' in outcome.stderr
    assert run_here(monkeypatch, capsys, tmp_path / 'tools' / 'zoo.py', '--write').returncode == 0
    assert (tmp_path / 'model-index.yml').read_bytes() == (root / 'model-index.yml').read_bytes()


def test_a_cost_is_counted(monkeypatch, capsys, root: Path, tmp_path: Path):
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'results').mkdir()
    (tmp_path / 'tools' / 'zoo.py').write_bytes((root / 'tools' / 'zoo.py').read_bytes())
    outcome = run_here(monkeypatch, capsys, tmp_path / 'tools' / 'zoo.py', '--count', 'smt_salt')
    assert outcome.returncode == 0, outcome.stderr
    rows = (tmp_path / 'results' / 'costs.csv').read_text().splitlines()
    assert rows[0] == 'config,height,width,parameters,multiply_adds'
    assert rows[1] in (root / 'results' / 'costs.csv').read_text().splitlines()
