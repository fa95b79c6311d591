"""Runs a command-line tool in this process, without the seconds that importing everything takes."""

import runpy
import sys
from dataclasses import dataclass

import pytest

from tests.tools.run_tools import ROOT


@dataclass(frozen=True)
class Outcome:
    """What a tool left: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tool: str, *arguments: object) -> Outcome:
    """Runs ``tools/<tool>`` with ``arguments`` as its command line."""
    path = ROOT / 'tools' / tool
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
    monkeypatch.syspath_prepend(str(path.parent))
    capsys.readouterr()
    code = 0
    try:
        runpy.run_path(str(path), run_name='__main__')
    except SystemExit as end:
        code = end.code or 0
    printed = capsys.readouterr()
    return Outcome(code, printed.out, printed.err)
