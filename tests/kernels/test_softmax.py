"""The tiled softmax attention behind position attention and the non-local block."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from mmattn.attention.non_local import gaussian_attention as softmax_attention
from mmattn.kernels import softmax, softmax_tiles
from mmattn.kernels.softmax import has_lean_kernel


def inputs(batch: int, queries: int, keys: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    shapes = (batch, 3, queries), (batch, 3, keys), (batch, 5, keys)
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def plainly(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    return value @ (scale * query.mT @ key).softmax(-1).mT


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
@pytest.mark.parametrize('piece', [(1, 1), (4, 3), (1024, 512)])
@pytest.mark.parametrize(('tile', 'rows'), [(1, 1), (1, 4), (20, 1), (1 << 21, 128)])
def test_every_tiling_gives_the_same(monkeypatch, tile: int, rows: int, piece: tuple[int, int], dtype: torch.dtype):
    monkeypatch.setattr(softmax_tiles, 'TILE_ELEMENTS', tile)
    monkeypatch.setattr(softmax_tiles, 'MIN_ROWS', rows)
    monkeypatch.setattr(softmax_tiles, 'PIECE', piece)
    monkeypatch.setattr(softmax_tiles, 'SMALL', 0 if piece[0] < 1024 or tile == 1 else 1 << 17)
    tensors, grad = inputs(3, 10, 7, dtype), torch.randn(3, 5, 10, dtype=dtype)
    result, expected = softmax_attention(*tensors, scale=0.6), plainly(*tensors, scale=0.6)
    torch.testing.assert_close(result, expected)
    for ours, theirs in zip(torch.autograd.grad(result, tensors, grad), torch.autograd.grad(expected, tensors, grad)):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('small', [0, 1 << 17])
def test_operator_is_registered_right(monkeypatch, small: int):
    monkeypatch.setattr(softmax_tiles, 'SMALL', small)
    torch.library.opcheck(torch.ops.mmattn.softmax_attention, tuple(inputs(2, 4, 3)))


@pytest.mark.parametrize('small', [0, 1 << 17])
def test_layout_of_the_inputs_does_not_matter(monkeypatch, small: int):
    monkeypatch.setattr(softmax_tiles, 'SMALL', small)
    tensors = [t.detach().mT.contiguous().mT.requires_grad_() for t in inputs(2, 6, 5)]
    result = softmax_attention(*tensors)
    torch.testing.assert_close(result, plainly(*tensors, scale=1.0))
    result.sum().backward()
    assert all(tensor.grad.shape == tensor.shape for tensor in tensors)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_weighs_in_float32(dtype: torch.dtype):
    tensors = [(100 * t).detach().to(dtype).requires_grad_() for t in inputs(1, 9, 9)]
    result = softmax_attention(*tensors)
    assert result.dtype == dtype
    expected = plainly(*(t.float() for t in tensors), scale=1.0)
    torch.testing.assert_close(result.float(), expected, rtol=1e-2, atol=1e-2)
    result.sum().backward()
    assert all(t.grad.dtype == dtype and t.grad.isfinite().all() for t in tensors)


@pytest.mark.parametrize('small', [0, 1 << 17])
@pytest.mark.parametrize(('fuses', 'has'), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize(('query_width', 'value_width'), [(3, 5), (16, 16), (9, 2)])
def test_bfloat16_on_a_cpu(monkeypatch, query_width: int, value_width: int, fuses: bool, has: bool, small: int):
    """The library's kernel where the processor has AMX, else the tiles, of narrow values where it has bfloat16."""
    taken, values = [], []
    monkeypatch.setattr(softmax, 'fuses_bfloat16', lambda: fuses)
    monkeypatch.setattr(softmax, 'has_bfloat16', lambda: has)
    monkeypatch.setattr(softmax_tiles, 'SMALL', small)
    monkeypatch.setattr(softmax_tiles, 'PIECE', (40, 30))
    fused, tiles = softmax._fused_attention, softmax_tiles.attend
    monkeypatch.setattr(softmax, '_fused_attention', lambda *a: taken.append(1) or fused(*a))
    monkeypatch.setattr(softmax_tiles, 'attend', lambda *a: values.append(a[2].dtype) or tiles(*a))
    shapes = (2, query_width, 70), (2, query_width, 60), (2, value_width, 60)
    tensors = [torch.randn(shape).bfloat16().requires_grad_() for shape in shapes]
    wide = [t.detach().double().requires_grad_() for t in tensors]
    grad = torch.randn(2, value_width, 70).bfloat16()
    result, expected = softmax_attention(*tensors, scale=0.6), plainly(*wide, scale=0.6)
    assert result.dtype == torch.bfloat16
    assert bool(taken) is fuses
    assert values == ([] if fuses else [torch.bfloat16 if has else torch.float32])
    torch.testing.assert_close(result.double(), expected, rtol=0.02, atol=0.02)
    for ours, theirs in zip(
        torch.autograd.grad(result, tensors, grad), torch.autograd.grad(expected, wide, grad.double())
    ):
        assert (ours.double() - theirs).norm() < 0.02 * theirs.norm()


@pytest.mark.parametrize(('query_width', 'value_width'), [(3, 5), (8, 16), (9, 2)])
def test_layout_for_the_fused_kernels(query_width: int, value_width: int):
    """Taken on CUDA; the operator gives the same everywhere."""
    query, key = torch.randn(2, query_width, 7), torch.randn(2, query_width, 6)
    value = torch.randn(2, value_width, 6)
    rows = softmax._rows(query, key, value)
    assert all(x.is_contiguous() and x.shape[-1] % 8 == 0 for x in rows)
    result = softmax._fused_attention(*rows, 0.6)[:, :value_width]
    torch.testing.assert_close(result, plainly(query, key, value, 0.6))


@pytest.mark.parametrize(('flash', 'efficient'), [(True, False), (False, True), (False, False)])
def test_a_lean_kernel_is_what_pytorch_says(monkeypatch, flash: bool, efficient: bool):
    asked = []
    monkeypatch.setattr(torch.backends.cuda, 'SDPAParams', lambda *parts: asked.append(parts) or 'these')
    monkeypatch.setattr(torch.backends.cuda, 'can_use_flash_attention', lambda these: flash)
    monkeypatch.setattr(torch.backends.cuda, 'can_use_efficient_attention', lambda these: efficient)
    rows = softmax._rows(*(t.detach().half() for t in inputs(1, 4, 3)))
    assert has_lean_kernel(*rows) == (flash or efficient)
    assert [part.shape for part in asked[0][:3]] == [(1, 1, 4, 8), (1, 1, 3, 8), (1, 1, 3, 8)]
    assert asked[0][3:] == (None, 0.0, False, False)


@pytest.mark.parametrize(
    ('dtype', 'capability', 'enabled', 'lean'),
    [
        (torch.float32, (7, 0), True, True),
        (torch.float16, (7, 0), True, True),
        (torch.bfloat16, (7, 5), True, False),
        (torch.bfloat16, (8, 0), True, True),
        (torch.float64, (9, 0), True, False),
        (torch.float32, (9, 0), False, False),
    ],
)
def test_a_compiled_graph_goes_by_what_the_kernel_demands(monkeypatch, dtype, capability, enabled: bool, lean: bool):
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)
    monkeypatch.setattr(torch.backends.cuda, 'mem_efficient_sdp_enabled', lambda: enabled)
    assert has_lean_kernel(*(t.detach().to(dtype) for t in inputs(1, 4, 3))) == lean


@pytest.mark.parametrize('enabled', [True, False])
def test_the_decision_compiles(monkeypatch, enabled: bool):
    monkeypatch.setattr(torch.backends.cuda, 'mem_efficient_sdp_enabled', lambda: enabled)
    x = torch.ones(1, 1, 2, 8)

    def decide(x: torch.Tensor) -> torch.Tensor:
        return x * 2 if has_lean_kernel(x, x, x) else x * 3

    torch._dynamo.reset()
    compiled = torch.compile(decide, fullgraph=True, backend='eager', dynamic=True)
    assert compiled(x)[0, 0, 0, 0] == (2 if enabled else 3)


class FakeCuda(torch.Tensor):
    """A tensor of the CPU that says it is on a GPU."""

    @property
    def device(self) -> torch.device:
        return torch.device('cuda')


@pytest.mark.parametrize('lean', [True, False])
def test_on_a_gpu_without_a_lean_kernel_it_goes_by_tiles(monkeypatch, lean: bool):
    taken = []
    monkeypatch.setattr(softmax, 'has_lean_kernel', lambda *rows: lean)
    for module, name in ((softmax, '_fused_attention'), (softmax_tiles, 'attend')):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, name=name, function=function: taken.append(name) or function(*a))
    tensors = [t.detach().float() for t in inputs(2, 6, 5)]
    result = softmax_attention(*(t.as_subclass(FakeCuda) for t in tensors), scale=0.6)
    assert taken == ['_fused_attention' if lean else 'attend']
    torch.testing.assert_close(result.as_subclass(torch.Tensor), plainly(*tensors, scale=0.6))


def test_exporting_takes_the_operator_of_the_library(monkeypatch):
    tensors = [t.float() for t in inputs(2, 6, 5)]
    expected = softmax_attention(*tensors, scale=0.6)
    monkeypatch.setattr(softmax, 'is_exporting', lambda: True)
    torch.testing.assert_close(softmax_attention(*tensors, scale=0.6), expected)


def largest_allocation(
    function: Callable[..., torch.Tensor], positions: int, dtype: torch.dtype = torch.float32
) -> int:
    """Returns the bytes of the largest allocation that one operator makes, forward and backward."""
    tensors = [t.detach().requires_grad_() for t in inputs(1, positions, positions, dtype)]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        function(*tensors, scale=1.0).sum().backward()
    return max(event.self_cpu_memory_usage for event in profiled.events())


def test_never_holds_all_pairs():
    positions = 6000
    buffers = 2 * 4 * softmax_tiles.TILE_ELEMENTS
    assert largest_allocation(softmax_attention, positions) <= buffers
    assert largest_allocation(plainly, positions) >= 4 * positions**2 > 8 * buffers


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures('one_thread')  # each holds a piece of its own
@pytest.mark.parametrize('fuses', [True, False])
def test_never_holds_all_pairs_in_bfloat16(monkeypatch, fuses: bool):
    monkeypatch.setattr(softmax, 'fuses_bfloat16', lambda: fuses)
    monkeypatch.setattr(softmax, 'has_bfloat16', lambda: True)
    monkeypatch.setattr(softmax_tiles, 'TILE_ELEMENTS', 1 << 19)
    positions = 3000
    assert largest_allocation(softmax_attention, positions, torch.bfloat16) <= positions**2 / 4
    assert largest_allocation(plainly, positions, torch.bfloat16) >= 2 * positions**2
