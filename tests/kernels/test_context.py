"""What decides the engine."""

import platform

import pytest
import torch

from mmattn.kernels.context import has_bfloat16


@pytest.mark.parametrize(
    ('machine', 'avx', 'amx', 'expected'),
    [('x86_64', False, False, False), ('AMD64', True, False, True), ('x86_64', False, True, True)],
)
def test_bfloat16_of_a_processor(machine: str, avx: bool, amx: bool, expected: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, 'machine', lambda: machine)
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: avx, raising=False)
    monkeypatch.setattr(torch.cpu, '_is_amx_tile_supported', lambda: amx, raising=False)
    assert has_bfloat16() is expected
