"""Runs command-line tools as a user would."""

import os
import subprocess
import sys
from pathlib import Path

import mmseg

ROOT = Path(__file__).resolve().parents[2]
STOCK_TOOLS = Path(mmseg.__file__).parent / '.mim' / 'tools'


def run(*command: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess:
    """Runs a command in the repository on one thread a process; without SALT_DATA unless it is given."""
    settings = {key: value for key, value in os.environ.items() if key != 'SALT_DATA'}
    settings.update(OMP_NUM_THREADS='1', PATH=f'{Path(sys.executable).parent}:{settings["PATH"]}', **environment)
    result = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=600
    )
    if check and result.returncode:
        raise AssertionError(
            f'{command} ended with {result.returncode}:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}'
        )
    return result


def python(
    script: str | Path, *arguments: object, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Runs a Python script of the repository, or of an absolute path."""
    return run(sys.executable, script, *arguments, check=check, **environment)
