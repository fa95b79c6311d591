"""The device of the GPU benchmark, and its ceilings: how fast it copies and multiplies."""

import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import torch

from mmattn.costs.benchmarks.gpu import Case, GpuRow, Setting
from mmattn.costs.benchmarks.measure import synchronize
from mmattn.version import __version__

PRODUCTS = (torch.bfloat16, torch.float32)


def cases(setting: Setting) -> Iterator[Case]:
    """Yields what the device is, and its ceilings, which the other parts go by."""
    yield GpuRow('device', 'name'), lambda: iter([_describe(setting)])
    yield GpuRow('device', 'copy'), lambda: iter([_copy(setting)])
    for dtype in PRODUCTS:
        label = GpuRow('device', 'product', precision=str(dtype).removeprefix('torch.'))
        yield label, lambda dtype=dtype: iter([_product(setting, dtype)])


def best_seconds(call: Callable[[], object], device: torch.device, *, calls: int = 5) -> float:
    """Returns the least time of a call, after one that is not timed."""
    call()
    times = []
    for _ in range(calls):
        synchronize(device)
        start = time.perf_counter()
        call()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)


def _describe(setting: Setting) -> GpuRow:
    try:
        triton = version('triton')
    except PackageNotFoundError:
        triton = 'missing'
    note = f'mmattn {__version__}, PyTorch {torch.__version__}, Triton {triton}, Python {platform.python_version()}'
    if setting.device.type != 'cuda':
        return GpuRow('device', 'name', size='CPU', note=f'a rehearsal, not figures; {note}')
    card = torch.cuda.get_device_properties(setting.device)
    size = f'{card.name}, {card.total_memory / 2**30:.0f} GiB, {card.multi_processor_count} processors'
    return GpuRow('device', 'name', size=size, note=f'capability {card.major}.{card.minor}, {note}')


def _copy(setting: Setting) -> GpuRow:
    """Bytes read and written."""
    count = 2**22 if setting.rehearsal else 2**30
    source = torch.empty(count, dtype=torch.uint8, device=setting.device)
    target = torch.empty_like(source)
    rate = 2 * count / best_seconds(lambda: target.copy_(source), setting.device)
    setting.ceilings.bytes_a_second = rate
    return GpuRow('device', 'copy', size=f'{count >> 20} MiB', ours=f'{rate / 1e9:.0f}', unit='GB/s')


def _product(setting: Setting, dtype: torch.dtype) -> GpuRow:
    side = 256 if setting.rehearsal else 8192
    left, right = (torch.randn(side, side, device=setting.device).to(dtype) for _ in range(2))
    rate = 2 * side**3 / best_seconds(lambda: left @ right, setting.device)
    setting.ceilings.operations_a_second = {**(setting.ceilings.operations_a_second or {}), dtype: rate}
    name = str(dtype).removeprefix('torch.')
    return GpuRow('device', 'product', f'{side}x{side}', name, ours=f'{rate / 1e12:.1f}', unit='Tflop/s')
