"""The Triton kernels of criss-cross attention against the plain function, in Triton's interpreter, without a GPU.

Triton reads TRITON_INTERPRET when it is imported, so one test here runs the others in a process of their own.
"""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mmattn.attention import CrissCrossAttention, criss_cross_attention
from mmattn.kernels import engines
from mmattn.kernels.criss_cross import layer
from mmattn.kernels.criss_cross.layout import align_queries, serves_triton
from mmattn.kernels.precision import has_tf32_convolutions
from mmattn.kernels.products import positions_by_rows
from tests.gpu import lane

triton = pytest.importorskip('triton')
OLD = tuple(map(int, triton.__version__.split('.')[:2])) < (3, 7) and np.__version__ >= '2.4'
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
rehearsed = pytest.mark.skipif(os.environ.get('MMATTN_REHEARSE') != '1', reason='takes long; MMATTN_REHEARSE=1 runs it')
interpreted = pytest.mark.skipif(not INTERPRETED, reason='runs in a process of its own, below')


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='is that process')
@pytest.mark.skipif(
    OLD, reason="the interpreter of Triton 3.6 and before fails with NumPy 2.4: it calls NumPy's old names"
)
def test_in_the_interpreter():
    from triton.runtime.interpreter import InterpreterBuilder

    if not hasattr(InterpreterBuilder, 'get_int1_ty'):
        pytest.skip(f'the interpreter of Triton {triton.__version__} lacks get_int1_ty, as that of 3.2')
    command = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', __file__]
    run = subprocess.run(command, env={**os.environ, 'TRITON_INTERPRET': '1'}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(re.search(r'(\d+) passed', run.stdout)[1]) >= 10, run.stdout


@pytest.fixture
def interpreted_layer(monkeypatch: pytest.MonkeyPatch):
    """Builds layers that take the Triton kernels on the CPU, with the tiles of a GPU."""
    from triton.runtime import interpreter

    dot = interpreter.InterpreterBuilder.create_dot

    def create_dot(self, a, b, *rest):  # the interpreter would multiply the bits of bfloat16
        return dot(self, *(self.create_fp_ext(t, interpreter.tl.float32) for t in (a, b)), *rest)

    monkeypatch.setattr(interpreter.InterpreterBuilder, 'create_dot', create_dot)
    engine = engines.Engine('triton', lambda *_: True, layer.add_attended_by_triton)
    monkeypatch.setattr(engines, '_TABLE', {'criss_cross': (engine,)})

    def build(channels: int, **options) -> CrissCrossAttention:
        torch.manual_seed(0)
        layer = CrissCrossAttention(channels, **options)
        torch.nn.init.constant_(layer.gamma, 0.7)
        return layer

    return build


@pytest.fixture
def triton_layer(monkeypatch: pytest.MonkeyPatch, interpreted_layer):
    """Builds such layers with tiles so small that little maps need several."""
    from mmattn.kernels.criss_cross import triton as launches

    tiles = launches._tiles
    monkeypatch.setattr(launches, '_tiles', lambda *args: {**tiles(*args), 'ROWS': 16, 'COLS': 16})
    monkeypatch.setattr(launches, 'CHANNELS', 16)
    monkeypatch.setattr(launches, 'LONGEST', 0)
    return interpreted_layer


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
@pytest.mark.parametrize(
    ('shape', 'dtype', 'share'),
    [
        ((1, 40, 1, 1), torch.float16, 16),
        ((1, 40, 1, 7), torch.bfloat16, 16),
        ((1, 40, 9, 1), torch.float16, 48),
        ((2, 40, 5, 19), torch.bfloat16, 48),
        ((2, 40, 5, 19), torch.float16, 16),
    ],
)
def test_whole_lines(interpreted_layer, monkeypatch, shape: tuple[int, ...], dtype: torch.dtype, share: int):
    from mmattn.kernels.criss_cross import triton as launches

    monkeypatch.setattr(launches, 'CHANNELS', 16)
    monkeypatch.setattr(launches, '_share', lambda *_: share)
    monkeypatch.setattr(launches.kernels, 'normaliser', None)  # is not needed
    layer, x = interpreted_layer(shape[1], reduction=4), torch.randn(shape)
    expected = results(lambda x: plain(layer, x), layer, x)
    layer.to(dtype)
    tolerance = 0.01 if dtype == torch.float16 else 0.05
    for last in (False, True):
        given = x.to(dtype, memory_format=torch.channels_last if last else torch.contiguous_format)
        for got, right in zip(results(layer, layer, given), expected, strict=True):
            largest = max(right.abs().max().item(), 1)
            torch.testing.assert_close(got.float(), right, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
def test_parts_of_the_channels_fill_a_gpu(monkeypatch):
    from mmattn.kernels.criss_cross import triton as launches

    class OnGpu:
        is_cuda, device = True, None

    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda _: SimpleNamespace(multi_processor_count=132))
    assert launches._share(OnGpu, 776, 512) == 512
    assert launches._share(OnGpu, 97, 512) == 192  # 291 programs, of 264 that run at once
    assert launches._share(OnGpu, 1, 512) == 64
    assert launches._share(OnGpu, 97, 20) == 64


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


@interpreted
@rehearsed
@pytest.mark.parametrize('shape', [(1, 512, 1, 65), (1, 512, 66, 3), (1, 64, 130, 2)])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float32])
def test_tiles_of_a_gpu(interpreted_layer, shape: tuple[int, ...], dtype: torch.dtype):
    """Lines taken whole, and 64 or 32 positions by 64 channels of queries, 512 of values."""
    layer, x = lane.prepare(interpreted_layer(shape[1])).cpu(), lane.random_map(*shape).cpu()
    wide = deepcopy(layer).double()
    right = lane.results(wide, [x.double()], run=lambda x: plain(wide, x))
    lane.assert_near(lane.results(layer.to(dtype), [x.to(dtype)]), right, dtype, str(shape))


@interpreted
@pytest.mark.parametrize('longest', [0, 128])
def test_float16_overflows_no_sooner_than_its_result(interpreted_layer, monkeypatch, longest: int):
    """All queries of a column look at one key: its gradients before gamma are above 65,504, and those of weights."""
    from mmattn.kernels.criss_cross import triton as launches

    monkeypatch.setattr(launches, 'LONGEST', longest)
    packed, gamma = torch.zeros(1, 9, 2, 48).half(), torch.zeros(1)
    packed[..., :16] = packed[:, 0, :, 16:32] = 1
    packed[..., 32:] = torch.arange(18).view(1, 9, 2, 1)
    x, weight = torch.randn(1, 16, 9, 2).half(), torch.randn(48, 16).half()
    out, record = launches.attend(x, packed, gamma)
    assert torch.equal(out, x)
    grads = launches.attend_backward(torch.full_like(x, 6e4), x, weight, packed, record, gamma)
    assert all(grad.isfinite().all() for grad in grads)


@interpreted
def test_views_of_maps_beyond_32_bit_offsets(interpreted_layer, tmp_path):
    """A map's positions lie 2**30 elements apart in a sparse file."""
    from mmattn.kernels.criss_cross import triton as launches

    everything = torch.from_file(str(tmp_path / 'map'), shared=True, size=3 * 2**30 + 16, dtype=torch.float16)
    x = everything.as_strided((1, 16, 2, 2), (2**32, 1, 2**31, 2**30))
    x.copy_(torch.randn(1, 16, 2, 2))
    packed, gamma = torch.randn(1, 2, 2, 48).half(), torch.ones(1).half()
    torch.testing.assert_close(launches.attend(x, packed, gamma)[0], launches.attend(x.clone(), packed, gamma)[0])


class Watch(TorchDispatchMode):
    """Keeps the matrices that are multiplied and the size of the largest tensor made."""

    def __init__(self) -> None:
        super().__init__()
        self.matrices, self.largest = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm):
            self.matrices += [t for t in (*args, result) if isinstance(t, Tensor) and t.dim() > 1]
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel() * result.element_size())
        return result


class NoKernel:
    """A kernel whose launches do nothing."""

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return lambda *arguments, **options: None


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_products_are_aligned_and_memory_is_linear(monkeypatch, layout: torch.memory_format, dtype: torch.dtype):
    """Of an odd number of positions; the largest tensor is what a position has times the positions."""
    from mmattn.kernels.criss_cross import triton as launches

    names = 'normaliser', 'gather', 'query_gradients', 'key_gradients'
    monkeypatch.setattr(launches, 'kernels', SimpleNamespace(**{name: NoKernel() for name in names}))
    monkeypatch.setattr(launches, 'triton_lines', SimpleNamespace(gather_line=NoKernel()))
    x = torch.randn(2, 16, 99, 101).to(dtype, memory_format=layout)
    weight, bias, gamma = (torch.randn(size, dtype=dtype) for size in ((48, 16), (48,), (1,)))
    with Watch() as watch:
        packed = positions_by_rows(x, weight, bias)
        out, record = launches.attend(x, packed, gamma)
        grads = launches.attend_backward(torch.randn_like(out), x, weight, packed, record, gamma)
    assert len(watch.matrices) >= 9
    for matrix in watch.matrices:
        assert min(matrix.stride()) == 1
        assert max(matrix.stride()) * matrix.element_size() % 16 == 0
    assert watch.largest == 2 * 99 * 101 * max(dtype.itemsize * 48, 4 * 32)  # or what queries and keys have, in float32
    assert all(t.is_contiguous(memory_format=layout) for t in (out, grads[0]))


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
def test_narrow_queries_are_filled_up():
    weight, bias = torch.randn(2 * 3 + 10, 10, requires_grad=True), torch.randn(2 * 3 + 10)
    wide, longer = align_queries(weight, bias, 3)
    assert (wide.shape, longer.shape) == ((42, 10), (42,))
    x = torch.randn(10)
    query, key, value = (wide @ x + longer).split([16, 16, 10])
    narrow = (weight @ x + bias).split([3, 3, 10])
    torch.testing.assert_close(query @ key, narrow[0] @ narrow[1])
    torch.testing.assert_close(value, narrow[2])
    assert align_queries(wide, longer, 16)[0] is wide


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
def test_products_of_float32_follow_pytorch(monkeypatch: pytest.MonkeyPatch):
    """Whichever of its two kinds of settings a program has used."""
    from mmattn.kernels.criss_cross import triton as launches

    def precision(dtype: torch.dtype = torch.float32) -> str:
        return launches._tiles(torch.zeros(1, dtype=dtype), 64)['PRECISION']

    matmul = torch.backends.cuda.matmul
    assert (precision(), precision(torch.bfloat16)) == ('tf32x3', 'tf32')
    try:
        torch.set_float32_matmul_precision('high')
        assert precision() == 'tf32'
        torch.set_float32_matmul_precision('highest')
        if hasattr(matmul, 'fp32_precision'):
            matmul.fp32_precision = 'tf32'  # asking for the older setting is an error now
            assert precision() == 'tf32'
            matmul.fp32_precision = 'ieee'
            assert precision() == 'tf32x3'
    finally:
        if hasattr(matmul, 'fp32_precision'):
            matmul.fp32_precision = 'none'
        torch.set_float32_matmul_precision('highest')
    assert has_tf32_convolutions() is torch.backends.cudnn.allow_tf32


def compiled(kernel: str, dtype: torch.dtype, embed: int, **flags) -> object:
    """Compiles a kernel for sm_90a as it is launched for maps of 512 channels."""
    if 'constexprs' not in inspect.signature(triton.compiler.ASTSource).parameters:
        pytest.skip('Triton before 3.3 is asked otherwise')
    from triton.backends.compiler import GPUTarget

    from mmattn.kernels.criss_cross import triton as launches
    from mmattn.kernels.criss_cross import triton_kernels, triton_lines

    function = getattr(triton_lines if kernel == 'gather_line' else triton_kernels, kernel)
    packed = torch.zeros(1, dtype=dtype)
    if kernel == 'gather_line':
        tiles = launches._line_tiles(packed, embed, (97, 97))
        if tiles is None:
            pytest.skip('not for such numbers')
    else:
        tiles = (launches._narrow_tiles if kernel.endswith('gradients') else launches._tiles)(packed, embed)
    constants = dict(CHANNELS=launches.CHANNELS, **flags) | tiles
    warps = constants.pop('num_warps', 4)
    constants = {name: constants[name] for name in function.arg_names if name in constants}
    kind = {torch.float32: '*fp32', torch.bfloat16: '*bf16', torch.float16: '*fp16'}[dtype]
    wide = ('log_sums', 'log_sum', 'column_log', 'means', *(['partial'] if kernel.endswith('gradients') else []))
    maps = ('packed', 'values', 'grad', 'grad_packed', 'partial', 'x', 'gamma', 'out')
    types = dict.fromkeys(maps, kind) | dict.fromkeys(wide, '*fp32') | dict.fromkeys(constants, 'constexpr')
    signature = {name: types.get(name, 'i32') for name in function.arg_names}
    sixteens = (*maps, *wide, 'embed', 'total', 'channels', 'share', 'value_image', 'value_position')
    divisible = {(i,): [['tt.divisibility', 16]] for i, name in enumerate(signature) if name in sixteens}
    source = triton.compiler.ASTSource(fn=function, signature=signature, constexprs=constants, attrs=divisible)
    options = dict(num_warps=warps, ptx_version=83)
    return triton.compile(source, target=GPUTarget('cuda', 90, 32), options=options)


ALONG_ROWS = dict(AXIS=1, RESIDUAL=True)
COMPILED = {
    'normaliser': {},
    'gather': dict(ALONG_ROWS, TRANSPOSED=False),
    'gather_line': dict(ALONG_ROWS, TRANSPOSED=False),
    'gather_line transposed': dict(ALONG_ROWS, TRANSPOSED=True),
    'query_gradients': dict(AXIS=1),
    'key_gradients': dict(AXIS=1),
}


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason='compiles')
@pytest.mark.parametrize(
    ('dtype', 'embed'),
    [
        (torch.bfloat16, 64),
        *(
            pytest.param(dtype, embed, marks=rehearsed)
            for dtype, embed in [
                (torch.float32, 64),
                (torch.float32, 128),
                (torch.float16, 16),
                (torch.bfloat16, 128),
            ]
        ),
    ],
)
@pytest.mark.parametrize('kernel', COMPILED)
def test_compiles_for_a_gpu_without_one(monkeypatch, tmp_path, kernel: str, dtype: torch.dtype, embed: int):
    """On the tensor cores, float32 too, without a register in memory, in the shared memory of the smallest GPU."""
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    binary = compiled(kernel.split()[0], dtype, embed, **COMPILED[kernel])
    ptx = binary.asm['ptx']
    assert 'wgmma' in ptx if dtype != torch.float32 and embed <= 64 else 'mma' in ptx
    assert binary.metadata.shared <= 99 * 1024
    assembler = Path(triton.__file__).parent / 'backends' / 'nvidia' / 'bin' / 'ptxas'
    if not assembler.is_file():
        return
    (tmp_path / 'kernel.ptx').write_text(ptx)
    command = [assembler, '-v', '--gpu-name=sm_90a', tmp_path / 'kernel.ptx', '-o', tmp_path / 'kernel.cubin']
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert ' 0 bytes spill stores' in said, said


@pytest.mark.skipif(INTERPRETED, reason='runs without the interpreter')
@pytest.mark.parametrize(
    ('changes', 'takes'),
    [
        ({}, True),
        ({'dtype': torch.bfloat16}, True),
        ({'dtype': torch.float64}, False),
        ({'device': 'cpu'}, False),
        ({'embed': 129}, False),
        ({'shape': (2**15 - 1, 512, 97, 97)}, True),
        ({'shape': (2**15, 512, 97, 97)}, False),
        ({'shape': (1, 512, 1831, 1832)}, True),
        ({'shape': (1, 512, 1832, 1832)}, False),
        ({'shape': (1, 512, 1, 131056)}, True),
        ({'shape': (1, 512, 131057, 1)}, False),
        ({'major': 7}, False),
    ],
)
def test_choice(monkeypatch: pytest.MonkeyPatch, changes: dict, takes: bool):
    options = {'dtype': torch.float32, 'device': 'cuda', 'shape': (8, 512, 97, 97), 'embed': 64, 'major': 9, **changes}
    properties = SimpleNamespace(major=options['major'])
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: properties)
    device = SimpleNamespace(type=options['device'])
    assert serves_triton(device, options['dtype'], options['shape'], options['embed']) is takes
