"""Position and channel attention side by side."""

import pytest
import torch

from mmattn.attention import DualAttention
from tests.attention.contract import AttentionContract


class TestContract(AttentionContract):
    name = 'DualAttention'
    silent_parameters = ('position.key_conv.bias',)


def test_is_both_with_one_residual():
    layer, x = DualAttention(16, reduction=4), torch.randn(2, 16, 5, 4)
    TestContract.awaken(layer)
    assert layer.position.query_conv.out_channels == 4
    torch.testing.assert_close(layer(x), layer.position(x) + layer.channel(x) - x)


def test_starts_as_the_identity():
    x = torch.randn(2, 16, 5, 4)
    assert torch.equal(DualAttention(16)(x), x)


def test_wrong_reduction_is_named():
    with pytest.raises(ValueError, match='DualAttention: reduction must be at least 1, got 0'):
        DualAttention(16, reduction=0)
