"""The benchmark of a GPU: everything that is claimed of one, in a few minutes, one row after the other.

A row is kept as soon as it is measured, so that a cut run leaves what it has. Parts have shares of the time: what one
leaves over goes to the next, and what there is no time for is a row that says so.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from mmattn.common.errors import InputError


@dataclass(frozen=True)
class GpuRow:
    """One measurement.

    Args:
        part: 'device', 'layers', 'training' or 'volume'.
        what: is measured.
        size: of its input.
        precision: float32, or the dtype of autocast.
        layout: of the maps, NCHW or NHWC.
        work: forward, step (forward and backward), and others of the part's own.
        ours: the figure, in ``unit``.
        peer: what it is compared with.
        theirs: the peer's figure.
        unit: of both.
        ratio: ours divided by the peer's; of times below 1 is better, of rates above.
        goal: what the ratio, or the figure where there is no peer, should be.
        met: yes or no.
        memory: most MiB held at once, ours / the peer's.
        share: of the device's limit, in percent: the least time for the operations and bytes, by the measured ceilings.
        note: what failed, or was left out.
    """

    part: str
    what: str
    size: str = ''
    precision: str = ''
    layout: str = ''
    work: str = ''
    ours: str = ''
    peer: str = ''
    theirs: str = ''
    unit: str = ''
    ratio: str = ''
    goal: str = ''
    met: str = ''
    memory: str = ''
    share: str = ''
    note: str = ''

    def cells(self) -> dict[str, str]:
        """The row by column."""
        return asdict(self)


@dataclass
class Ceilings:
    """What the device does at most, as measured: bytes copied and operations of products a second, by dtype."""

    bytes_a_second: float = 0.0
    operations_a_second: dict[torch.dtype, float] | None = None


@dataclass(frozen=True)
class Setting:
    """Where the benchmark runs.

    Args:
        device: that is measured.
        rehearsal: on a CPU at small sizes, for its code and not its figures.
        ceilings: filled by the first part.
    """

    device: torch.device
    rehearsal: bool
    ceilings: Ceilings


Case = tuple[GpuRow, Callable[[], Iterator[GpuRow]]]
"""What is measured, as a row without figures, and what measures it."""


def judged(row: GpuRow, value: float, *, least: float | None = None, most: float | None = None) -> GpuRow:
    """Returns the row with its goal, and whether a value reaches it."""
    goal = f'>= {least:g}' if least is not None else f'<= {most:g}'
    met = value >= least if least is not None else value <= most
    return replace(row, goal=goal, met='yes' if met else 'no')


def first_line(error: Exception) -> str:
    """Returns the first line of what an error says, or its kind."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


def run_parts(
    parts: Sequence[tuple[float, Callable[[], Iterator[Case]]]],
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[GpuRow]:
    """Yields the rows of all parts within a time.

    Args:
        parts: the share of the time that each may take with those before it, rising to 1, and its cases, the most
            important first.
        seconds: the time.
        clock: of seconds.
    """
    start = clock()
    for share, cases in parts:
        for label, measure in cases():
            if clock() - start >= share * seconds:
                yield replace(label, note='left out: no time')
                continue
            try:
                yield from measure()
            except (RuntimeError, ValueError, TypeError, OSError, ImportError, AssertionError) as error:
                yield replace(label, note=f'fails: {first_line(error)}')
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def measure_gpu(args: argparse.Namespace, done: list[GpuRow]) -> Iterator[list[GpuRow]]:
    """Yields one row after the other; ``done`` is empty.

    Raises:
        InputError: if there is no GPU and no rehearsal is asked for, or the time is not positive.
    """
    from mmattn.costs.benchmarks import gpu_device, gpu_layers, gpu_programs

    if not args.minutes > 0:
        raise InputError(f'--minutes must be positive, got {args.minutes:g}')
    if not (args.rehearse or torch.cuda.is_available()):
        raise InputError('no GPU here; --rehearse runs the benchmark on the CPU at small sizes')
    setting = Setting(torch.device('cpu' if args.rehearse else 'cuda'), args.rehearse, Ceilings())
    parts = [
        (1.0, partial(gpu_device.cases, setting)),
        (0.6, partial(gpu_layers.cases, setting)),
        (0.85, partial(gpu_programs.training_cases, setting)),
        (1.0, partial(gpu_programs.volume_cases, setting)),
    ]
    for row in run_parts(parts, 60 * args.minutes):
        if args.rehearse:  # its figures say nothing
            row = replace(row, met='', share='')
        print(' | '.join(cell for cell in row.cells().values() if cell), flush=True)
        yield [row]
