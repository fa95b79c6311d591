"""Command lines that are wrong end in one line and exit code 2, in every tool."""

from pathlib import Path

import pytest

from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here

EXPERIMENTS = {
    'train.py': ['{config}', '--work-dir', '{out}'],
    'test.py': ['{config}', 'gone.pth', '--work-dir', '{out}'],
    'ensemble.py': ['--member', '{config}', 'gone.pth', '--device', 'cpu', '--out', '{out}'],
    'ablate.py': ['{config}', '--attention', 'se', '--dry-run', '--out', '{out}'],
    'predict_segy.py': ['{config}', 'gone.pth', 'gone.sgy', '{out}', '--device', 'cpu'],
}
OTHERS = {
    'attention_table.py': ['--check', 'gone.md'],
    'speed.py': ['ops', '--out', '{out}/t.md'],
    'convert_checkpoint.py': ['mmseg', 'gone.pth', '{out}/x.pth'],
    'make_synthetic.py': ['tgs', '{out}/x'],
    'model_table.py': ['gone.py'],
    'prepare_tgs.py': ['gone', '{out}/x'],
    'salt_benchmark.py': ['--data', 'gone', '--out', '{out}'],
    'segy_info.py': ['gone.sgy'],
    'few_lines.py': ['gone.sgy', '--labels', 'gone.npy'],
    'view.py': ['gone.sgy'],
    'analysis/synthetic_baselines.py': ['--data', 'gone'],
    'analysis/few_lines.py': ['--out', '{out}/x.csv'],
    'analysis/synthetic_gallery.py': ['{out}/x.png'],
}


@pytest.fixture
def call(monkeypatch, capsys, tmp_path: Path):
    """Runs a tool and returns its only line; the config's and the output's paths may be given."""
    monkeypatch.delenv('MMATTN_TRACEBACK', raising=False)

    def run(tool: str, arguments: list[str], *, config: object = None, out: object = tmp_path / 'out') -> str:
        config = config or write_tiny_config(tmp_path)
        texts = [text.format(config=config, out=out) for text in arguments]
        outcome = run_here(monkeypatch, capsys, tool, *texts)
        assert outcome.returncode == 2, outcome.stderr
        lines = outcome.stderr.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith('error: ')
        return lines[0]

    return run


@pytest.mark.parametrize('tool', EXPERIMENTS)
def test_configs_and_options(call, tmp_path: Path, tool: str):
    (tmp_path / 'broken.py').write_text('model = ')
    command = EXPERIMENTS[tool]
    assert "config 'gone.py' is not a file" in call(tool, command, config='gone.py')
    assert 'cannot be read: SyntaxError' in call(tool, command, config=tmp_path / 'broken.py')
    assert "must be of the form key=value, got 'a'" in call(tool, [*command, '--cfg-options', 'a'])
    line = call(tool, [*command, '--cfg-options', 'trian_cfg.max_epochs=3'])
    assert "has no 'trian_cfg'; did you mean 'train_cfg'?" in line
    assert 'unrecognized arguments: --bogus' in call(tool, [*command, '--bogus'])


@pytest.mark.parametrize('tool', ['test.py', 'ensemble.py'])
def test_a_missing_checkpoint(call, tool: str):
    assert "checkpoint 'gone.pth' is not a file" in call(tool, EXPERIMENTS[tool])


@pytest.mark.parametrize('tool', ['train.py', 'ensemble.py', 'ablate.py'])
def test_an_output_folder_that_is_a_file(call, tmp_path: Path, tool: str):
    (tmp_path / 'file').touch()
    line = call(tool, EXPERIMENTS[tool], out=tmp_path / 'file')
    assert line.endswith(f"nothing can be written into '{tmp_path}/file' (File exists)")


@pytest.mark.parametrize('tool', OTHERS)
def test_other_tools(call, tmp_path: Path, tool: str):
    (tmp_path / 'file').touch()
    line = call(tool, OTHERS[tool], out=tmp_path / 'file')
    assert 'gone' in line or f"nothing can be written into '{tmp_path}/file'" in line
    assert 'unrecognized arguments: --bogus' in call(tool, [*OTHERS[tool], '--bogus'])
