"""The Triton kernels of criss-cross attention against the plain function, in Triton's interpreter, without a GPU.

Triton reads TRITON_INTERPRET when it is imported, so one test here runs the others in a process of their own.
"""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from mmattn.attention import CrissCrossAttention, criss_cross_attention
from mmattn.kernels import engines
from mmattn.kernels.criss_cross import layer
from mmattn.kernels.criss_cross.layout import serves_triton

pytest.importorskip('triton')
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
interpreted = pytest.mark.skipif(not INTERPRETED, reason='runs in a process of its own, below')


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='is that process')
def test_in_the_interpreter():
    command = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', __file__]
    run = subprocess.run(command, env={**os.environ, 'TRITON_INTERPRET': '1'}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '8 passed' in run.stdout, run.stdout


@pytest.fixture
def triton_layer(monkeypatch: pytest.MonkeyPatch):
    """Builds layers that take the Triton kernels on the CPU, with tiles so small that little maps need several."""
    from triton.runtime import interpreter

    from mmattn.kernels.criss_cross import triton as launches

    tiles, dot = launches._tiles, interpreter.InterpreterBuilder.create_dot

    def create_dot(self, a, b, *rest):  # the interpreter would multiply the bits of bfloat16
        return dot(self, *(self.create_fp_ext(t, interpreter.tl.float32) for t in (a, b)), *rest)

    monkeypatch.setattr(interpreter.InterpreterBuilder, 'create_dot', create_dot)
    monkeypatch.setattr(launches, '_tiles', lambda *args: {**tiles(*args), 'ROWS': 16, 'COLS': 16})
    monkeypatch.setattr(launches, 'CHANNELS', 16)
    engine = engines.Engine('triton', lambda *_: True, layer.add_attended_by_triton)
    monkeypatch.setattr(engines, '_TABLE', {'criss_cross': (engine,)})

    def build(channels: int, **options) -> CrissCrossAttention:
        torch.manual_seed(0)
        layer = CrissCrossAttention(channels, **options)
        torch.nn.init.constant_(layer.gamma, 0.7)
        return layer

    return build


def plain(layer: CrissCrossAttention, x: Tensor) -> Tensor:
    for _ in range(layer.recurrence):
        attended = criss_cross_attention(layer.query_conv(x), layer.key_conv(x), layer.value_conv(x))
        x = x + layer.gamma * attended
    return x


def results(function, layer: CrissCrossAttention, x: Tensor) -> list[Tensor]:
    """Returns the output and the gradients of the input and the parameters."""
    inputs = [x.detach().requires_grad_(), *layer.parameters()]
    y = function(inputs[0])
    return [y, *torch.autograd.grad(y, inputs, y.detach().cos())]


@interpreted
@pytest.mark.parametrize(
    ('shape', 'dtype', 'tolerance'),
    [
        ((1, 16, 1, 1), torch.float32, 1e-5),
        ((1, 16, 17, 1), torch.float32, 1e-5),
        ((2, 16, 2, 17), torch.float32, 1e-5),
        ((1, 24, 3, 4), torch.float16, 0.01),
        ((1, 24, 4, 3), torch.bfloat16, 0.05),
    ],
)
def test_equals_the_plain_function(triton_layer, shape: tuple[int, ...], dtype: torch.dtype, tolerance: float):
    layer, x = triton_layer(shape[1], reduction=4), torch.randn(shape)
    expected = results(lambda x: plain(layer, x), layer, x)
    layer.to(dtype)
    for got, right in zip(results(layer, layer, x.to(dtype)), expected, strict=True):
        assert got.dtype == dtype
        largest = max(right.abs().max().item(), 1)
        torch.testing.assert_close(got.float(), right, rtol=tolerance, atol=tolerance * largest)


@interpreted
def test_channels_last_stay_last(triton_layer):
    layer, x = triton_layer(16), torch.randn(1, 16, 3, 4).contiguous(memory_format=torch.channels_last)
    y, grad_x, *_ = results(layer, layer, x)
    expected, expected_grad, *_ = results(lambda x: plain(layer, x), layer, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(grad_x, expected_grad)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert grad_x.is_contiguous(memory_format=torch.channels_last)


@interpreted
def test_recurrent_layer_compiles_in_one_graph(triton_layer):
    layer, x = triton_layer(16, recurrence=2), torch.randn(1, 16, 2, 3)
    compiled = torch.compile(layer, fullgraph=True, backend='aot_eager')
    expected = results(lambda x: plain(layer, x), layer, x)
    for got, right in zip(results(compiled, layer, x), expected, strict=True):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-5)


@interpreted
def test_large_logits_stay_finite_in_half_precision(triton_layer):
    layer = triton_layer(16).half()
    assert all(t.isfinite().all() for t in results(layer, layer, 100 * torch.randn(1, 16, 2, 3).half()))


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='compiles')
@pytest.mark.parametrize('kernel', ['normaliser', 'gather', 'weight_gradients'])
def test_compiles_for_a_gpu_without_one(monkeypatch: pytest.MonkeyPatch, tmp_path, kernel: str):
    import triton
    from triton.backends.compiler import GPUTarget

    from mmattn.kernels.criss_cross import triton_kernels

    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    function = getattr(triton_kernels, kernel)
    constants = dict(AXIS=1, TRANSPOSED=True, SCORES=True, RESIDUAL=False)
    constants |= dict(ROWS=64, COLS=64, EMBED=64, CHANNELS=64, PRECISION='ieee')
    constants = {name: constants[name] for name in function.arg_names if name in constants}
    wide, maps = (
        ('log_sums', 'log_sum', 'grad_weights', 'means'),
        ('packed', 'values', 'grad', 'partial', 'x', 'gamma', 'out'),
    )
    types = {**dict.fromkeys(wide, '*fp32'), **dict.fromkeys(maps, '*bf16'), **dict.fromkeys(constants, 'constexpr')}
    source = triton.compiler.ASTSource(
        fn=function, signature={name: types.get(name, 'i32') for name in function.arg_names}, constexprs=constants
    )
    assert 'wgmma' in triton.compile(source, target=GPUTarget('cuda', 90, 32)).asm['ptx']  # on the tensor cores


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
@pytest.mark.parametrize(
    ('changes', 'takes'),
    [
        ({}, True),
        ({'dtype': torch.bfloat16}, True),
        ({'dtype': torch.float64}, False),
        ({'device': 'cpu'}, False),
        ({'embed': 129}, False),
        ({'positions': 2**22}, False),
        ({'major': 7}, False),
    ],
)
def test_choice(monkeypatch: pytest.MonkeyPatch, changes: dict, takes: bool):
    options = {'dtype': torch.float32, 'device': 'cuda', 'positions': 97 * 97, 'embed': 64, 'major': 9, **changes}
    properties = SimpleNamespace(major=options['major'])
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: properties)
    device = SimpleNamespace(type=options['device'])
    assert serves_triton(device, options['dtype'], options['positions'], options['embed'], 512) is takes
