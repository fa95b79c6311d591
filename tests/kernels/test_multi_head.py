"""Attention of several heads: which way serves in bfloat16 on a CPU, and that both give the same."""

import pytest
import torch

from mmattn.attention.tokens import multi_head_attention
from mmattn.kernels import context, multi_head
from mmattn.models.blocks import biased_attention


@pytest.mark.parametrize(
    ('has', 'fuses', 'few', 'dtype', 'plain'),
    [
        (True, False, 70, torch.bfloat16, True),
        (True, False, 69, torch.bfloat16, False),
        (True, True, 70, torch.bfloat16, False),
        (False, False, 70, torch.bfloat16, False),
        (True, False, 70, torch.float32, False),
    ],
)
def test_plain_steps_where_the_fused_ones_are_slow(monkeypatch, has: bool, fuses: bool, few: int, dtype, plain: bool):
    monkeypatch.setattr(context, 'has_bfloat16', lambda: has)
    monkeypatch.setattr(context, 'fuses_bfloat16', lambda: fuses)
    monkeypatch.setattr(context, 'FEW_PAIRS', few)
    query, key = torch.zeros(2, 3, 10, 4, dtype=dtype), torch.zeros(2, 3, 7, 4, dtype=dtype)
    assert context.plain_attention_is_faster(query, key) is plain
    assert multi_head.takes(query, key, key) is not plain


@pytest.mark.parametrize('biased', [False, True])
def test_both_ways_give_the_same(monkeypatch, biased: bool):
    monkeypatch.setattr(context, 'has_bfloat16', lambda: True)
    width = 12
    tensors = [torch.randn(2, 9, width).bfloat16().requires_grad_() for _ in range(3)]
    bias, grad = torch.randn(2, 1, 9, 9), torch.randn(2, 9, width).bfloat16()
    wide = [t.detach().double().requires_grad_() for t in tensors]

    def computed(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        if not biased:
            return multi_head_attention(query, key, value, num_heads=3)
        heads = [t.unflatten(2, (3, -1)).transpose(1, 2) for t in (query, key, value)]
        return biased_attention.attend(*heads, bias.to(query.dtype)).transpose(1, 2).flatten(2)

    expected = computed(*wide)
    expected_grads = torch.autograd.grad(expected, wide, grad.double())
    for fuses in True, False:
        monkeypatch.setattr(context, 'fuses_bfloat16', lambda fuses=fuses: fuses)
        result = computed(*tensors)
        assert ('ScaledDotProduct' in _names(result.grad_fn)) is fuses
        assert (result.double() - expected).norm() < 0.01 * expected.norm()
        for ours, theirs in zip(torch.autograd.grad(result, tensors, grad), expected_grads):
            assert (ours.double() - theirs).norm() < 0.02 * theirs.norm()


def _names(node: torch.autograd.graph.Node | None) -> str:
    if node is None:
        return ''
    return node.name() + ' '.join(_names(before) for before, _ in node.next_functions)
