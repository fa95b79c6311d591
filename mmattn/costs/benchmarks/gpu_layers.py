"""Attention layers on a GPU beside their peers, under autocast as networks train."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from mmattn.attention import build_attention, use_engine
from mmattn.costs.benchmarks.gpu import Case, GpuRow, Setting, first_line, judged
from mmattn.costs.benchmarks.measure import Cost, measure_pair
from mmattn.costs.benchmarks.pairs import flex_criss_cross, flex_position, sdpa_position
from mmattn.costs.benchmarks.published import PEERS
from mmattn.costs.complexity import count_multiply_adds

Build = Callable[[int, int, int], nn.Module]
WORK = ('forward', 'step')
_REPEATS = 9
_CRISS_CROSS = [(8, 512, 97, 97), (1, 512, 97, 97), (8, 512, 128, 128), (2, 512, 128, 256)]
_SMALL = (1, 32, 9, 9)


class _ByReference(nn.Module):
    """A layer of ours as the plain mathematics computes it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *maps: Tensor) -> Tensor:
        with use_engine('reference'):
            return self.layer(*maps)


def _mix(channels: int, height: int, width: int) -> nn.Module:
    return build_attention('MixAttention', channels, key_channels=channels)


# name -> (sizes, ours, peers by name); the first peer is the one that goals are of
def _layers() -> dict[str, tuple[list[tuple[int, ...]], Build, dict[str, Build]]]:
    own = {name: (ours, {peer: theirs}) for name, (ours, peer, theirs) in PEERS.items()}
    own['criss_cross'][1]['FlexAttention, rows and columns'] = flex_criss_cross
    own['position'][1].update({'plain SDPA': sdpa_position, 'FlexAttention': flex_position})
    sizes = {
        'criss_cross': _CRISS_CROSS,
        'position': [(8, 512, 97, 97), (1, 512, 97, 97)],
        'non_local': [(8, 512, 97, 97)],
        'channel': [(8, 512, 97, 97)],
        'axial': [(8, 128, 56, 56)],
    }
    layers = {name: (sizes[name], *own[name]) for name in sizes}
    layers['mix'] = ([(8, 256, 128, 128)], _mix, {'the plain mathematics': lambda *size: _ByReference(_mix(*size))})
    return layers


def cases(setting: Setting) -> Iterator[Case]:
    """Yields every layer, size, layout, precision and kind of work, bfloat16 and criss-cross first."""
    layers = _layers()
    for precision in ('bfloat16', 'float32'):
        for name, (sizes, ours, peers) in layers.items():
            for size, layout in product([_SMALL] if setting.rehearsal else sizes, ('NHWC', 'NCHW')):
                for number, (peer, theirs) in enumerate(peers.items()):
                    if number and (precision == 'float32' or layout == 'NCHW'):
                        continue  # further peers once
                    text = 'x'.join(map(str, size))
                    label = GpuRow('layers', name, text, precision, layout, peer=peer, unit='ms')
                    yield label, partial(_compare, setting, label, size, ours, theirs, goal=not number)


def _inputs(name: str, size: Sequence[int], device: torch.device, layout: str) -> list[Tensor]:
    memory = torch.channels_last if layout == 'NHWC' else torch.contiguous_format
    batch, channels, height, width = size
    shapes = [size, (batch, channels, -(-height // 8), -(-width // 8))] if name == 'mix' else [size]
    return [torch.randn(*shape, device=device).contiguous(memory_format=memory) for shape in shapes]


def _compare(
    setting: Setting, label: GpuRow, size: Sequence[int], ours: Build, theirs: Build, *, goal: bool
) -> Iterator[GpuRow]:
    """Measures in turns, forward and step. Maps arrive in the dtype that the layer before leaves them in."""
    torch.manual_seed(0)
    layer, dtype = ours(*size[1:]).to(setting.device), getattr(torch, label.precision)
    maps = [x.to(dtype) for x in _inputs(label.what, size, setting.device, label.layout)]
    for work in WORK:
        try:
            peer, note = theirs(*size[1:]).to(setting.device), ''
            _run(peer, maps, dtype, work)
        except Exception as error:  # a peer may fail in any way: in its compiler, too
            peer, note = None, f'the peer fails: {first_line(error)}'
        run = partial(_run, layer, maps, dtype, work)
        other = run if peer is None else partial(_run, peer, maps, dtype, work)
        mine, its = measure_pair(run, other, setting.device, repeats=3 if setting.rehearsal else _REPEATS)
        row = _row(label, work, mine, None if peer is None else its, note)
        if goal and peer is not None:
            least = label.what == 'criss_cross' and label.precision == 'bfloat16' and size[0] == 8
            row = judged(row, mine.seconds / its.seconds, most=1 / 3 if least else 1.0)
        yield _with_share(row, setting, layer, maps, dtype, work, mine.seconds)


def _row(label: GpuRow, work: str, ours: Cost, theirs: Cost | None, note: str) -> GpuRow:
    cells = {**label.cells(), 'work': work, 'ours': f'{1000 * ours.seconds:.3f}', 'note': note}
    memory = f'{ours.peak_bytes / 2**20:.0f}'
    if theirs is not None:
        cells |= dict(theirs=f'{1000 * theirs.seconds:.3f}', ratio=f'{ours.seconds / theirs.seconds:.2f}')
        memory += f' / {theirs.peak_bytes / 2**20:.0f}'
    return GpuRow(**{**cells, 'memory': memory})


def _run(layer: nn.Module, maps: list[Tensor], dtype: torch.dtype, work: str) -> None:
    lower = dtype != torch.float32
    with torch.set_grad_enabled(work == 'step'):
        maps = [x.detach().requires_grad_(work == 'step') for x in maps]
        with torch.autocast(maps[0].device.type, dtype=dtype if lower else None, enabled=lower):
            y = layer(*maps)
        if work == 'step':
            layer.zero_grad(set_to_none=True)
            y.backward(torch.ones_like(y))


def least_seconds(setting: Setting, layer: nn.Module, maps: list[Tensor], dtype: torch.dtype, work: str) -> float:
    """Returns the time that the device's ceilings allow at best.

    Operations are two a multiply-add of the forward pass, three times as many in a step. Bytes are those of the inputs,
    the result, of the size of the first, and the parameters; in a step each map and its gradient once more: inputs are
    read again and their gradients and that of the result pass once.
    """
    alone = deepcopy(layer).cpu().float()
    operations = 2 * count_multiply_adds(alone, *(torch.zeros(x.shape) for x in maps))
    numbers = sum(x.numel() for x in maps)
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    moved = numbers + maps[0].numel() + parameters
    if work == 'step':
        operations, moved = 3 * operations, moved + 2 * numbers + maps[0].numel() + 2 * parameters
    rates = setting.ceilings.operations_a_second or {}
    by_products = operations / rates[dtype] if dtype in rates else 0.0
    by_bytes = moved * dtype.itemsize / setting.ceilings.bytes_a_second if setting.ceilings.bytes_a_second else 0.0
    return max(by_products, by_bytes)


def _with_share(
    row: GpuRow, setting: Setting, layer: nn.Module, maps: list[Tensor], dtype: torch.dtype, work: str, seconds: float
) -> GpuRow:
    try:
        least = least_seconds(setting, layer, maps, dtype, work)
    except ValueError:  # an operator without a formula
        return row
    return GpuRow(**{**row.cells(), 'share': f'{100 * least / seconds:.0f} %'}) if least else row
