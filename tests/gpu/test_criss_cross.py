"""Criss-cross attention on a GPU: every engine, size, width, dtype and layout against float64."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from mmattn.attention import CrissCrossAttention, use_engine
from mmattn.kernels.engines import engines_of
from tests.gpu.lane import (
    DEVICE,
    HAS_GPU,
    TOLERANCE,
    assert_near,
    expected,
    gpu_only,
    lane,
    prepare,
    random_map,
    results,
)

pytestmark = lane
ENGINES = ('triton', 'cpu') if HAS_GPU else ('cpu',)  # a CPU interprets the others: tests/kernels/criss_cross
SIDES = (1, 7, 31, 97, 128, 200, 256) if HAS_GPU else (1, 3, 7)
WIDTHS = (  # of the map, divided by what for queries
    [(64, 8), (24, 1), (96, 1), (128, 1), (512, 8), (1024, 8), (1024, 128), (20, 2)] if HAS_GPU else [(64, 8), (20, 2)]
)


def engine_of(layer: CrissCrossAttention, x: Tensor) -> str:
    """The engine that serves a map first."""
    convs = layer.query_conv, layer.key_conv, layer.value_conv
    weight, bias = torch.cat([conv.weight for conv in convs]).flatten(1), torch.cat([conv.bias for conv in convs])
    return next(engine.name for engine in engines_of('criss_cross') if engine.takes(x, weight, bias, layer.gamma))


def compare(layer: CrissCrossAttention, x: Tensor, what: str) -> None:
    """Holds all engines and dtypes against the reference."""
    right = expected(layer, [x])
    for dtype in TOLERANCE:
        own = deepcopy(layer).to(dtype)
        assert engine_of(own, x.to(dtype)) == ENGINES[0]
        for engine in ENGINES:
            with use_engine(engine):
                assert_near(results(own, [x.to(dtype)]), right, dtype, f'{what} {dtype} {engine}')


@pytest.mark.parametrize('height', SIDES)
def test_every_size(height: int):
    layer = prepare(CrissCrossAttention(64))
    for width in SIDES:
        compare(layer, random_map(2, 64, height, width), f'{height}x{width}')


@pytest.mark.parametrize(('channels', 'reduction'), WIDTHS)
@pytest.mark.parametrize('batch', [1, 8])
def test_every_width(channels: int, reduction: int, batch: int):
    layer = prepare(CrissCrossAttention(channels, reduction=reduction))
    size = (33, 65) if HAS_GPU else (3, 5)
    compare(layer, random_map(batch, channels, *size), f'{channels}/{reduction}, batch {batch}')


def test_the_size_of_the_paper():
    layer = prepare(CrissCrossAttention(512 if HAS_GPU else 32, recurrence=2))
    compare(layer, random_map(2, layer.in_channels, *((97, 97) if HAS_GPU else (5, 5))), 'two of them')


def half(layer: CrissCrossAttention, x: Tensor) -> tuple[CrissCrossAttention, Tensor]:
    return layer.bfloat16(), x.bfloat16()


def test_channels_last_stay_last():
    layer, x = half(prepare(CrissCrossAttention(64)), random_map(2, 64, 31, 97))
    last = x.contiguous(memory_format=torch.channels_last)
    first, second = results(layer, [x]), results(layer, [last])
    assert_near(second, {name: tensor.double() for name, tensor in first.items()}, torch.bfloat16, 'layouts')
    assert first['output'].is_contiguous()
    if HAS_GPU:  # the operator for CPUs gives channels first
        assert second['output'].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    'view',
    [
        lambda x: x[:, :, ::2, 1:],
        lambda x: x[::2],
        lambda x: x[:1].expand(3, -1, -1, -1),
        lambda x: x.mT,
        lambda x: x.repeat(1, 2, 1, 1).contiguous(memory_format=torch.channels_last)[:, 16:80],
    ],
    ids=['steps', 'images', 'expanded', 'turned', 'channels of a wider map'],
)
def test_views_are_taken_as_they_are(view):
    layer, x = half(prepare(CrissCrossAttention(64)), random_map(4, 64, 14, 31))
    taken = view(x)
    first, second = results(layer, [taken.clone(memory_format=torch.contiguous_format)]), results(layer, [taken])
    assert_near(second, {name: tensor.double() for name, tensor in first.items()}, torch.bfloat16, 'a view')


@pytest.mark.parametrize('dtype', TOLERANCE)
def test_results_are_the_same_bit_for_bit(dtype: torch.dtype):
    layer, x = prepare(CrissCrossAttention(64)).to(dtype), random_map(4, 64, 97, 31).to(dtype)
    first, second = results(layer, [x]), results(layer, [x])
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize('gamma', [0.0, 1e-3])
def test_float16_overflows_no_sooner_than_its_result(gamma: float):
    layer, x = prepare(CrissCrossAttention(64)), random_map(1, 64, 97, 31)
    torch.nn.init.constant_(layer.gamma, gamma)
    x = x.half().requires_grad_()
    large = 20 if HAS_GPU else 1  # the operator for CPUs has the gradients of weights in float16
    y = layer.half()(large * x)
    grads = torch.autograd.grad(
        y, [x, layer.value_conv.weight, layer.query_conv.weight], torch.full_like(y, 50 * large)
    )
    assert all(t.isfinite().all() for t in (y, *grads))


def test_tf32_is_near():
    layer, x = prepare(CrissCrossAttention(64)), random_map(2, 64, 31, 33)
    right = expected(layer, [x])
    torch.backends.cudnn.allow_tf32 = True  # the fixture puts it back
    assert_near(results(layer, [x]), right, torch.float16, 'convolutions')
    torch.set_float32_matmul_precision('high')
    try:
        assert_near(results(layer, [x]), right, torch.float16, 'products')
    finally:
        torch.set_float32_matmul_precision('highest')


@gpu_only('memory of 5 GB')
def test_a_slice_of_a_map_beyond_32_bit_offsets():
    everything = torch.empty(1, 16384, 400, 400, dtype=torch.bfloat16, device=DEVICE, memory_format=torch.channels_last)
    x = everything[:, -64:]
    x.copy_(random_map(1, 64, 400, 400))
    layer = prepare(CrissCrossAttention(64)).bfloat16()
    first, second = results(layer, [x.contiguous()]), results(layer, [x])
    assert_near(second, {name: tensor.double() for name, tensor in first.items()}, torch.bfloat16, 'a slice')


@gpu_only('memory of 20 GB')
def test_images_beyond_32_bit_offsets_take_another_engine():
    layer, x = prepare(CrissCrossAttention(512)).bfloat16(), torch.empty(1, 512, 2048, 1640, device='meta')
    x = torch.empty_like(x, device=DEVICE, dtype=torch.bfloat16)
    assert engine_of(layer, x) == 'cpu'


@gpu_only('graphs are of CUDA')
def test_a_graph_replays_it():
    layer, x = half(prepare(CrissCrossAttention(64)), random_map(1, 64, 31, 33))
    with torch.no_grad():
        right = layer(x)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = layer(x)
        y.zero_()
        graph.replay()
    assert torch.equal(y, right)
