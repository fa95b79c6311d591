"""Coordinate attention: the contract, the published vectors and the definition itself."""

import pytest
import torch

from mmattn.attention import CoordinateAttention
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'CoordinateAttention'


@pytest.mark.parametrize('prefix', ['', 'features.4.conv.6.', 'module.features.17.conv.7.'])
@pytest.mark.parametrize(
    ('golden', 'channels', 'options'),
    [('coordatt', 32, {}), ('coordatt_r4', 64, dict(reduction=4)), ('coordatt_mbv2_naming', 64, {})],
)
def test_equals_the_published_layer(golden: str, channels: int, options: dict, prefix: str):
    weights, vectors = load_golden(golden)
    layer = CoordinateAttention(channels, **options)
    published = {prefix + key: value for key, value in weights.items()}
    layer.load_state_dict(convert_state_dict(published, 'coordattention'))
    torch.testing.assert_close(layer.eval()(vectors['x/x']), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(('gone', 'missing'), [('conv3.bias', 'conv_w.bias'), ('bn1.weight', 'bn1.weight')])
def test_a_missing_tensor_is_named(gone: str, missing: str):
    weights, _ = load_golden('coordatt_mbv2_naming')
    del weights[gone]
    with pytest.raises(KeyError, match=f"source 'coordattention', under our names: missing {missing}"):
        convert_state_dict(weights, 'coordattention')


def hidden_layer(layer: CoordinateAttention, means: torch.Tensor) -> torch.Tensor:
    """Hard swish of the normalised (C,) -> (hidden,) projection of one row's or column's means."""
    z = layer.conv1.weight[:, :, 0, 0] @ means + layer.conv1.bias
    bn = layer.bn1
    z = (z - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
    return z * (z + 3).clamp(0, 6) / 6


def test_equals_the_definition():
    layer, x = CoordinateAttention(5, min_channels=3).double().eval(), 2 * torch.randn(1, 5, 3, 4).double()
    layer.bn1.running_mean.copy_(torch.randn(3))
    layer.bn1.running_var.copy_(torch.rand(3) + 0.5)
    result = layer(x)
    for i in range(3):
        row = layer.conv_h.weight[:, :, 0, 0] @ hidden_layer(layer, sum(x[0, :, i, j] for j in range(4)) / 4)
        for j in range(4):
            column = layer.conv_w.weight[:, :, 0, 0] @ hidden_layer(layer, sum(x[0, :, k, j] for k in range(3)) / 3)
            scale = (row + layer.conv_h.bias).sigmoid() * (column + layer.conv_w.bias).sigmoid()
            torch.testing.assert_close(result[0, :, i, j], x[0, :, i, j] * scale)


def test_without_gradients_the_input_and_the_result_stay_the_same():
    layer, x = CoordinateAttention(32).eval(), torch.randn(2, 32, 5, 6)
    before, expected = x.clone(), layer(x)
    with torch.no_grad():
        assert torch.equal(layer(x), expected)
    assert torch.equal(x, before)


def test_one_normalisation_sees_rows_and_columns():
    layer, x = CoordinateAttention(6), torch.randn(2, 6, 3, 5)
    layer(x)
    means = torch.cat([x.mean(3), x.mean(2)], dim=2)  # (B, C, H + W)
    hidden = torch.einsum('oc,bcp->bop', layer.conv1.weight[:, :, 0, 0], means) + layer.conv1.bias[:, None]
    torch.testing.assert_close(layer.bn1.running_mean, 0.1 * hidden.mean((0, 2)))


def test_published_defaults():
    layer = CoordinateAttention(512)
    assert layer.conv1.out_channels == 16
    assert layer.bn1.eps == 1e-5
    assert CoordinateAttention(64).conv1.out_channels == 8
    assert [name for name, _ in CoordinateAttention(64, reduction=4, min_channels=1).named_parameters()] == [
        *('conv1.weight', 'conv1.bias', 'bn1.weight', 'bn1.bias'),
        *('conv_h.weight', 'conv_h.bias', 'conv_w.weight', 'conv_w.bias'),
    ]


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('reduction', 0, ValueError, 'reduction must be at least 1, got 0'),
        ('min_channels', 0.5, TypeError, 'min_channels must be an integer, got 0.5'),
        ('norm_eps', -1e-5, ValueError, 'norm_eps must be above 0, got -1e-05'),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'CoordinateAttention: {message}'):
        CoordinateAttention(16, **{option: value})
