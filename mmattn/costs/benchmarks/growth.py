"""How time and memory of each attention layer grow with the positions of a map, beside its peer and its least time."""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from mmattn.attention import build_attention, list_attention
from mmattn.costs.benchmarks.measure import clock_of, measure_pair, peak_memory, synchronize
from mmattn.costs.benchmarks.published import PEERS
from mmattn.costs.benchmarks.table import Cells
from mmattn.costs.complexity import count_multiply_adds

_WORK = 'forward', 'forward + backward'
_PEER_OF = {
    'CrissCrossAttention': 'criss_cross',
    'PositionAttention': 'position',
    'ChannelAttention': 'channel',
    'NonLocal': 'non_local',
    'AxialAttention': 'axial',
    'SqueezeExcitation': 'squeeze_excitation',
}
_STEEPEST = 2  # power of the positions that time grows with at most


@dataclass(frozen=True)
class GrowthRow:
    """One layer and kind of work.

    Args:
        layer: its class.
        work: forward, or forward + backward.
        milliseconds: by side, of one call; '' where it would take too long.
        time_power: power of the positions that time grows with, fitted from the second side on.
        mebibytes: peak by side.
        memory_power: that of the peak.
        ratio: to the peer, at a side at which both were called in turns.
        share: of the least time that plain products of as many operations take, at the largest side.
    """

    layer: str
    work: str
    milliseconds: dict[int, float]
    time_power: float
    mebibytes: dict[int, float]
    memory_power: float
    ratio: str
    share: str
    sides: Sequence[int]

    def cells(self) -> dict[str, str]:
        """The row by column."""
        times = {f'{side}², ms': _number(self.milliseconds.get(side)) for side in self.sides}
        memory = {f'{side}², MiB': _number(self.mebibytes.get(side)) for side in self.sides}
        return {
            'layer': f'`{self.layer}`',
            'work': self.work,
            **times,
            'time, power of N': _power(self.time_power),
            **memory,
            'memory, power of N': _power(self.memory_power),
            'time / peer': self.ratio,
            'share of products': self.share,
        }


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:.3g}' if value < 100 else f'{value:.0f}'


def _power(value: float) -> str:
    return '' if math.isnan(value) else f'{value:.2f}'


def power_of(values: dict[int, float]) -> float:
    """Fits the power of the positions with which values by side grow, without the smallest where there are three."""
    sides = sorted(side for side, value in values.items() if value > 0)
    sides = sides[1:] if len(sides) > 2 else sides
    if len(sides) < 2:
        return math.nan
    return float(np.polyfit([2 * math.log(side) for side in sides], [math.log(values[side]) for side in sides], 1)[0])


def grow(
    name: str, channels: int, sides: Sequence[int], *, longest: float, peer_side: int, rate: float
) -> Iterator[GrowthRow]:
    """Measures a layer at rising sides, forward and with backward, on the CPU.

    Args:
        name: of ``list_attention()``.
        channels: of the map.
        sides: of square maps, rising.
        longest: seconds of a call, about; sides at which one may take longer are left out.
        peer_side: of the map at which the peer is measured.
        rate: operations a second of plain products.
    """
    device = torch.device('cpu')
    for work in _WORK:
        milliseconds: dict[int, float] = {}
        mebibytes: dict[int, float] = {}
        share, last = '', 0
        for side in sides:
            if last and milliseconds[last] / 1000 * (side / last) ** (2 * _STEEPEST) > longest:
                break
            layer, x = _build(name, channels, side)
            call = partial(_run, layer, x, work)
            milliseconds[side] = 1000 * best_seconds(call, device)
            mebibytes[side] = peak_memory(call, device) / 2**20
            share, last = _share(layer, x, work, milliseconds[side] / 1000, rate), side
        powers = power_of(milliseconds), power_of(mebibytes)
        ratio = _ratio(name, channels, peer_side, work)
        yield GrowthRow(name, work, milliseconds, powers[0], mebibytes, powers[1], ratio, share, sides)


def best_seconds(call: Callable[[], object], device: torch.device, *, enough: float = 1.0, most: int = 20) -> float:
    """The least time of a call: of as many as take a second, two at least, after one that counts if it is long."""
    clock, times = clock_of(device), []
    while len(times) < 3 or (sum(times) < enough and len(times) < most):
        synchronize(device)
        start = clock()
        call()
        synchronize(device)
        times.append(clock() - start)
        if times[-1] > 2 * enough:
            break
    return min(times)


def product_rate(device: torch.device) -> float:
    """Operations a second of plain matrix products in float32, as PyTorch makes them: two a multiply-add."""
    side = 1024
    left, right = torch.randn(side, side, device=device), torch.randn(side, side, device=device)
    products = best_seconds(lambda: left @ right, device)
    maps, weight = torch.randn(1, side, 32, 32, device=device), torch.randn(side, side, 1, 1, device=device)
    convolutions = best_seconds(lambda: torch.conv2d(maps, weight), device)  # by oneDNN, which is faster on some
    return 2 * side**3 / min(products, convolutions)


def _build(name: str, channels: int, side: int) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    options = dict(kernel_size=side) if name == 'AxialAttention' else {}
    return build_attention(name, channels, **options), torch.randn(1, channels, side, side)


def _run(layer: nn.Module, x: Tensor, work: str) -> None:
    if work == 'forward':
        with torch.no_grad():
            layer(x)
        return
    layer.zero_grad(set_to_none=True)
    layer(x.detach().requires_grad_()).sum().backward()


def _share(layer: nn.Module, x: Tensor, work: str, seconds: float, rate: float) -> str:
    try:
        operations = 2 * count_multiply_adds(layer, torch.zeros(x.shape))
    except ValueError:  # an operator without a formula
        return ''
    return f'{100 * operations * (1 if work == "forward" else 3) / rate / seconds:.0f} %'


def _ratio(name: str, channels: int, side: int, work: str) -> str:
    if name not in _PEER_OF:
        return ''
    torch.manual_seed(0)
    build, peer, build_peer = PEERS[_PEER_OF[name]]
    x = torch.randn(1, channels, side, side)
    ours, theirs = build(channels, side, side), build_peer(channels, side, side)
    calls = partial(_run, ours, x, work), partial(_run, theirs, x, work)
    mine, its = measure_pair(*calls, torch.device('cpu'), repeats=6)
    return f'{mine.seconds / its.seconds:.2f}, {peer}'


def measure_growth(args: argparse.Namespace, done: list[Cells]) -> Iterator[list[Cells]]:
    """Yields the rows of one layer after the other; ``done`` is empty."""
    rate = product_rate(torch.device('cpu'))
    print(f'plain products: {rate / 1e9:.1f} Gflop/s')
    options = dict(longest=args.longest, peer_side=args.peer_side, rate=rate)
    for name in args.layers or list_attention():
        rows = list(grow(name, args.channels, sorted(args.sides), **options))
        for row in rows:
            print(' '.join(row.cells().values()))
        yield rows
