"""The command ``mmattn`` lists every tool, runs them, and starts at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmattn.cli import main as command
from mmattn.cli.tools import OTHERS, list_tools, with_commands
from mmattn.version import __version__


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    """Runs the command here."""
    monkeypatch.setattr(sys, 'argv', ['mmattn', *arguments])
    code = 0
    try:
        command.main()
    except SystemExit as end:
        code = end.code or 0
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_every_tool_has_a_command(root: Path):
    scripts = {path for path in (root / 'tools').iterdir() if path.suffix in ('.py', '.sh')}
    tools = list_tools()
    assert scripts - {tool.path for tool in tools.values()} == {root / 'tools' / 'torchrun.py'}
    assert {'train', 'test', 'predict', 'info', 'convert', 'dist-train'} <= set(tools)
    for tool in tools.values():
        assert tool.summary, tool.name
        assert f'tools/{tool.path.name}' in tool.text, f'{tool.name} shows no example'
        assert tool.group != OTHERS, f'{tool.name} has no group in mmattn/cli/tools.py'


@pytest.mark.parametrize('arguments', [(), ('--help',), ('-h',), ('help',)])
def test_the_list(arguments, monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, *arguments)
    assert (code, err) == (0, '')
    for name, tool in list_tools().items():
        assert f'  {name} ' in out, tool.path
    assert max(map(len, out.splitlines())) <= 120


def test_version_and_configs(monkeypatch, capsys):
    assert call(monkeypatch, capsys, '--version') == (0, f'mmattn {__version__}\n', '')
    code, out, _ = call(monkeypatch, capsys, 'configs')
    assert code == 0
    assert 'salt_recipe/base' in out
    assert 'The quick variant of ccnet_salt.py' in out


def test_a_wrong_tool_is_one_line(monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, 'trian')
    assert (code, out) == (2, '')
    assert err == "error: mmattn has no tool 'trian'; did you mean 'train'? (mmattn --help lists them)\n"


def test_a_tool_runs_under_its_command(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, 'info', '--help')
    assert code == 0
    assert out.startswith('usage: mmattn info ')
    assert '\nmmattn info survey.sgy' in out
    assert 'tools/segy_info.py' not in out
    code, _, err = call(monkeypatch, capsys, 'info', 'gone.sgy')
    assert (code, err.count('\n')) == (2, 1)


def test_examples_are_as_they_are_typed():
    text = 'python tools/train.py A\nbash tools/dist_train.sh A 4\npython tools/convert_checkpoint.py'
    assert with_commands(text, 'train.py') == text
    assert with_commands(text, 'mmattn train') == 'mmattn train A\nmmattn dist-train A 4\nmmattn convert'


def test_a_missing_family_is_one_line(monkeypatch, capsys):
    def refuse(tool, arguments):
        raise ImportError("mmattn: mmseg not found. Install MMSegmentation:\n  pip install 'mmattn[onedl]'")

    monkeypatch.setattr(command, 'run_script', refuse)
    code, _, err = call(monkeypatch, capsys, 'train')
    assert code == 2
    assert err == "error: mmattn: mmseg not found. Install MMSegmentation: pip install 'mmattn[onedl]'\n"


PROBE = """
import contextlib, io, sys
from mmattn.cli.main import main
from mmattn.cli.tools import list_tools

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ('torch', 'mmengine', 'mmcv', 'mmseg'):
            raise AssertionError(f'{name} is imported')

sys.meta_path.insert(0, Refuse())
tools = [[name] for name, tool in list_tools().items() if tool.path.suffix == '.py']
for tool in [[], *tools, *(['speed', name] for name in ('epoch', 'volume', 'backends', 'gpu'))]:
    sys.argv = ['mmattn', *tool, '--help']
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            main()
    except SystemExit as end:
        assert end.code == 0, tool
    except AssertionError as error:
        print(*tool, error)
    assert 'usage' in text.getvalue(), tool
print('done')
"""


def test_help_needs_no_torch():
    """Which is what would make it slow."""
    result = subprocess.run([sys.executable, '-c', PROBE], capture_output=True, text=True)
    assert result.stdout == 'done\n', result.stdout + result.stderr


@pytest.mark.slow
def test_a_shell_script_and_the_module(tmp_path: Path):
    result = subprocess.run([sys.executable, '-m', 'mmattn', 'dist-train'], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith('usage: bash ')
