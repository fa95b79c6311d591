"""What the command-line tools share."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import torch

from mmattn.cli.command_line import (
    ToolParser,
    add_cfg_options,
    check_device,
    check_file,
    check_folder,
    read_options,
    run_tool,
)
from mmattn.common.errors import InputError


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv('MMATTN_TRACEBACK', raising=False)


def parse(*arguments: str, **how: bool) -> argparse.Namespace:
    parser = ToolParser(prog='tool.py')
    add_cfg_options(parser, **how)
    return parser.parse_args(['--cfg-options', *arguments])


def test_options_are_read_as_mmengine_reads_them():
    texts = 'a.b=3', 'c=[1,(2,x)]', 'd="k=v"'
    expected = {'a.b': 3, 'c': [1, (2, 'x')], 'd': 'k=v'}
    assert parse(*texts).cfg_options == expected
    assert parse(*texts, as_text=True).cfg_options == list(texts)
    assert read_options(texts) == expected
    assert read_options([]) == {}


@pytest.mark.parametrize('as_text', [False, True])
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a', "must be of the form key=value, got 'a'"),
        ('=3', "must be of the form key=value, got '=3'"),
        ('a..b=3', "must be of the form key=value, got 'a..b=3'"),
        ('a=[1,(2', "value of 'a=[1,(2' cannot be read: Imbalanced brackets exist in [1,(2"),
    ],
)
def test_wrong_options_are_one_line(capsys, text: str, message: str, as_text: bool):
    with pytest.raises(SystemExit) as end:
        parse(text, as_text=as_text)
    assert end.value.code == 2
    expected = f'error: argument --cfg-options: {message} (tool.py --help lists the options)\n'
    assert capsys.readouterr().err == expected


def test_a_device_that_is_not_there_is_named():
    assert check_device('cpu') == torch.device('cpu')
    with pytest.raises(InputError, match="--device 'toaster' cannot be used: Expected one of cpu"):
        check_device('toaster')


def test_output_is_checked_and_folders_are_made(tmp_path):
    check_file('--out', tmp_path / 'a' / 'b.csv')
    check_folder('--out', tmp_path / 'c')
    assert [path.name for path in sorted(tmp_path.iterdir())] == ['a', 'c']
    assert not list((tmp_path / 'a').iterdir())
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r"--out: nothing can be written into '.*file/x' \(Not a directory\)"):
        check_file('--out', tmp_path / 'file' / 'x' / 'y.csv')
    with pytest.raises(InputError, match=r"--out: '.*c' is a folder; name a file"):
        check_file('--out', tmp_path / 'c')


def ending(capsys, main: Callable, **how: str) -> tuple[object, str]:
    """Exit code and error output of a tool."""
    with pytest.raises(SystemExit) as end:
        run_tool(main, **how)
    return end.value.code, capsys.readouterr().err


def fail(error: BaseException) -> Callable:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ('error', 'code', 'text'),
    [
        (InputError('two\n  lines'), 2, 'error: two lines\n'),
        (FileNotFoundError('weights.pth is gone'), 2, 'error: weights.pth is gone (MMATTN_TRACEBACK=1 shows where)\n'),
        (
            OSError(28, 'No space left on device'),
            2,
            'error: [Errno 28] No space left on device; make room, then --resume goes on',
        ),
        (KeyboardInterrupt(), 130, 'interrupted; --resume goes on\n'),
    ],
)
def test_what_goes_wrong_is_one_line(capsys, error: BaseException, code: int, text: str):
    ended, printed = ending(capsys, fail(error), after_interrupt='--resume goes on')
    assert ended == code
    assert printed.startswith(text)
    assert printed.count('\n') == 1


def test_exit_codes_and_errors_of_our_own_pass(capsys, monkeypatch):
    assert run_tool(lambda: None) is None
    assert ending(capsys, lambda: 1) == (1, '')
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: 1 / 0)
    monkeypatch.setenv('MMATTN_TRACEBACK', '1')
    with pytest.raises(InputError):
        run_tool(fail(InputError('wrong')))


def test_sigterm_ends_a_tool_as_an_interrupt_and_is_left_as_it_was(capsys, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    assert ending(capsys, lambda: signal.raise_signal(signal.SIGTERM)) == (130, 'interrupted\n')
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setenv('WORLD_SIZE', '2')  # there a process may be waiting for its peers
    seen = []
    run_tool(lambda: seen.append(signal.getsignal(signal.SIGTERM)))
    assert seen == [before]


WRITES = 'from mmattn.cli.command_line import run_tool\nrun_tool(lambda: print("line\\n" * 100_000, flush=True))'


def test_a_reader_that_leaves_is_no_traceback():
    with subprocess.Popen([sys.executable, '-c', WRITES], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b''
        assert process.wait() == 1


THREADS = """
from pathlib import Path
import mmengine.runner  # before the group is there, as PyTorch's lazily imported modules keep one that they find
import torch
from torch import distributed
from mmattn.cli.command_line import run_tool

def count():
    names = [path.read_text() for path in Path('/proc/self/task').glob('*/comm')]
    print(sum('gloo' in name for name in names))

def main():
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    runner = {'model': torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))}
    runner['loop'] = runner  # as mmengine's loops hold their runner
    runner['model'](torch.ones(1, 2)).sum().backward()
    count()

run_tool(main)
count()
"""


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads the names of threads from /proc')
def test_no_thread_of_gloo_outlives_a_tool():
    result = subprocess.run([sys.executable, '-c', THREADS], capture_output=True, text=True, check=True, timeout=120)
    before, after = map(int, result.stdout.split())
    assert before > 0
    assert after == 0


def test_an_interrupt_that_a_library_swallows_comes_again(capsys, monkeypatch):
    monkeypatch.setattr('mmattn.cli.command_line.INSIST', 0.05)

    def swallow():
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:  # as mmengine's reader of configs does
            time.sleep(60)

    began = time.monotonic()
    assert ending(capsys, swallow) == (130, 'interrupted\n')
    assert time.monotonic() - began < 50  # the sleep was cut short


@pytest.mark.parametrize('error', [InputError('config cannot be built'), SyntaxError('invalid syntax')])
def test_an_interrupt_that_a_library_takes_for_an_error_is_one(capsys, error: Exception):
    def mistake():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise error from None

    assert ending(capsys, mistake) == (130, 'interrupted\n')
