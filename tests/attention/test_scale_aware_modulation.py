"""Scale-aware modulation: the contract, the published vector and the definition itself."""

import pytest
import torch

from mmattn.attention import ScaleAwareModulation, multi_head_mixed_convolution
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden

SIZE = (6, 10)  # of the tokens in the published vector


class TestContract(AttentionContract):
    name = 'ScaleAwareModulation'
    # Normalisation takes away what this bias adds: its gradient is rounding.
    silent_parameters = ('mix.bias',)


def as_map(tokens: torch.Tensor) -> torch.Tensor:
    return tokens.mT.unflatten(2, SIZE)


@pytest.mark.parametrize('prefix', ['', 'attn.', 'module.block3.16.attn.'])
def test_equals_the_published_layer(prefix: str):
    weights, vectors = load_golden('smt_sam_attention')
    layer = ScaleAwareModulation(32).eval()
    layer.load_state_dict(convert_state_dict({prefix + k: v for k, v in weights.items()}, 'smt'))
    x = as_map(vectors['x/x'])
    torch.testing.assert_close(layer.modulator(x), vectors['y/modulator'], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer(x), as_map(vectors['y/out']), rtol=1e-5, atol=1e-5)


def test_takes_a_layer_without_bias():
    weights, vectors = load_golden('smt_sam_attention')
    x = as_map(vectors['x/x'])
    layer, without = ScaleAwareModulation(32).eval(), ScaleAwareModulation(32, qkv_bias=False).eval()
    weights['v.bias'].zero_()
    weights['s.bias'].zero_()
    layer.load_state_dict(convert_state_dict(weights, 'smt'))
    del weights['v.bias'], weights['s.bias']
    without.load_state_dict(convert_state_dict(weights, 'smt'))
    torch.testing.assert_close(without(x), layer(x))


@pytest.mark.parametrize(('gone', 'missing'), [('v.weight', 'value.weight'), ('bn.bias', 'norm.bias')])
def test_a_missing_tensor_is_named(gone: str, missing: str):
    weights, _ = load_golden('smt_sam_attention')
    del weights[gone]
    with pytest.raises(KeyError, match=f"source 'smt', under our names: missing {missing}"):
        convert_state_dict(weights, 'smt')


def test_heads_are_convolved_and_interleaved_as_defined():
    heads, width = 3, 2
    x = torch.randn(1, heads * width, 4, 5)
    weights = [torch.randn(width, 1, 3 + 2 * g, 3 + 2 * g) for g in range(heads)]
    biases = [torch.randn(width) for _ in range(heads)]
    result = multi_head_mixed_convolution(x, weights, biases)
    for g in range(heads):
        for d in range(width):
            for row in range(4):
                for column in range(5):
                    expected = biases[g][d].item()
                    for i in range(-1 - g, 2 + g):
                        for j in range(-1 - g, 2 + g):
                            if 0 <= row + i < 4 and 0 <= column + j < 5:
                                weight = weights[g][d, 0, i + 1 + g, j + 1 + g]
                                expected += (weight * x[0, g * width + d, row + i, column + j]).item()
                    assert result[0, d * heads + g, row, column].item() == pytest.approx(expected, abs=1e-5)


def test_options_shape_the_layer():
    layer = ScaleAwareModulation(12, num_heads=2, expand_ratio=3)
    assert [tuple(conv.weight.shape) for conv in layer.local_convs] == [(6, 1, 3, 3), (6, 1, 5, 5)]
    assert tuple(layer.mix.weight.shape) == (36, 2, 1, 1)
    assert layer(torch.randn(2, 12, 3, 5)).shape == (2, 12, 3, 5)


def test_keeps_no_graph():
    layer = ScaleAwareModulation(8)
    before = set(vars(layer))
    layer(torch.randn(2, 8, 3, 3))
    assert set(vars(layer)) == before


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(num_heads=3), ValueError, r'num_heads must divide in_channels \(16\), got 3'),
        (dict(num_heads=0), ValueError, 'num_heads must be at least 1, got 0'),
        (dict(expand_ratio=0), ValueError, 'expand_ratio must be at least 1, got 0'),
        (dict(expand_ratio=1.5), TypeError, 'expand_ratio must be an integer, got 1.5'),
    ],
)
def test_wrong_options_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'^ScaleAwareModulation: {message}'):
        ScaleAwareModulation(16, **options)
