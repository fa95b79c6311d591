"""Criss-cross attention: the contract, the published vectors and the definition itself."""

import pytest
import torch

from mmattn.attention import CrissCrossAttention, criss_cross_attention
from mmattn.checkpoints import convert_state_dict
from mmattn.costs.benchmarks.measure import peak_memory
from mmattn.kernels.criss_cross import cpu
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'CrissCrossAttention'
    options = {'recurrence': 2}


def published(recurrence: int) -> tuple[CrissCrossAttention, dict[str, torch.Tensor]]:
    weights, vectors = load_golden('criss_cross_attention')
    layer = CrissCrossAttention(32, recurrence=recurrence)
    layer.load_state_dict(convert_state_dict(weights, 'ccnet'))
    return layer, vectors


@pytest.mark.parametrize('case', ['a', 'h1', 'w1'])
def test_equals_the_published_layer(case: str):
    layer, vectors = published(1)
    torch.testing.assert_close(layer(vectors[f'x/{case}']), vectors[f'y/{case}'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('recurrence', [2, 3])
def test_equals_the_published_recurrence(recurrence: int):
    layer, vectors = published(recurrence)
    torch.testing.assert_close(layer(vectors['x/a']), vectors[f'y/a_r{recurrence}'], rtol=1e-5, atol=1e-5)


def test_equals_the_published_gradients():
    layer, vectors = published(1)
    x = vectors['x/a'].requires_grad_()
    layer(x).backward(vectors['x/dy_a'])
    torch.testing.assert_close(x.grad, vectors['y/dx_a'], rtol=1e-5, atol=1e-5)
    for name, parameter in layer.named_parameters():
        expected = vectors[f'y/grad_a/{name}']
        if name == 'key_conv.bias':  # exactly zero but for rounding, here and in the published layer
            assert parameter.grad.abs().max() < 5e-5
            continue
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_equals_the_definition_position_by_position():
    query, key, value = torch.randn(1, 3, 4, 5), torch.randn(1, 3, 4, 5), torch.randn(1, 6, 4, 5)
    result = criss_cross_attention(query, key, value)
    for row in range(4):
        for column in range(5):
            cross = [(i, column) for i in range(4) if i != row] + [(row, j) for j in range(5)]
            keys = torch.stack([key[0, :, i, j] for i, j in cross])
            values = torch.stack([value[0, :, i, j] for i, j in cross])
            expected = (keys @ query[0, :, row, column]).softmax(0) @ values
            torch.testing.assert_close(result[0, :, row, column], expected)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_operator_equals_the_plain_function(memory_format: torch.memory_format):
    """More positions than the operator projects back at a time."""
    layer, x = CrissCrossAttention(16), torch.randn(2, 16, 24, 23).to(memory_format=memory_format)
    torch.nn.init.constant_(layer.gamma, 0.7)
    inputs = [x.requires_grad_(), *layer.parameters()]
    expected = x + layer.gamma * criss_cross_attention(layer.query_conv(x), layer.key_conv(x), layer.value_conv(x))
    y = layer(x)
    torch.testing.assert_close(y, expected)
    grad = torch.randn_like(x)
    for got, right in zip(torch.autograd.grad(y, inputs, grad), torch.autograd.grad(expected, inputs, grad)):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-4)


def test_training_compiles_in_one_graph():
    layer, x = TestContract().build(), torch.randn(2, 16, 5, 4, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend='aot_eager')
    (got,), (right,) = (torch.autograd.grad(function(x).pow(2).sum(), x) for function in (compiled, layer))
    torch.testing.assert_close(got, right)


@pytest.mark.parametrize('size', [(8, 6), (1, 9)])
def test_training_keeps_no_copy_of_the_input(size: tuple[int, int]):
    layer, x = CrissCrossAttention(16), torch.randn(2, 16, *size, requires_grad=True)
    kept: dict[int, int] = {}

    def keep(saved: torch.Tensor) -> torch.Tensor:
        kept[saved.untyped_storage().data_ptr()] = saved.untyped_storage().nbytes()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
        layer(x)
    positions, parameters = 2 * size[0] * size[1], 20 * 16 + 1
    projections, normalisers = 20 * positions, positions
    assert sum(kept.values()) == 4 * (x.numel() + projections + normalisers + parameters)


def gradients(layer: CrissCrossAttention, x: torch.Tensor) -> list[torch.Tensor]:
    y = layer(x)
    return [y, *torch.autograd.grad((y * torch.linspace(-1, 1, y.shape[3])).sum(), [x, *layer.parameters()])]


def test_rows_by_tiles_give_the_same(monkeypatch):
    layer, x = TestContract().build(), torch.randn(2, 16, 11, 7, requires_grad=True)
    expected = gradients(layer, x)
    monkeypatch.setattr(cpu, 'TILE_ELEMENTS', 1)
    monkeypatch.setattr(cpu, 'MIN_ROWS', 3)
    assert len(cpu.tiles(11, 7)) == 4
    for got, right in zip(gradients(layer, x), expected):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-5)


def test_memory_grows_as_the_map_does(monkeypatch):
    monkeypatch.setattr(cpu, 'TILE_ELEMENTS', 2**14)
    monkeypatch.setattr(cpu, 'MIN_ROWS', 1)
    layer = CrissCrossAttention(16)
    peaks = []
    for side in (32, 128):
        x = torch.randn(1, 16, side, side, requires_grad=True)
        peaks.append(peak_memory(lambda x=x: layer(x).sum().backward(), torch.device('cpu')))
    assert peaks[1] < 16 * peaks[0]


def test_autocast_reaches_the_gradients():
    layer, x = TestContract().build(), torch.randn(1, 16, 6, 7, requires_grad=True)
    expected = torch.autograd.grad(layer(x).sum(), [x, *layer.parameters()])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.float32
    for got, right in zip(torch.autograd.grad(y.sum(), [x, *layer.parameters()]), expected):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, right, rtol=0.05, atol=0.02 * right.abs().max().item() + 0.05)


def test_another_dtype_than_the_weights_is_named():
    message = 'CrissCrossAttention: expected an input of torch.float32, as the weights are, got torch.float16'
    with pytest.raises(TypeError, match=message):
        CrissCrossAttention(16)(torch.randn(1, 16, 4, 4).half())


def test_starts_as_the_identity():
    x = torch.randn(2, 16, 5, 4)
    assert torch.equal(CrissCrossAttention(16)(x), x)


def test_without_recurrence_passes_through_and_trains_nothing():
    layer, x = CrissCrossAttention(16, recurrence=0), torch.randn(2, 16, 5, 4)
    assert torch.equal(layer(x), x)
    assert not any(parameter.requires_grad for parameter in layer.parameters())


def test_few_channels_keep_one_query_channel():
    assert CrissCrossAttention(4).query_conv.out_channels == 1


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('recurrence', -1, ValueError, 'recurrence must be at least 0, got -1'),
        ('reduction', 0, ValueError, 'reduction must be at least 1, got 0'),
        ('recurrence', 1.5, TypeError, 'recurrence must be an integer, got 1.5'),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'CrissCrossAttention: {message}'):
        CrissCrossAttention(16, **{option: value})
