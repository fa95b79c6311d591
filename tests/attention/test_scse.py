"""Concurrent spatial and channel squeeze-and-excitation: the contract and the definition."""

import pytest
import torch

from mmattn.attention import SCSE, SqueezeExcitation
from tests.attention.contract import AttentionContract


class TestContract(AttentionContract):
    name = 'SCSE'


class TestAddition(AttentionContract):
    name = 'SCSE'
    options = {'combine': 'add', 'bias': False, 'reduction': 4}


@pytest.mark.parametrize('combine', ['max', 'add'])
def test_equals_the_definition(combine: str):
    layer, x = SCSE(6, combine=combine).double(), torch.randn(2, 6, 3, 4, dtype=torch.float64)
    channel_gate = SqueezeExcitation(6, reduction=2).double()
    channel_gate.load_state_dict({key: value for key, value in layer.state_dict().items() if key.startswith('fc')})
    by_channel, weight, bias, result = channel_gate(x), layer.conv.weight[0, :, 0, 0], layer.conv.bias[0], layer(x)
    for n, i, j in ((n, i, j) for n in range(2) for i in range(3) for j in range(4)):
        position_gate = 1 / (1 + torch.exp(-(sum(weight[c] * x[n, c, i, j] for c in range(6)) + bias)))
        for c in range(6):
            pair = (by_channel[n, c, i, j], x[n, c, i, j] * position_gate)
            expected = max(pair) if combine == 'max' else sum(pair)
            torch.testing.assert_close(result[n, c, i, j], expected)


def test_published_defaults():
    layer = SCSE(8)
    assert layer.combine == 'max'
    assert {key: tuple(value.shape) for key, value in layer.state_dict().items()} == {
        'fc1.weight': (4, 8, 1, 1),
        'fc1.bias': (4,),
        'fc2.weight': (8, 4, 1, 1),
        'fc2.bias': (8,),
        'conv.weight': (1, 8, 1, 1),
        'conv.bias': (1,),
    }


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('combine', 'mean', ValueError, "combine must be one of 'max', 'add', got 'mean'"),
        ('reduction', -1, ValueError, 'reduction must be at least 1, got -1'),
        ('reduction', 1.5, TypeError, 'reduction must be an integer, got 1.5'),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'SCSE: {message}'):
        SCSE(16, **{option: value})
