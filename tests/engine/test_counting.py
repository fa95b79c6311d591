"""MMEngine's counter of multiply-adds agrees with ours where other networks use PyTorch's fused attention."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import FlopAnalyzer
from torch import Tensor, nn

from mmattn.costs.complexity import count_multiply_adds


class Fused(nn.Module):
    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, key[..., :8])


class MultiHead(nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, **self.options)[0]


def count(module: nn.Module, *inputs: Tensor) -> int:
    analyzer = FlopAnalyzer(module, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return analyzer.total()


def test_fused_attention():
    query, key = torch.randn(2, 3, 50, 16), torch.randn(2, 3, 20, 16)
    assert count(Fused(), query, key) == 2 * 3 * 50 * 20 * (16 + 8)


@pytest.mark.parametrize('gradients', [True, False])
@pytest.mark.parametrize('need_weights', [True, False])
def test_multi_head_attention(need_weights: bool, gradients: bool):
    """PyTorch predicts by one operator of its own, by other operators where gradients are on."""
    layer, x = MultiHead(need_weights=need_weights).eval(), torch.randn(2, 30, 32)
    expected = 2 * (4 * 30 * 32 * 32 + 2 * 30 * 30 * 32)
    with torch.set_grad_enabled(gradients):
        assert count(layer, x) == expected
    assert count_multiply_adds(layer, x) == expected
