"""Products of rows by oneDNN and by the BLAS are the same."""

import pytest
import torch
from torch import nn

from mmattn.kernels import products
from mmattn.kernels.products import (
    convolve_points,
    exponentials,
    multiply_columns,
    multiply_rows,
    project_positions,
    takes_onednn,
    without_denormals,
)

FAST_BLAS = products._has_fast_blas


@pytest.fixture(autouse=True, params=[False, True], ids=['onednn', 'blas'])
def _products_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products go to oneDNN where the BLAS is slow, which depends on the processor."""
    monkeypatch.setattr(products, '_has_fast_blas', lambda: request.param)
    assert takes_onednn(torch.zeros(1)) is not request.param


def test_weights_next_to_nothing_go():
    weights = torch.tensor([0.0, 1e-45, 1e-38, 9e-31, 2e-30, 1.0])
    assert without_denormals(weights) is weights
    torch.testing.assert_close(weights, torch.tensor([0.0, 0.0, 0.0, 0.0, 2e-30, 1.0]), rtol=1e-6, atol=0)
    wide = torch.tensor([1e-300, 1e-280], dtype=torch.float64)
    assert without_denormals(wide).tolist() == [0.0, 1e-280]


def test_exponentials_are_none_where_next_to_nothing():
    logits = torch.tensor([float('-inf'), -1e5, -100.0, -90.0, -70.0, -60.0, 0.0, 2.0])
    assert exponentials(logits) is logits
    expected = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 8.7565108e-27, 1.0, 7.3890561])
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=0)
    wide = exponentials(torch.tensor([-1e3, -680.0, -600.0, float('nan')], dtype=torch.float64))
    torch.testing.assert_close(wide[:3], torch.tensor([0.0, 0.0, 2.6503965530043108e-261], dtype=torch.float64))
    assert wide[3].isnan()


@pytest.mark.parametrize('count', [0, 1, 7, 12, 512, 97 * 5])
@pytest.mark.parametrize('with_bias', [True, False])
def test_rows_times_a_matrix(count: int, with_bias: bool):
    rows, matrix = torch.randn(count, 24), torch.randn(10, 24)
    bias = torch.randn(10) if with_bias else None
    expected = nn.functional.linear(rows, matrix, bias)
    out = multiply_rows(rows, matrix, bias)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    with torch.backends.mkldnn.flags(enabled=False):
        torch.testing.assert_close(multiply_rows(rows, matrix, bias), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(multiply_rows(rows, torch.randn(24, 10).t(), None).shape, out.shape)


@pytest.mark.parametrize('count', [0, 1, 97])
@pytest.mark.parametrize('with_bias', [True, False])
def test_a_matrix_times_columns(count: int, with_bias: bool):
    columns, matrix = torch.randn(24, count), torch.randn(10, 24)
    bias = torch.randn(10) if with_bias else None
    expected = matrix @ columns + (bias[:, None] if with_bias else 0)
    torch.testing.assert_close(multiply_columns(columns, matrix, bias), expected, rtol=1e-5, atol=1e-5)
    with torch.backends.mkldnn.flags(enabled=False):
        torch.testing.assert_close(multiply_columns(columns, matrix, bias), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [(5, 7), (1, 6), (6, 1), (1, 1)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_positions_are_projected(size: tuple[int, int], dtype: torch.dtype):
    x, weight, bias = (torch.randn(*shape, dtype=dtype) for shape in ((2, 12, *size), (9, 12), (9,)))
    out = project_positions(x, weight, bias)
    assert out.is_contiguous()
    expected = nn.functional.linear(x.permute(0, 2, 3, 1), weight, bias)
    tolerance = 5e-2 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(out, expected, rtol=tolerance, atol=tolerance)
    torch.library.opcheck(torch.ops.mmattn.project_positions, (x, weight, bias), test_utils='test_faketensor')


@pytest.mark.parametrize('autocast', [False, True])
@pytest.mark.parametrize('native', [False, True])
def test_points_go_by_way_of_float32_without_bfloat16_instructions(monkeypatch, native: bool, autocast: bool):
    """The shape of which oneDNN's own convolution is 18 % off on some processors with AVX-512."""
    monkeypatch.setattr(products, 'has_bfloat16', lambda: native)
    conv, x = nn.Conv1d(64, 128, 1, bias=False), torch.randn(7, 64, 5)
    exact = conv.double()(x.to(torch.bfloat16).double()) if not autocast else conv.double()(x.double())
    conv.float()
    ran = []
    real = conv._conv_forward
    monkeypatch.setattr(conv, '_conv_forward', lambda x, *rest: ran.append(x.dtype) or real(x, *rest))
    if autocast:
        with torch.autocast('cpu', dtype=torch.bfloat16):
            result = convolve_points(conv, x.requires_grad_())
    else:
        result = convolve_points(conv.to(torch.bfloat16), x.to(torch.bfloat16).requires_grad_())
    assert result.dtype == torch.bfloat16
    if not native:
        assert ran == [torch.float32]
        error = (result.double() - exact).norm() / exact.norm()
        assert error < 5e-3
    result.float().sum().backward()
    assert conv.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ('processor', 'fast'),
    [
        ('vendor_id : GenuineIntel\nflags : avx2 avx512f', True),
        ('vendor_id : AuthenticAMD\nflags : avx2', True),
        ('vendor_id : AuthenticAMD\nflags : avx2 avx512f', False),
        ('vendor_id : Unknown\nflags : sse2', False),
    ],
)
def test_the_blas_is_taken_where_it_uses_what_the_processor_has(processor: str, fast: bool, monkeypatch):
    monkeypatch.setattr('torch.backends.mkl.is_available', lambda: True)
    monkeypatch.setattr('pathlib.Path.read_text', lambda path: processor)
    assert FAST_BLAS.__wrapped__() is fast
    monkeypatch.setattr('torch.backends.mkl.is_available', lambda: False)
    assert FAST_BLAS.__wrapped__() is False
