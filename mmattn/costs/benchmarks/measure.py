"""Time and peak memory of a call, alike on a CPU and on a GPU."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

_TIMED_OF_TURN = 3


@dataclass(frozen=True)
class Cost:
    """What a call costs.

    Args:
        seconds: median time of a call.
        peak_bytes: most memory held at once beyond what was held before the call.
    """

    seconds: float
    peak_bytes: int


def measure_pair(
    first: Callable[[], object], second: Callable[[], object], device: torch.device, *, repeats: int
) -> tuple[Cost, Cost]:
    """Measures two calls in turns of a few, so that what else the machine does meets both alike.

    The first call of a turn is not timed: it finds caches and free memory as the other has left them, where a network
    at work finds its own.

    Args:
        first: a call.
        second: what it is compared with.
        device: where both work.
        repeats: timed calls of each at least.
    """
    calls, clock = (first, second), clock_of(device)
    times: tuple[list[float], list[float]] = [], []
    for _ in range(-(-repeats // _TIMED_OF_TURN)):
        for call, kept in zip(calls, times):
            call()
            for _ in range(_TIMED_OF_TURN):
                synchronize(device)
                start = clock()
                call()
                synchronize(device)
                kept.append(clock() - start)
    costs = [Cost(statistics.median(kept), peak_memory(call, device)) for call, kept in zip(calls, times)]
    return costs[0], costs[1]


def clock_of(device: torch.device) -> Callable[[], float]:
    """Returns what tells the time: of one thread on a CPU the processor's, which other processes disturb less."""
    return time.process_time if device.type == 'cpu' and torch.get_num_threads() == 1 else time.perf_counter


def peak_memory(call: Callable[[], object], device: torch.device) -> int:
    """Returns the most bytes that a call holds at once beyond what was held before."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    held = peak = 0
    for event in sorted(
        (event for event in profiler.profiler.kineto_results.events() if event.name() == '[memory]'),
        key=lambda event: event.start_ns(),
    ):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def synchronize(device: torch.device) -> None:
    """Waits until a device has done what it was told."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
