"""Every engine equals the reference, forward and backward, in every dtype that it takes."""

import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from mmattn.attention import axial_attention, build_attention, channel_attention, multi_head_attention, use_engine
from mmattn.attention.non_local import concatenation_attention, gaussian_attention
from mmattn.attention.tokens import TokenLinear
from mmattn.kernels import engines
from mmattn.kernels.engines import Engine, engines_of, find_engine, operators
from mmattn.kernels.products import FEWEST_ROWS

Case = tuple[Callable[..., Tensor], list[Tensor]]
DTYPES = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 4e-2, torch.float16: 6e-3}  # and their tolerances


def maps(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape) for shape in shapes]


def criss_cross() -> Case:
    layer = build_attention('CrissCrossAttention', 16, recurrence=2)
    nn.init.constant_(layer.gamma, 0.7)
    return layer, maps((2, 16, 7, 9))


def softmax() -> Case:
    return lambda *x: gaussian_attention(*x, scale=0.6), maps((2, 5, 40), (2, 5, 33), (2, 12, 33))


def concatenation() -> Case:
    inputs = maps((2, 5, 40), (2, 5, 33), (2, 12, 33), (10,))
    return lambda *x: concatenation_attention(*x).to(x[2].dtype), inputs


def axial() -> Case:
    """Lines longer than the table of positions, in pieces."""
    norm = nn.BatchNorm2d(6)
    inputs = maps((3, 2, 4, 90), (3, 2, 4, 90), (3, 2, 8, 90), (16, 9))
    return lambda *x: torch.cat(axial_attention(*x, deepcopy(norm).to(x[0].dtype), span=5), 2), inputs


CASES: dict[str, Callable[[], Case]] = {
    'axial': axial,
    'channel': lambda: (channel_attention, maps((2, 300, 5, 6))),
    'concatenation': concatenation,
    'criss_cross': criss_cross,
    'multi_head': lambda: (lambda *x: multi_head_attention(*x, num_heads=4), maps(*[(2, 21, 16)] * 3)),
    'rows': lambda: (TokenLinear(12, 20).requires_grad_(False), maps((2, FEWEST_ROWS // 2, 12))),
    'softmax': softmax,
}


def computed(engine: str, dtype: torch.dtype, operator: str) -> tuple[Tensor, ...]:
    """Returns an operator's result and gradients; rows are of predictions."""
    torch.manual_seed(0)
    run, inputs = CASES[operator]()
    if isinstance(run, nn.Module):
        run = run.to(dtype)
    inputs = [x.to(dtype).requires_grad_() for x in inputs]
    with use_engine(engine), torch.set_grad_enabled(operator != 'rows'):
        result = run(*inputs)
        if operator == 'rows':
            return (result,)
        return result, *torch.autograd.grad(result, inputs, torch.randn(result.shape).to(result.dtype))


def test_every_operator_has_its_case():
    assert sorted(CASES) == operators()


@pytest.mark.parametrize('dtype', list(DTYPES), ids=lambda dtype: str(dtype).split('.')[1])
@pytest.mark.parametrize(
    ('operator', 'engine'), [(name, engine.name) for name in operators() for engine in engines_of(name)]
)
def test_every_engine_equals_the_reference(operator: str, engine: str, dtype: torch.dtype, monkeypatch):
    if engine == 'triton' and not torch.cuda.is_available():
        pytest.skip('Triton kernels need a GPU; tests/kernels/criss_cross/test_triton.py interprets them')
    monkeypatch.setattr('mmattn.kernels.softmax.fuses_bfloat16', lambda: True)  # the fused kernel is right on any CPU
    expected, ours = computed('reference', dtype, operator), computed(engine, dtype, operator)
    for one, other in zip(ours, expected):
        assert one.dtype == other.dtype == dtype
        limit = DTYPES[dtype] * max(1.0, other.abs().max().item())
        torch.testing.assert_close(one, other, rtol=DTYPES[dtype], atol=limit)


@pytest.mark.parametrize('operator', operators())
def test_engines_are_asked_unless_the_reference_is_forced(operator: str, monkeypatch):
    asked = []
    monkeypatch.setattr(engines, '_TABLE', {operator: (Engine('cpu', lambda *a: asked.append(a), None),)})
    monkeypatch.setattr('mmattn.attention.axial.find_engine', find_engine)
    computed('auto', torch.float32, operator)
    assert asked
    asked.clear()
    computed('reference', torch.float32, operator)
    assert not asked


def test_traces_take_what_their_exporters_know(monkeypatch):
    x = torch.randn(1, 300, 4)
    assert find_engine('channel', x) is not None
    monkeypatch.setattr('torch.jit.is_tracing', lambda: True)
    assert find_engine('channel', x) is None
    assert all(find_engine(operator, x, x, x) is None for operator in ('concatenation', 'multi_head', 'softmax'))


def test_wrong_engines_are_named():
    message = r"use_engine must be one of 'auto', 'reference', .*got 'tritn'; did you mean 'triton'"
    with pytest.raises(ValueError, match=message), use_engine('tritn'):
        pass
    code = [sys.executable, '-c', 'import mmattn.attention']
    run = subprocess.run(code, env={**os.environ, 'MMATTN_ENGINE': 'fast'}, capture_output=True, text=True)
    assert "MMATTN_ENGINE must be one of 'auto', 'reference', 'cpu', 'fused', 'triton', got 'fast'" in run.stderr
