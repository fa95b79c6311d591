"""Runs something in a process of its own that may hang, crash, or ask for all memory there is.

The process is a fork of this one, so what is imported stays so: a case costs milliseconds, not the seconds of a start.
"""

import json
import os
import resource
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GIB = 2**30


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        kind: 'accepted', 'refused', 'traceback', 'wrong', 'memory', 'hang' or 'crash'.
        said: the message, or what was wrong.
    """

    kind: str
    said: str = ''

    @property
    def survived(self) -> bool:
        """Whether that is as it should be."""
        return self.kind in ('accepted', 'refused')


@dataclass(frozen=True)
class Case:
    """Something to try.

    Args:
        kind: under which it is counted.
        name: of the case.
        run: tries it, in the other process; raises what it raises, or ``WrongResultError``.
        refusals: errors that are a proper answer.
        says: what their messages must hold, as the file's name.
        content: what is kept if it fails.
    """

    kind: str
    name: str
    run: Callable[[], object]
    refusals: tuple[type[BaseException], ...] = ()
    says: str = ''
    content: bytes = b''


class WrongResultError(Exception):
    """What should have been refused was not, or a result is another one."""


def try_cases(cases: Iterable[Case], *, seconds: float = 20.0, memory: int = GIB) -> Iterator[tuple[Case, Outcome]]:
    """Tries cases, as many in one process as end well.

    Args:
        cases: to try.
        seconds: that one may take.
        memory: in bytes, that a process may ask for beyond what it has.
    """
    pending = list(cases)
    while pending:
        done = 0
        for outcome in _in_fork(pending, seconds, memory):
            yield pending[done], outcome
            done += 1
        pending = pending[done:]


def _in_fork(cases: list[Case], seconds: float, memory: int) -> Iterator[Outcome]:
    """Outcomes of the cases up to the first that ends the process."""
    reading, writing = os.pipe()
    process = fork_quietly(os.devnull)
    if process == 0:
        os.close(reading)
        with suppress(BaseException):
            limit_memory(memory)
            for case in cases:
                os.write(writing, (json.dumps(list(_try(case))) + '\n').encode())
        os._exit(0)
    os.close(writing)
    os.set_blocking(reading, False)
    text, seen, last = b'', 0, time.monotonic()
    ended = False
    while seen < len(cases):
        with suppress(BlockingIOError):
            piece = os.read(reading, 2**16)
            ended = not piece
            text += piece
        lines = text.split(b'\n')
        text = lines.pop()
        for line in lines:
            yield Outcome(*json.loads(line))
            seen, last = seen + 1, time.monotonic()
        if ended and seen < len(cases):
            yield Outcome('crash', f'the process ended: {os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}')
            break
        if time.monotonic() - last > seconds:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            yield Outcome('hang', f'no end after {seconds:g} s')
            break
        if not lines:
            time.sleep(0.002)
    else:
        os.waitpid(process, 0)
    os.close(reading)


def _try(case: Case) -> tuple[str, str]:
    try:
        case.run()
    except WrongResultError as error:
        return 'wrong', str(error)[:500]
    except MemoryError as error:
        return 'memory', str(error)[:500]
    except case.refusals as error:
        text = str(error)
        if case.says not in text:
            return 'traceback', f'{case.says!r} is not named: {type(error).__name__}: {text}'[:500]
        return 'refused', text[:500]
    except BaseException as error:
        if isinstance(error, RuntimeError) and 'allocate' in str(error):
            return 'memory', str(error)[:500]
        return 'traceback', traceback.format_exc()[-2000:]
    return 'accepted', ''


def fork_quietly(log: str | os.PathLike) -> int:
    """Forks; what the new process prints goes to a file. Returns its number, and 0 in it."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for stream in (1, 2):
            os.dup2(handle, stream)
    return process


def limit_memory(more: int) -> None:
    """Lets this process have so many bytes beyond what it has."""
    with open('/proc/self/statm', encoding='ascii') as file:
        have = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + more, have + more))


def start_tool(
    path: Path, arguments: Iterable[object], log: Path, *, memory: int | None = None, folder: Path | None = None
) -> int:
    """Runs a command-line tool in a fork, in a folder of its own if need be, and returns its number at once."""
    process = fork_quietly(log)
    if process:
        return process
    code = 1
    try:
        if memory:
            limit_memory(memory)
        if folder:
            os.chdir(folder)
        sys.argv = [str(path), *map(str, arguments)]
        sys.path.insert(0, str(path.parent))
        runpy.run_path(str(path), run_name='__main__')
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def wait_for(process: int, seconds: float) -> int | None:
    """The exit code of a process, negative for a signal; None if it does not end in time, and is killed then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None
