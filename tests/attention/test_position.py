"""Position attention: the contract, the published vectors, the definition, and that it never holds the N x N map."""

import pytest
import torch

from mmattn.attention import PositionAttention, position_attention
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'PositionAttention'


@pytest.mark.parametrize('prefix', ['', 'sa.', 'module.head.sa.'])
def test_equals_the_published_layer_and_its_gradients(prefix: str):
    weights, vectors = load_golden('danet_pam')
    layer = PositionAttention(32)
    layer.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'danet'))
    x = vectors['x/a'].requires_grad_()
    y = layer(x)
    torch.testing.assert_close(y, vectors['y/a'], rtol=1e-5, atol=1e-5)
    y.backward(vectors['x/dy_a'])
    torch.testing.assert_close(x.grad, vectors['y/dx_a'], rtol=1e-5, atol=1e-5 * vectors['y/dx_a'].abs().max().item())
    for name, parameter in layer.named_parameters():
        expected = vectors[f'y/grad_a/{name}']
        if name == 'key_conv.bias':  # exactly zero but for rounding, here and in the published layer
            assert parameter.grad.abs().max() < 5e-5
            continue
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_equals_the_definition_position_by_position():
    query, key, value = torch.randn(1, 3, 4, 5), torch.randn(1, 3, 4, 5), torch.randn(1, 6, 4, 5)
    result = position_attention(query, key, value)
    for row in range(4):
        for column in range(5):
            weights = (key[0].flatten(1).T @ query[0, :, row, column]).softmax(0)
            torch.testing.assert_close(result[0, :, row, column], value[0].flatten(1) @ weights)


def test_starts_as_the_identity():
    x = torch.randn(2, 16, 5, 4)
    assert torch.equal(PositionAttention(16)(x), x)


def test_widths_of_queries():
    assert PositionAttention(4).query_conv.out_channels == 1
    assert PositionAttention(64, reduction=4).key_conv.out_channels == 16
    assert PositionAttention(64, query_channels=10).query_conv.out_channels == 10


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('reduction', 0, ValueError, 'reduction must be at least 1, got 0'),
        ('query_channels', 0, ValueError, 'query_channels must be at least 1, got 0'),
        ('query_channels', 2.5, TypeError, 'query_channels must be an integer, got 2.5'),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'PositionAttention: {message}'):
        PositionAttention(16, **{option: value})
