"""The non-local block: the contract in each mode, mmcv's vectors and the definitions, pair by pair."""

import onnxruntime
import pytest
import torch
from mmcv.cnn import NonLocal2d
from torch import nn

from mmattn.attention import NonLocal, concatenation_attention, dot_product_attention
from mmattn.attention.non_local import MODES, halve
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class NonLocalContract(AttentionContract):
    name = 'NonLocal'
    silent_parameters = ('phi.bias',)

    @staticmethod
    def awaken(layer: nn.Module) -> None:
        for parameter in layer.parameters():
            nn.init.normal_(parameter, std=0.2)


class TestEmbeddedGaussian(NonLocalContract):
    pass


class TestGaussian(NonLocalContract):
    options = {'mode': 'gaussian'}
    silent_parameters = ('g.bias',)  # the normalisation takes off a constant


class TestDotProduct(NonLocalContract):
    options = {'mode': 'dot_product'}
    large_std = 20.0  # with these weights the result itself, a cube of the features, leaves the range of float16


class TestConcatenation(NonLocalContract):
    options = {'mode': 'concatenation', 'norm': False}
    large_std = 100.0  # a square


class TestSubSampled(NonLocalContract):
    options = {'sub_sample': True}

    def test_exports_to_onnx_with_dynamic_sizes(self, tmp_path):
        """From 4 x 4 on: below, a pooled size of 1 changes the exported program."""
        layer = self.build().eval()
        sizes = {2: torch.export.Dim('h', min=4, max=256), 3: torch.export.Dim('w', min=4, max=256)}
        program = torch.export.export(layer, (torch.randn(1, 16, 6, 9),), dynamic_shapes=(sizes,))
        torch.onnx.export(program, dynamo=True, verbose=False).save(tmp_path / 'layer.onnx')
        session = onnxruntime.InferenceSession(tmp_path / 'layer.onnx')
        for size in ((9, 4), (5, 7)):
            x = torch.randn(1, 16, *size)
            exported = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
            torch.testing.assert_close(torch.from_numpy(exported), layer(x).detach(), rtol=1e-4, atol=1e-5)


class TestPooledFirst(NonLocalContract):
    options = {'sub_sample': True, 'pool_first': True}
    test_exports_to_onnx_with_dynamic_sizes = TestSubSampled.test_exports_to_onnx_with_dynamic_sizes


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('mode', MODES)
def test_large_activations_at_the_published_initialisation(mode: str, dtype: torch.dtype):
    layer, x = NonLocal(64, mode=mode).eval(), 300 * torch.randn(1, 64, 12, 11)
    nn.init.ones_(layer.norm.weight)
    with torch.autocast('cpu', dtype=dtype):
        assert layer(x).isfinite().all()
    assert layer.to(dtype)(x.to(dtype)).isfinite().all()


@pytest.mark.parametrize('prefix', ['', 'nl_block.'])
@pytest.mark.parametrize(
    ('golden', 'options'),
    [
        ('embedded_gaussian', {}),
        ('embedded_gaussian_sub', dict(sub_sample=True)),
        ('gaussian', dict(mode='gaussian', reduction=1)),
        ('dot_product', dict(mode='dot_product')),
        ('dot_product_sub', dict(mode='dot_product', sub_sample=True)),
        ('concatenation', dict(mode='concatenation')),
    ],
)
def test_equals_mmcv(golden: str, options: dict, prefix: str):
    weights, vectors = load_golden(f'mmcv_nonlocal2d_{golden}')
    layer = NonLocal(16, **options).eval()
    layer.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'mmcv'))
    torch.testing.assert_close(layer(vectors['x/x']), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('mode', ['embedded_gaussian', 'gaussian', 'dot_product'])
@pytest.mark.parametrize('sub_sample', [False, True])
def test_equals_mmcv_as_installed_with_gradients(mode: str, sub_sample: bool):
    theirs = NonLocal2d(16, mode=mode, sub_sample=sub_sample, zeros_init=False, std=0.3)
    ours = NonLocal(16, mode=mode, sub_sample=sub_sample, norm=False)
    ours.load_state_dict(convert_state_dict(theirs.state_dict(), 'mmcv'))
    x, grad = torch.randn(2, 16, 7, 9), torch.randn(2, 16, 7, 9)
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected, y = theirs(first), ours(second)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    expected.backward(grad)
    y.backward(grad)
    torch.testing.assert_close(second.grad, first.grad, rtol=1e-5, atol=2e-5)
    for name, value in convert_state_dict({k: p.grad for k, p in theirs.named_parameters()}, 'mmcv').items():
        if name != 'phi.bias' or 'gaussian' not in mode:
            size = value.abs().max().item()
            torch.testing.assert_close(ours.get_parameter(name).grad, value, rtol=1e-4, atol=1e-5 * size, msg=name)


def test_dot_product_pair_by_pair():
    query, key, value = torch.randn(1, 3, 5), torch.randn(1, 3, 4), torch.randn(1, 2, 4)
    result = dot_product_attention(query, key, value)
    for i in range(5):
        expected = sum((query[0, :, i] @ key[0, :, j]) * value[0, :, j] for j in range(4)) / 4
        torch.testing.assert_close(result[0, :, i], expected)


def test_concatenation_pair_by_pair():
    query, key, value = torch.randn(2, 3, 5), torch.randn(2, 3, 4), torch.randn(2, 2, 4)
    weight = torch.randn(6)
    result = concatenation_attention(query, key, value, weight)
    for b in range(2):
        for i in range(5):
            pairs = [(weight @ torch.cat([query[b, :, i], key[b, :, j]])).relu() * value[b, :, j] for j in range(4)]
            torch.testing.assert_close(result[b, :, i], sum(pairs) / 4)


def test_concatenation_gradients_are_those_of_all_pairs():
    """The concatenation of mmcv cannot be trained: it divides the result of its ReLU in place."""
    shapes = (2, 3, 9), (2, 3, 7), (2, 2, 7), (6,)
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    query, key, value, weight = tensors
    pairs = (weight[:3] @ query).unsqueeze(2) + (weight[3:] @ key).unsqueeze(1)
    expected = value @ (pairs.relu() / 7).mT
    result, grad = concatenation_attention(*tensors), torch.randn(2, 2, 9, dtype=torch.float64)
    for ours, theirs in zip(torch.autograd.grad(result, tensors, grad), torch.autograd.grad(expected, tensors, grad)):
        torch.testing.assert_close(ours, theirs)


def test_concatenation_with_equal_keys_and_none_above_zero():
    query, key, value = torch.zeros(1, 1, 3), torch.tensor([[[1.0, 1.0, -1.0]]]), torch.tensor([[[1.0, 2.0, 4.0]]])
    weight = torch.tensor([1.0, 1.0])
    torch.testing.assert_close(concatenation_attention(query, key, value, weight), torch.ones(1, 1, 3))
    assert not concatenation_attention(query, -key.abs(), value, weight).any()


def test_halving_floors_and_keeps_the_last_row():
    x = torch.arange(15.0).view(1, 1, 3, 5)
    assert halve(x).tolist() == [[[[6.0, 8.0]]]]
    assert halve(x[:, :, :1]).tolist() == [[[[1.0, 3.0]]]]
    assert halve(-x[:, :, :1, :1] - 3).tolist() == [[[[-3.0]]]]


def test_pooling_first_is_the_authors_order():
    layer, x = NonLocal(4, sub_sample=True, pool_first=True, norm=False), torch.randn(1, 4, 4, 6)
    nn.init.normal_(layer.conv_out.weight)
    pooled = nn.functional.max_pool2d(x, 2)
    logits = layer.theta(x).flatten(2).mT @ layer.phi(pooled).flatten(2) / 2**0.5
    y = (logits.softmax(-1) @ layer.g(pooled).flatten(2).mT).mT.unflatten(2, (4, 6))
    torch.testing.assert_close(layer(x), x + layer.conv_out(y))


@pytest.mark.parametrize('norm', [True, False])
def test_starts_as_the_identity_and_learns(norm: bool):
    layer, x = NonLocal(16, norm=norm), torch.randn(2, 16, 5, 4)
    y = layer(x)
    assert torch.equal(y, x)
    (y * torch.randn_like(y)).sum().backward()
    assert (layer.norm if norm else layer.conv_out).weight.grad.abs().min() > 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mode='dot'), "mode must be one of 'embedded_gaussian', 'gaussian', .*, got 'dot'"),
        (dict(reduction=0), 'reduction must be at least 1, got 0'),
        (dict(norm_eps=0), 'norm_eps must be above 0, got 0'),
        (dict(pool_first=True), 'pool_first=True needs sub_sample=True, got False'),
        (
            dict(mode='dot_product', use_scale=False),
            "use_scale=False applies to mode embedded_gaussian only, got 'dot_product'",
        ),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=f'NonLocal: {message}'):
        NonLocal(16, **options)
