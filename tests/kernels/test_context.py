"""What decides the engine."""

import platform

import pytest
import torch

from mmattn.kernels.context import fuses_bfloat16, has_bfloat16


@pytest.mark.parametrize(
    ('machine', 'avx', 'amx', 'has', 'fuses'),
    [
        ('x86_64', False, False, False, False),
        ('AMD64', True, False, True, False),
        ('x86_64', False, True, True, True),
    ],
)
def test_bfloat16_of_a_processor(machine: str, avx: bool, amx: bool, has: bool, fuses: bool, monkeypatch):
    monkeypatch.setattr(platform, 'machine', lambda: machine)
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: avx, raising=False)
    monkeypatch.setattr(torch.cpu, '_is_amx_tile_supported', lambda: amx, raising=False)
    assert has_bfloat16() is has
    assert fuses_bfloat16() is fuses
