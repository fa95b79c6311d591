"""Efficient channel attention."""

import pytest
import torch

from mmattn.attention import EfficientChannelAttention
from mmattn.attention.efficient_channel import adaptive_kernel_size
from tests.attention.contract import AttentionContract


class TestContract(AttentionContract):
    name = 'EfficientChannelAttention'
    silent_parameters = ()


@pytest.mark.parametrize(('channels', 'size'), [(1, 1), (8, 3), (64, 3), (128, 5), (256, 5), (512, 5), (2048, 7)])
def test_the_kernel_follows_the_logarithm_of_the_channels(channels: int, size: int):
    """The published code's kernels: t = int((log2 C + 1) / 2), and t or the odd number above it."""
    assert adaptive_kernel_size(channels) == size
    assert EfficientChannelAttention(channels).conv.kernel_size == (size,)


def test_equals_the_definition_channel_by_channel():
    layer = EfficientChannelAttention(6, kernel_size=3)
    x = torch.randn(2, 6, 3, 4)
    means, weight = x.mean((2, 3)), layer.conv.weight.flatten().tolist()
    padded = torch.cat([torch.zeros(2, 1), means, torch.zeros(2, 1)], dim=1)
    for channel in range(6):
        gate = sum(weight[k] * padded[:, channel + k] for k in range(3)).sigmoid()
        torch.testing.assert_close(layer(x)[:, channel], x[:, channel] * gate[:, None, None])


def test_published_name_of_its_only_parameter():
    parameters = EfficientChannelAttention(64).named_parameters()
    assert [(name, tuple(parameter.shape)) for name, parameter in parameters] == [('conv.weight', (1, 1, 3))]


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(kernel_size=4), ValueError, 'kernel_size must be odd, got 4'),
        (dict(kernel_size=0), ValueError, 'kernel_size must be at least 1, got 0'),
        (dict(gamma=0), ValueError, 'gamma must be above 0, got 0'),
        (dict(beta='1'), TypeError, "beta must be a number, got '1'"),
    ],
)
def test_wrong_options_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'EfficientChannelAttention: {message}'):
        EfficientChannelAttention(8, **options)
