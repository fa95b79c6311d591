"""Attention with a bias, by every road, against the plain steps."""

import pytest
import torch

from mmattn.kernels.context import use_engine
from mmattn.models.blocks.biased_attention import HeadByHead
from mmattn.models.blocks.swin import WindowAttention, shift_mask


def make(batch: int, *, masked: bool) -> tuple[WindowAttention, torch.Tensor, torch.Tensor | None]:
    layer = WindowAttention(12, num_heads=3, window_size=4).double()
    torch.nn.init.normal_(layer.bias_table)
    windows = torch.randn(batch, 6, 16, 12, dtype=torch.float64)
    return layer, windows, shift_mask(torch.zeros(1, 8, 12, 1, dtype=torch.float64), 4, 2) if masked else None


@pytest.mark.parametrize('masked', [True, False])
@pytest.mark.parametrize('batch', [1, 3])
def test_values_and_gradients_are_those_of_the_plain_steps(batch: int, masked: bool):
    layer, windows, mask = make(batch, masked=masked)
    found = []
    for engine in ('auto', 'reference'):
        x = windows.clone().requires_grad_()
        layer.zero_grad()
        with use_engine(engine):
            y = layer(x, mask)
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum().backward()
        found.append([y.detach(), x.grad, *(parameter.grad.clone() for parameter in layer.parameters())])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(layer(windows, mask), found[1][0], rtol=1e-10, atol=1e-12)


def test_gradients_of_one_head_after_the_other():
    mask = torch.randn(2, 4, 4, dtype=torch.float64)
    qkv = torch.randn(2, 2, 4, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: HeadByHead.apply(a, b, mask), (qkv, bias))


def test_dropout_and_mixed_precision_take_other_roads():
    layer, windows, mask = make(2, masked=True)
    layer.float()
    windows, mask = windows.float(), mask.float()
    exact = layer(windows, mask)
    layer.attn_drop_rate = 0.5
    assert not torch.equal(layer(windows, mask), exact)
    layer.eval()
    torch.testing.assert_close(layer(windows, mask), exact)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(layer(windows, mask).float(), exact, rtol=0.1, atol=0.05)
