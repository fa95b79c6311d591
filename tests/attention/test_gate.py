"""Attention gate: the contract for two inputs, the published vectors and the definition itself."""

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmattn.attention import AttentionGate, gate_coefficients, list_attention
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class HalfResolutionGate(nn.Module):
    """The gate, driven by half of the features' channels at half their resolution: a layer of one input."""

    def __init__(self, gate: AttentionGate) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        signal = (x if x.dim() == 3 else x[:, : self.gate.gate_channels])[..., ::2, ::2]
        return self.gate(x, signal)


class GateContract(AttentionContract):
    """What every attention layer must do, of a gate and its two inputs."""

    name = 'AttentionGate'
    smallest = 1  # length of an axis of the features in an exported graph

    def build(self, **options) -> nn.Module:
        return HalfResolutionGate(AttentionGate(self.channels, 8, **{**self.options, **options}))

    @pytest.mark.parametrize(('channels', 'error'), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
    def test_wrong_channels_are_named(self, channels, error: type[Exception]):
        with pytest.raises(error, match=rf'AttentionGate: in_channels must be .*{channels}'):
            AttentionGate(channels, 8, **self.options)
        with pytest.raises(error, match=rf'AttentionGate: gate_channels must be .*{channels}'):
            AttentionGate(8, channels, **self.options)

    @pytest.mark.parametrize('gate_size', [(1, 1), (3, 4), (9, 11), (20, 17)])
    @pytest.mark.parametrize('size', [(1, 1), (1, 6), (5, 1), (7, 9)])
    def test_any_two_sizes(self, size: tuple[int, int], gate_size: tuple[int, int]):
        layer = self.build().gate.eval()
        y = layer(torch.randn(2, self.channels, *size), torch.randn(2, 8, *gate_size))
        assert y.shape == (2, self.channels, *size)
        assert y.isfinite().all()

    def test_both_inputs_get_gradients(self):
        layer = self.build().gate
        x, gate = torch.randn(2, self.channels, 6, 7, requires_grad=True), torch.randn(2, 8, 3, 5, requires_grad=True)
        (layer(x, gate) * torch.randn(2, self.channels, 6, 7)).sum().backward()
        assert x.grad.abs().amin() > 0
        assert gate.grad.abs().sum((2, 3)).amin() > 0

    def test_exports_with_two_dynamic_sizes(self, tmp_path):
        layer = self.build().gate.eval()
        batch = torch.export.Dim('b', min=1, max=64)
        sizes = [
            {0: batch, **{axis: torch.export.Dim(f'{name}{axis}', min=smallest, max=256) for axis in (2, 3)}}
            for name, smallest in (('x', self.smallest), ('gate', 1))
        ]
        example = torch.randn(3, self.channels, 6, 5), torch.randn(3, 8, 4, 7)
        program = torch.export.export(layer, example, dynamic_shapes=tuple(sizes))
        torch.onnx.export(program, dynamo=True, verbose=False).save(tmp_path / 'gate.onnx')
        session = onnxruntime.InferenceSession(tmp_path / 'gate.onnx')
        for size, gate_size in (((9, 4), (5, 2)), ((self.smallest, 7), (6, 8)), ((8, self.smallest), (1, 1))):
            x, gate = torch.randn(2, self.channels, *size), torch.randn(2, 8, *gate_size)
            expected = layer(x, gate).detach()
            torch.testing.assert_close(program.module()(x, gate), expected)
            names = [tensor.name for tensor in session.get_inputs()]
            exported = session.run(None, dict(zip(names, (x.numpy(), gate.numpy()))))[0]
            torch.testing.assert_close(torch.from_numpy(exported), expected, rtol=1e-4, atol=1e-5)

    test_exports_to_onnx_with_dynamic_sizes = None  # replaced by the test above


class TestGrid(GateContract):
    smallest = 4
    # Normalisation takes away what this bias adds: its gradient is rounding.
    silent_parameters = ('gate.out.0.bias',)


class TestAdditive(GateContract):
    options = {'form': 'additive'}
    silent_parameters = ('gate.theta.bias', 'gate.phi.bias', 'gate.psi.bias')


def converted(layer: AttentionGate, weights: dict[str, torch.Tensor], source: str) -> AttentionGate:
    layer.load_state_dict(convert_state_dict(weights, source))
    return layer.eval()


def check_published(layer: AttentionGate, vectors: dict[str, torch.Tensor], x: str, gate: str, case: str) -> None:
    x, gate = vectors[f'x/{x}'], vectors[f'x/{gate}']
    torch.testing.assert_close(layer.coefficients(x, gate), vectors[f'y/att{case}'], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer(x, gate), vectors[f'y/Wy{case}'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('x', 'gate', 'case'), [('x', 'g', ''), ('x', 'g_small', '_small'), ('x_odd', 'g_odd', '_odd')]
)
@pytest.mark.parametrize('mode', ['concatenation', 'concatenation_debug'])
def test_equals_the_published_grid_gate(mode: str, x: str, gate: str, case: str):
    weights, vectors = load_golden(f'attention_gate_{mode}')
    layer = converted(AttentionGate(16, 24, inter_channels=12, mode=mode), weights, 'attention-gate')
    check_published(layer, vectors, x, gate, case)


def test_equals_the_published_grid_gate_of_volumes():
    weights, vectors = load_golden('attention_gate_3d')
    layer = AttentionGate(8, 12, inter_channels=6, dims=3, sub_sample=(2, 2, 2))
    prefixed = {f'module.attentionblock2.gate_block_1.{key}': value for key, value in weights.items()}
    check_published(converted(layer, prefixed, 'attention-gate'), vectors, 'x', 'g', '')


@pytest.mark.parametrize('prefix', ['', 'Att5.', 'module.Att2.'])
def test_equals_the_published_additive_gate(prefix: str):
    weights, vectors = load_golden('leejun_attention_block')
    published = {prefix + key: value for key, value in weights.items()}
    layer = converted(AttentionGate(16, 16, form='additive'), published, 'attention-unet')
    torch.testing.assert_close(layer(vectors['x/x'], vectors['x/g']), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('golden', 'source', 'gone', 'missing'),
    [
        ('attention_gate_concatenation', 'attention-gate', 'W.1.running_mean', 'out.1.running_mean'),
        ('attention_gate_concatenation', 'attention-gate', 'phi.bias', 'phi.bias'),
        ('leejun_attention_block', 'attention-unet', 'W_x.1.weight', 'theta_norm.weight'),
        ('leejun_attention_block', 'attention-unet', 'psi.0.bias', 'psi.bias'),
    ],
)
def test_a_missing_tensor_is_named(golden: str, source: str, gone: str, missing: str):
    weights, _ = load_golden(golden)
    del weights[gone]
    with pytest.raises(KeyError, match=f"source '{source}', under our names: missing {missing}"):
        convert_state_dict(weights, source)


ACTIVATIONS = {'concatenation': F.relu, 'concatenation_residual': F.relu, 'concatenation_debug': F.softplus}


@pytest.mark.parametrize('mode', list(ACTIVATIONS))
def test_coefficients_equal_the_definition(mode: str):
    layer = AttentionGate(4, 3, inter_channels=2, mode=mode).eval()
    nn.init.normal_(layer.phi.bias)
    x, gate = torch.randn(1, 4, 5, 6), torch.randn(1, 3, 2, 3)  # two by three grid points
    scores = torch.zeros(1, 1, 2, 3)
    for row in range(2):
        for column in range(3):
            patch = x[0, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            features = (layer.theta.weight * patch).sum((1, 2, 3))
            signal = layer.phi.weight[:, :, 0, 0] @ gate[0, :, row, column] + layer.phi.bias
            hidden = ACTIVATIONS[mode](features + signal)
            scores[0, 0, row, column] = layer.psi.weight[0, :, 0, 0] @ hidden + layer.psi.bias[0]
    share = scores.exp() / scores.exp().sum() if mode == 'concatenation_residual' else 1 / (1 + (-scores).exp())
    expected = F.interpolate(share, size=(5, 6), mode='bilinear', align_corners=False)
    torch.testing.assert_close(layer.coefficients(x, gate), expected)
    gated = F.conv2d(expected * x, layer.out[0].weight, layer.out[0].bias)
    torch.testing.assert_close(layer(x, gate), layer.out[1](gated))


def test_corners_align_on_request():
    x, gate = torch.randn(1, 4, 4, 4), torch.randn(1, 3, 3, 3)
    layer = AttentionGate(4, 3, align_corners=True).eval()
    features, signal = layer.theta(x), F.interpolate(layer.phi(gate), size=(2, 2), mode='bilinear', align_corners=True)
    coarse = layer.psi((features + signal).relu()).sigmoid()
    expected = F.interpolate(coarse, size=(4, 4), mode='bilinear', align_corners=True)
    torch.testing.assert_close(layer.coefficients(x, gate), expected)
    assert torch.equal(coarse[..., 0, 0], layer.coefficients(x, gate)[..., 0, 0])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_softmax_of_large_scores_is_finite_in_half_precision(dtype: torch.dtype):
    features = (300 * torch.randn(2, 3, 9, 9)).to(dtype)
    weight = torch.ones(1, 3, 1, 1, dtype=dtype)
    result = gate_coefficients(features, features, lambda f: F.conv2d(f, weight), mode='concatenation_residual')
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.sum((2, 3)), torch.ones(2, 1))


def test_the_additive_form_resizes_the_gate():
    layer = AttentionGate(6, 4, form='additive').eval()
    x, gate = torch.randn(1, 6, 8, 6), torch.randn(1, 4, 4, 3)
    enlarged = F.interpolate(layer.phi_norm(layer.phi(gate)), size=(8, 6), mode='bilinear', align_corners=False)
    joined = F.relu(layer.theta_norm(layer.theta(x)) + enlarged)
    torch.testing.assert_close(layer(x, gate), x * layer.psi_norm(layer.psi(joined)).sigmoid())


def test_needs_two_inputs_and_is_no_plugin():
    assert 'AttentionGate' not in list_attention()


def test_few_channels_keep_one_inner_channel():
    assert AttentionGate(1, 3).theta.out_channels == 1


@pytest.mark.parametrize('shape', [(2, 9, 4, 4), (2, 8, 4), (2, 8, 4, 4, 4)])
def test_wrong_gate_is_named(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r'AttentionGate: expected a \(B, 8, H, W\) gate input, got shape \(2'):
        AttentionGate(16, 8)(torch.randn(2, 16, 8, 8), torch.randn(*shape))


def test_a_gate_of_another_batch_is_named():
    with pytest.raises(ValueError, match='AttentionGate: expected a gate of 2 images, as the input has, got 1'):
        AttentionGate(16, 8)(torch.randn(2, 16, 8, 8), torch.randn(1, 8, 4, 4))


def test_wrong_volume_is_named():
    with pytest.raises(
        ValueError, match=r'AttentionGate: expected a \(B, 16, D, H, W\) input, got shape \(2, 16, 8, 8\)'
    ):
        AttentionGate(16, 8, dims=3)(torch.randn(2, 16, 8, 8), torch.randn(2, 8, 4, 4))


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(form='multiplicative'), ValueError, "form must be one of 'grid', 'additive', got 'multiplicative'"),
        (dict(mode='sum'), ValueError, "mode must be one of 'concatenation', 'concatenation_debug', .*, got 'sum'"),
        (dict(dims=1), ValueError, 'dims must be one of 2, 3, got 1'),
        (dict(dims=[2]), ValueError, r'dims must be one of 2, 3, got \[2\]'),
        (dict(align_corners='no'), TypeError, "align_corners must be True or False, got 'no'"),
        (dict(inter_channels=0), ValueError, 'inter_channels must be at least 1, got 0'),
        (dict(sub_sample=0), ValueError, 'sub_sample must be at least 1, got 0'),
        (dict(sub_sample=(2, 2, 2)), ValueError, r'sub_sample must be one integer or 2, got \(2, 2, 2\)'),
        (dict(sub_sample=2.0), TypeError, 'sub_sample must be an integer, got 2.0'),
    ],
)
def test_wrong_options_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'^AttentionGate: {message}'):
        AttentionGate(16, 8, **options)
