"""Axial attention: the contract, the published vectors, the definition, and what is not published: any size."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmattn.attention import AxialAttention, SingleAxisAttention
from mmattn.checkpoints import convert_state_dict
from mmattn.kernels.axial.engine import _softmax
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden

# The same for all keys of a query: softmax ignores it.
SILENT = ('height.bn_similarity.bias', 'width.bn_similarity.bias')


class TestLocal(AttentionContract):
    """Sizes below, at and above the kernel size."""

    name = 'AxialAttention'
    options = {'kernel_size': 4, 'span': 5, 'num_heads': 2}
    silent_parameters = SILENT


class TestGlobal(AttentionContract):
    name = 'AxialAttention'
    silent_parameters = SILENT
    # Slow, and the exported graph is the same for all options: TestLocal has it.
    test_exports_to_onnx_with_dynamic_sizes = None


def published(axis: str, golden: str, prefix: str = '') -> tuple[SingleAxisAttention, dict[str, torch.Tensor]]:
    weights, vectors = load_golden(golden)
    stride = 2 if golden.endswith('s2') else 1
    layer = SingleAxisAttention(
        16,
        axis=axis,
        out_channels=weights['qkv_transform.weight'].shape[0] // 2,
        num_heads=weights['bn_similarity.weight'].numel() // 3,
        kernel_size=(weights['relative'].shape[1] + 1) // 2,
        stride=stride,
    )
    layer.load_state_dict(convert_state_dict({prefix + k: v for k, v in weights.items()}, 'axial-deeplab'))
    return layer.eval(), vectors


@pytest.mark.parametrize('stride', ['', '_s2'])
@pytest.mark.parametrize('axis', ['height', 'width'])
def test_equals_the_published_layer_and_its_gradients(axis: str, stride: str):
    layer, vectors = published(axis, f'axial_attention_{axis}{stride}')
    x = vectors['x/a'].requires_grad_()
    y = layer(x)
    torch.testing.assert_close(y, vectors['y/a'], rtol=1e-5, atol=1e-5)
    y.backward(vectors['x/dy_a'])
    torch.testing.assert_close(x.grad, vectors['y/dx_a'], rtol=1e-5, atol=1e-5)
    for name, parameter in layer.named_parameters():
        expected = vectors[f'y/grad_a/{name}']
        if name == 'bn_similarity.bias':  # zero but for rounding there, zero here
            assert expected.abs().max() < 1e-5
            assert not parameter.grad.any()
            continue
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize('prefix', ['module.layer1.0.hight_block.', 'layer4.0.width_block.', 'hight_block.'])
def test_takes_a_layer_with_the_prefix_of_its_network(prefix: str):
    layer, vectors = published('height', 'axial_attention_height', prefix)
    torch.testing.assert_close(layer(vectors['x/a']), vectors['y/a'], rtol=1e-5, atol=1e-5)


def test_equals_both_axes_of_the_published_block():
    weights, vectors = load_golden('axial_block')
    layer = AxialAttention(16, num_heads=2, kernel_size=8).eval()
    attention = {key: value for key, value in weights.items() if '_block.' in key}
    layer.load_state_dict(convert_state_dict(attention, 'axial-deeplab'))

    def normalise(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.batch_norm(x, *(weights[f'{name}.{k}'] for k in ('running_mean', 'running_var', 'weight', 'bias')))

    x = vectors['x/x']
    hidden = layer(F.relu(normalise(F.conv2d(x, weights['conv_down.weight']), 'bn1'))).relu()
    out = F.relu(normalise(F.conv2d(hidden, weights['conv_up.weight']), 'bn2') + x)
    torch.testing.assert_close(out, vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('gone', ['relative', 'bn_qkv.weight', 'bn_similarity.running_var'])
def test_a_missing_tensor_is_named(gone: str):
    weights, _ = load_golden('axial_attention_height')
    del weights[gone]
    with pytest.raises(KeyError, match=f"source 'axial-deeplab', under our names: missing {gone}"):
        convert_state_dict(weights, 'axial-deeplab')


def sees(layer: SingleAxisAttention, length: int, i: int, j: int) -> bool:
    return length <= layer.kernel_size or -((layer.span - 1) // 2) <= j - i <= layer.span // 2


def by_definition(layer: SingleAxisAttention, x: torch.Tensor) -> tuple[torch.Tensor, torch.nn.BatchNorm1d]:
    """The paper's equation 4, pair by pair, along the width, and the normalisation of its similarities."""
    (batch, _, height, length), heads, depth = x.shape, layer.num_heads, layer.key_channels
    projected = torch.einsum('oc,bchw->bhow', layer.qkv_transform.weight[..., 0], x).flatten(0, 1)
    q, k, v = layer.bn_qkv(projected).unflatten(1, (heads, -1)).split([depth, depth, layer.value_channels], dim=2)
    q_table, k_table, v_table = layer.relative.split([depth, depth, layer.value_channels])
    limit = layer.kernel_size - 1
    row = [limit + max(-limit, min(limit, offset)) for offset in range(1 - length, length)]  # of offset + length - 1
    pairs = [(i, j) for i in range(length) for j in range(length) if sees(layer, length, i, j)]
    similarities = torch.stack(
        [
            torch.cat(
                [
                    (q[..., i] * k[..., j]).sum(2),
                    (q[..., i] * q_table[:, row[i - j + length - 1]]).sum(2),
                    (k[..., j] * k_table[:, row[j - i + length - 1]]).sum(2),
                ],
                dim=1,
            )
            for i, j in pairs
        ],
        dim=2,
    )
    bn = layer.bn_similarity
    norm = torch.nn.BatchNorm1d(3 * heads, eps=bn.eps).to(x.dtype).train(bn.training)
    norm.load_state_dict(bn.state_dict())
    norm.weight, norm.bias = bn.weight, bn.bias
    logits = norm(similarities).unflatten(1, (3, heads)).sum(1)
    content, position = torch.zeros_like(v), torch.zeros_like(v)
    for i in range(length):
        here = [n for n, pair in enumerate(pairs) if pair[0] == i]
        weights = logits[..., here].softmax(-1)
        for weight, n in zip(weights.unbind(-1), here):
            j = pairs[n][1]
            content[..., i] += weight.unsqueeze(-1) * v[..., j]
            position[..., i] += weight.unsqueeze(-1) * v_table[:, row[i - j + length - 1]]
    both = torch.stack([content.flatten(1, 2), position.flatten(1, 2)], dim=2).flatten(1, 2)
    out = layer.bn_output(both).unflatten(1, (-1, 2)).sum(2)
    return out.unflatten(0, (batch, height)).transpose(1, 2), norm


def randomise(layer: torch.nn.Module) -> None:
    for name, tensor in layer.state_dict().items():
        if 'running_var' in name or ('bn' in name and 'weight' in name):
            tensor.uniform_(0.5, 2)
        elif 'running_mean' in name or 'bias' in name:
            tensor.normal_()


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize(
    ('length', 'kernel_size', 'span'),
    [
        (5, 5, None),
        (24, 24, None),
        (3, 5, None),
        (1, 4, None),
        (9, 5, None),
        (21, 4, 4),
        (12, 4, 30),
        (48, 4, 7),
        (50, 4, 4),
        (7, 3, 9),
        (5, 2, 1),
        (6, 6, 3),
    ],
)
def test_equals_the_definition_pair_by_pair(length: int, kernel_size: int, span: int | None, training: bool):
    layer = SingleAxisAttention(8, axis='width', num_heads=2, kernel_size=kernel_size, span=span).double()
    randomise(layer)
    layer.train(training)
    x = torch.randn(2, 8, 3, length, dtype=torch.float64)
    state = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    result = layer(x)
    updated = {name: tensor.clone() for name, tensor in layer.bn_similarity.state_dict().items()}
    layer.load_state_dict(state)
    expected, norm = by_definition(layer, x)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(updated, dict(norm.state_dict()))


@pytest.mark.parametrize(('length', 'kernel_size'), [(4, 4), (24, 24), (19, 4), (40, 4)])
def test_gradients_flow_through_the_statistics(length: int, kernel_size: int):
    layer = SingleAxisAttention(4, axis='width', num_heads=1, kernel_size=kernel_size, span=3).double().train()
    x = torch.randn(2, 4, 2, length, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(2, 4, 2, length, dtype=torch.float64)
    parameters = [x, layer.relative, layer.bn_similarity.weight, layer.qkv_transform.weight]
    result = torch.autograd.grad(layer(x), parameters, cotangent)
    torch.testing.assert_close(result, torch.autograd.grad(by_definition(layer, x)[0], parameters, cotangent))


def test_frozen_statistics_stay():
    layer = SingleAxisAttention(8, axis='width', num_heads=2, kernel_size=4).train()
    layer.bn_similarity.eval()
    layer(torch.randn(2, 8, 3, 4))
    assert torch.equal(layer.bn_similarity.running_var, torch.ones(6))
    assert layer.bn_similarity.num_batches_tracked == 0


@pytest.mark.parametrize('length', [4, 24, 30])
def test_cumulative_statistics_average_the_batches(length: int):
    layer = SingleAxisAttention(8, axis='width', num_heads=2, kernel_size=24).train()
    layer.bn_similarity.momentum = None
    single = []
    for x in (torch.randn(2, 8, 3, length), torch.randn(2, 8, 3, length)):
        alone = SingleAxisAttention(8, axis='width', num_heads=2, kernel_size=24).train()
        alone.load_state_dict(layer.state_dict())
        alone.bn_similarity.momentum = 1.0
        alone(x)
        single.append(alone.bn_similarity.running_mean.clone())
        layer(x)
    torch.testing.assert_close(layer.bn_similarity.running_mean, (single[0] + single[1]) / 2)


def test_synchronised_normalisation_takes_over():
    layer, x = SingleAxisAttention(8, axis='width', num_heads=2, kernel_size=6).eval(), torch.randn(2, 8, 3, 9)
    randomise(layer)
    expected = layer(x)
    torch.testing.assert_close(torch.nn.SyncBatchNorm.convert_sync_batchnorm(layer)(x), expected)


def test_a_local_position_sees_its_span_and_no_further():
    layer = SingleAxisAttention(16, axis='height', kernel_size=4, span=5).eval()
    x = torch.randn(1, 16, 60, 3, requires_grad=True)
    layer(x)[:, :, 20, 1].sum().backward()
    reached = x.grad.abs().sum((0, 1)).nonzero()
    assert sorted(map(tuple, reached.tolist())) == [(row, 1) for row in range(18, 23)]


def test_height_is_width_transposed():
    height = SingleAxisAttention(16, axis='height', kernel_size=5, stride=2).eval()
    width = SingleAxisAttention(16, axis='width', kernel_size=5, stride=2).eval()
    width.load_state_dict(height.state_dict())
    x = torch.randn(2, 16, 12, 7)
    torch.testing.assert_close(height(x), width(x.mT).mT)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that an operator returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.elements = max([self.elements, *sizes])
        return out


@pytest.mark.parametrize('training', [False, True])
def test_memory_is_linear_in_the_span(training: bool):
    layer = SingleAxisAttention(16, axis='width', num_heads=2, kernel_size=16, span=31).train(training)
    for length in (256, 512, 1024):
        x = torch.randn(1, 16, 2, length, requires_grad=True)
        with LargestTensor() as largest:
            layer(x).square().mean().backward()
        assert largest.elements <= 2 * 2 * length * (16 + 31)  # heads, rows, positions, window


def test_long_lines_compile_in_one_graph():
    layer, x = SingleAxisAttention(16, axis='width', kernel_size=4, span=3).eval(), torch.randn(1, 16, 2, 40)
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend='aot_eager')(x), layer(x))


@pytest.mark.parametrize('length', [2, 7, 15, 16, 20])
def test_softmax_of_short_lines(length: int):
    logits = torch.randn(3, 2, length, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(3, 2, length, dtype=torch.float64)
    result, expected = _softmax(logits), logits.softmax(-1)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(
        torch.autograd.grad(result, logits, cotangent), torch.autograd.grad(expected, logits, cotangent)
    )


def test_stride_keeps_the_rest_of_an_odd_axis():
    layer = SingleAxisAttention(16, axis='width', out_channels=32, kernel_size=4, stride=2).eval()
    assert layer(torch.randn(1, 16, 5, 1)).shape == (1, 32, 3, 1)


def test_few_channels_keep_one_query_channel():
    layer = AxialAttention(8)
    assert (layer.height.key_channels, layer.height.value_channels) == (1, 1)


def test_default_span_is_the_whole_table():
    assert AxialAttention(16).width.span == 2 * 56 - 1


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(num_heads=3), ValueError, r'num_heads must divide in_channels \(16\), got 3'),
        (dict(num_heads=0), ValueError, 'num_heads must be at least 1, got 0'),
        (dict(kernel_size=0), ValueError, 'kernel_size must be at least 1, got 0'),
        (dict(span=0), ValueError, 'span must be at least 1, got 0'),
        (dict(span=2.5), TypeError, 'span must be an integer, got 2.5'),
    ],
)
def test_wrong_options_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'^AxialAttention: {message}'):
        AxialAttention(16, **options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(axis='depth'), "axis must be one of 'height', 'width', got 'depth'"),
        (dict(axis='width', out_channels=20), r'num_heads must divide out_channels \(20\), got 8'),
        (dict(axis='width', stride=0), 'stride must be at least 1, got 0'),
    ],
)
def test_wrong_options_of_one_axis_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=f'^SingleAxisAttention: {message}'):
        SingleAxisAttention(16, **options)
