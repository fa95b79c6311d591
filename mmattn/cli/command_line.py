"""What all command-line tools share: checked options, one line for what went wrong, a quiet end on interrupts.

PyTorch and mmengine are imported where they are used: a tool that needs neither starts at once.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.tools import program, with_commands
from mmattn.common.disk import is_full
from mmattn.common.errors import InputError, one_line
from mmattn.common.names import BACKENDS

if TYPE_CHECKING:
    import torch


_LAUNCHERS = dict(pytorch=('RANK', 'torchrun'), slurm=('SLURM_PROCID', 'srun'), mpi=('OMPI_COMM_WORLD_RANK', 'mpirun'))
ON_DEVICE = 'scale, crop, flip and amplify whole batches on the device instead of one section after another'
INSIST = 5.0  # seconds from an interrupt to the next: long enough to clean up, where it did arrive


class ToolParser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Args:
        text: what the tool says of itself: one line, then examples and more, printed as they are.
    """

    def __init__(self, text: str | None = None, **options: object) -> None:
        options = dict(prog=program(), formatter_class=argparse.RawDescriptionHelpFormatter) | options
        super().__init__(**options)
        if text is not None:
            self.description = with_commands(text.strip(), self.prog)

    def error(self, message: str) -> None:
        """Ends the process with the message and exit code 2."""
        self.exit(2, f'error: {one_line(message)} ({self.prog} --help lists the options)\n')


def cfg_option(text: str) -> str:
    """Checks an option of the form ``key=value``, and returns it as it is.

    Raises:
        ArgumentTypeError: if it has another form, or mmengine cannot read the value.
    """
    key, equals, _ = text.partition('=')
    if not equals or not all(key.split('.')):
        raise argparse.ArgumentTypeError(f'must be of the form key=value, got {text!r}')
    try:
        read_options([text])
    except (AssertionError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f'value of {text!r} cannot be read: {one_line(error)}') from error
    return text


def read_options(texts: Sequence[str]) -> dict:
    """Returns options of the form ``key=value`` as mmengine reads them: dotted keys to values."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *texts]).cfg_options


class _CfgOptions(argparse.Action):
    """mmengine's action for ``--cfg-options``, which is imported once there is one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **read_options(values)})


def add_cfg_options(parser: argparse.ArgumentParser, *, of: str = 'the config', as_text: bool = False) -> None:
    """Adds ``--cfg-options``, with values as ``load_config`` takes them.

    Args:
        parser: to add it to.
        of: whose settings they are, for the help.
        as_text: leave them a list of texts, to be handed on and for ``read_options``.
    """
    kind = dict(default=[]) if as_text else dict(action=_CfgOptions)
    text = f'override settings of {of}: key=value, key="[a,b]"'
    parser.add_argument('--cfg-options', nargs='+', type=cfg_option, metavar='KEY=VALUE', help=text, **kind)


def add_backend(parser: argparse._ActionsContainer) -> None:
    """Adds the option that says what computes a network's predictions."""
    text = 'what computes: torch, or, on CPUs, a faster program; auto takes the fastest that agrees with PyTorch'
    parser.add_argument('--backend', choices=BACKENDS, default='torch', help=text)


def parse_launch(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Adds the options that training and testing share, and reads the command line."""
    parser.add_argument('--work-dir', help='where logs and pictures go; work_dirs/NAME_OF_CONFIG by default')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', *_LAUNCHERS], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    variable, program = _LAUNCHERS.get(args.launcher, ('', ''))
    if variable and variable not in os.environ:
        parser.error(f'--launcher {args.launcher} needs {variable} in the environment: start the tool by {program}')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def check_device(name: str) -> 'torch.device':
    """Returns the device of that name.

    Raises:
        InputError: if there is none.
    """
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f'--device {name!r} cannot be used: {one_line(error)}') from error
    if device.type == 'meta' or (device.type == 'cpu' and device.index):
        raise InputError(f'--device must be cpu, cuda or cuda:N, got {name!r}')
    return device


def check_folder(option: str, path: str | os.PathLike) -> None:
    """Makes a folder for output where there is none, so that a wrong one shows before work begins.

    Args:
        option: that names it, for the message.
        path: of the folder.

    Raises:
        InputError: if it cannot be made or written into.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise InputError(f'{option}: nothing can be written into {str(path)!r} ({error.strerror})') from None


def check_file(option: str, path: str | os.PathLike) -> None:
    """Checks that a file can be written, and makes its folder where there is none.

    Args:
        option: that names it, for the message.
        path: of the file.

    Raises:
        InputError: if it is a folder, or its folder cannot be made or written into.
    """
    if Path(path).is_dir():
        raise InputError(f'{option}: {str(path)!r} is a folder; name a file')
    check_folder(option, Path(path).parent)


def run_tool(main: Callable[[], int | None], *, after_interrupt: str = '') -> None:
    """Runs a tool's main function and ends the process where that has something to tell.

    Errors in what the user gave end it with one line and exit code 2, Ctrl-C and SIGTERM with one line and 130, else
    it ends with the code that ``main`` returns. ``MMATTN_TRACEBACK=1`` shows where an error comes from.

    Args:
        main: the tool.
        after_interrupt: what to do after an interrupt, for the message.
    """
    interrupted: list[int] = []
    try:
        with _insistent_interrupts(interrupted):
            code = main()
            _leave_together()
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (InputError, OSError) as error:  # a file may turn out to be missing, or a disk full, in the middle
        if interrupted:  # which libraries may take for an error of their own
            _end_interrupted(after_interrupt)
        if os.environ.get('MMATTN_TRACEBACK'):
            raise
        more = '' if isinstance(error, InputError) and not error.__cause__ else ' (MMATTN_TRACEBACK=1 shows where)'
        if is_full(error) or is_full(error.__cause__):
            more = f'; make room{after_interrupt and ", then "}{after_interrupt}'
        print(f'error: {one_line(error)}{more}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _end_interrupted(after_interrupt)
    except Exception:
        if interrupted and not os.environ.get('MMATTN_TRACEBACK'):
            _end_interrupted(after_interrupt)
        raise
    if code:
        sys.exit(code)


def _leave_together() -> None:
    """Waits for the other processes, if there are any: one that leaves early takes its peers' connections down."""
    torch = sys.modules.get('torch')
    if torch is not None and torch.distributed.is_initialized():
        from mmattn.engine.processes import leave_processes

        leave_processes()


def _end_interrupted(advice: str) -> None:
    print(f'interrupted{advice and "; "}{advice}', file=sys.stderr)
    sys.exit(130)


@contextmanager
def _insistent_interrupts(seen: list[int]) -> Iterator[None]:
    """Makes Ctrl-C and SIGTERM end the process, also where a library swallows the interrupt or where SIGINT is ignored.

    An interrupt is raised again until it arrives. Not under a launcher: a process that waits for its peers could not
    be ended.

    Args:
        seen: gets the numbers of the signals that came.
    """
    if os.environ.get('WORLD_SIZE', '1') != '1' or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        seen.append(number)
        signal.setitimer(signal.ITIMER_REAL, INSIST)
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, signal.SIGALRM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
