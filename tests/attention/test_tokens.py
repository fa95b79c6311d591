"""Maps as tokens and back."""

import pytest
import torch

from mmattn.attention.tokens import TokenLinear, to_map, to_tokens
from mmattn.kernels import products


def test_tokens_go_row_after_row():
    x = torch.arange(12.0).view(1, 2, 2, 3)
    assert to_tokens(x)[0].tolist() == [[0, 6], [1, 7], [2, 8], [3, 9], [4, 10], [5, 11]]
    assert torch.equal(to_map(to_tokens(x), (2, 3)), x)


@pytest.mark.parametrize('batch', [1, 2])
def test_both_ways_are_views_in_the_channels_last_layout(batch: int):
    tokens = torch.randn(batch, 12, 5)
    x = to_map(tokens, (3, 4))
    assert x.shape == (batch, 5, 3, 4)
    assert x.stride() == (60, 1, 20, 5)  # of the batch too: convolutions and interpolation choose their layout by it
    assert x.data_ptr() == to_tokens(x).data_ptr() == tokens.data_ptr()
    assert to_tokens(x).is_contiguous()


def test_large_predictions_of_a_token_layer_go_through_it_and_training_does_not(monkeypatch: pytest.MonkeyPatch):
    layer, x = TokenLinear(12, 9), torch.randn(2, products.FEWEST_ROWS // 2, 12)
    trained = layer(x)
    assert trained.requires_grad
    calls = []
    real = products.multiply_rows
    monkeypatch.setattr(products, 'multiply_rows', lambda *args: calls.append(1) or real(*args))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), trained.detach(), rtol=1e-5, atol=1e-6)
        assert len(calls) == int(products.takes_onednn(x))
        layer(x[:, 1:])  # too few
        layer(x.transpose(1, 2).contiguous().transpose(1, 2))  # would have to be copied
        with torch.autocast('cpu', dtype=torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        layer.double()(x.double())
    assert len(calls) == int(products.takes_onednn(x))
