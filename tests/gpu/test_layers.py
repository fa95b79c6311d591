"""The attention layers on a GPU: against float64, by compiler and autocast, and their memory as maps grow."""

import math
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from mmattn.attention import build_attention
from mmattn.costs.benchmarks.measure import peak_memory
from tests.gpu.lane import (
    DEVICE,
    HALF,
    HAS_GPU,
    TOLERANCE,
    assert_near,
    expected,
    lane,
    prepare,
    random_map,
    results,
)

pytestmark = lane
LAYERS: dict[str, Callable[[int], nn.Module]] = {
    'criss_cross': lambda channels: build_attention('CrissCrossAttention', channels),
    'position': lambda channels: build_attention('PositionAttention', channels),
    'channel': lambda channels: build_attention('ChannelAttention', channels),
    'non_local': lambda channels: build_attention('NonLocal', channels),
    'non_local_gaussian': lambda channels: build_attention('NonLocal', channels, mode='gaussian'),
    'non_local_concatenation': lambda channels: build_attention('NonLocal', channels, mode='concatenation'),
    'non_local_dot_product': lambda channels: build_attention('NonLocal', channels, mode='dot_product'),
    'axial': lambda channels: build_attention('AxialAttention', channels, kernel_size=31),
    'mix': lambda channels: build_attention('MixAttention', channels, key_channels=channels),
}
SIZES = (
    [(2, 64, 1, 7), (2, 64, 31, 33), (1, 256, 31, 97), (8, 128, 33, 31)] if HAS_GPU else [(2, 64, 1, 7), (2, 32, 7, 9)]
)
GROWING = (64, 128, 256) if HAS_GPU else (16, 32, 64)
EXPONENTS = {'axial': 1.55}  # of memory over positions; it keeps the weights of lines


def inputs(name: str, *shape: int) -> list[Tensor]:
    """The layer's inputs; keys of mix attention are fewer than its queries."""
    batch, channels, height, width = shape
    keys = [random_map(batch, channels, -(-height // 4), -(-width // 4))] if name == 'mix' else []
    return [random_map(*shape), *keys]


@pytest.mark.parametrize('shape', SIZES, ids=str)
@pytest.mark.parametrize('name', LAYERS)
def test_equals_the_reference(name: str, shape: tuple[int, ...]):
    layer, maps = prepare(LAYERS[name](shape[1])), inputs(name, *shape)
    right = expected(layer, maps)
    for dtype in TOLERANCE:
        own = deepcopy(layer).to(dtype)
        for layout in (torch.contiguous_format, torch.channels_last):
            laid = [x.to(dtype).contiguous(memory_format=layout) for x in maps]
            assert_near(results(own, laid), right, dtype, f'{name} {dtype} {layout}')


@pytest.mark.parametrize('name', LAYERS)
def test_compiles_in_one_graph(name: str):
    layer, maps = prepare(LAYERS[name](32)), inputs(name, 2, 32, 9, 8)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend='inductor' if HAS_GPU else 'aot_eager')
    right = {name: tensor.double() for name, tensor in results(layer, maps).items()}
    assert_near(results(layer, maps, run=compiled), right, torch.float32, f'{name}, compiled')


@pytest.mark.parametrize('name', LAYERS)
def test_trains_under_autocast_with_scaled_gradients(name: str):
    layer, maps = prepare(LAYERS[name](32)).train(), inputs(name, 2, 32, 9, 8)
    optimiser, scaler = torch.optim.SGD(layer.parameters(), lr=1e-3), torch.amp.GradScaler(DEVICE.type, init_scale=128)
    before = [parameter.clone() for parameter in layer.parameters()]
    for _ in range(3):
        optimiser.zero_grad()
        with torch.autocast(DEVICE.type, dtype=HALF):
            loss = layer(*maps).float().square().mean()
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
    assert scaler.get_scale() == 128  # no step was left out
    assert all(parameter.isfinite().all() for parameter in layer.parameters())
    assert not before or any(not torch.equal(one, two) for one, two in zip(before, layer.parameters()))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('name', [name for name in LAYERS if name != 'channel'])
def test_memory_grows_as_the_map(name: str, dtype: torch.dtype):
    """Forward and backward; of all pairs of positions nothing is held, whatever the dispatch takes."""
    layer = prepare(LAYERS[name](64)).to(dtype)
    peaks = []
    for side in GROWING:
        maps = [x.to(dtype) for x in inputs(name, 1, 64, side, side)]
        results(layer, maps)  # what a first call loads
        peaks.append(peak_memory(lambda maps=maps: results(layer, maps), DEVICE))
    pairs = GROWING[-1] ** 4 // (16 if name == 'mix' else 1)
    if HAS_GPU:
        exponent = math.log(peaks[2] / peaks[1]) / math.log((GROWING[2] / GROWING[1]) ** 2)
        assert exponent <= EXPONENTS.get(name, 1.1), (peaks, exponent)
        assert peaks[-1] < pairs * dtype.itemsize / 4
    elif name != 'mix':  # whose pairs are few at this size
        assert peaks[-1] < pairs * 4, peaks
