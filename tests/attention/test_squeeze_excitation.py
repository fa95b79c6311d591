"""Squeeze-and-excitation: the contract, the published vectors, MMSegmentation's layer and the definition itself."""

import pytest
import torch
from mmseg.models.utils import SELayer, make_divisible

from mmattn.attention import SqueezeExcitation
from mmattn.attention.gating import squeezed_width
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'SqueezeExcitation'
    options = {'reduction': 2}


class TestHardSigmoid(AttentionContract):
    name = 'SqueezeExcitation'
    options = {'reduction': 2, 'gate': 'hard_sigmoid', 'bias': False}


@pytest.mark.parametrize(
    ('golden', 'source', 'channels', 'reduction'),
    [('se_caffe_arith', 'senet', 32, 16), ('mmseg_se_layer_sigmoid', 'mmseg', 64, 8)],
)
def test_equals_the_published_layer(golden: str, source: str, channels: int, reduction: int):
    weights, vectors = load_golden(golden)
    layer = SqueezeExcitation(channels, reduction=reduction)
    layer.load_state_dict(convert_state_dict(weights, source))
    torch.testing.assert_close(layer(vectors['x/x']), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(('channels', 'ratio'), [(64, 16), (32, 4), (96, 16), (40, 2)])
def test_equals_mmseg_with_its_gate_and_gradients(channels: int, ratio: int):
    theirs = SELayer(channels, ratio)
    ours = SqueezeExcitation(channels, reduction=ratio, gate='hard_sigmoid', divisor=8)
    ours.load_state_dict(
        convert_state_dict({f'se.{key}': value for key, value in theirs.state_dict().items()}, 'mmseg')
    )
    theirs, ours = theirs.double(), ours.double()  # PyTorch's hard sigmoid keeps a float32 constant
    x = 20 * torch.randn(2, channels, 5, 4, dtype=torch.float64) + 5
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    (gated := ours(first)).square().sum().backward()
    (expected := theirs(second)).square().sum().backward()
    torch.testing.assert_close(gated, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(first.grad, second.grad, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.fc1.weight.grad, theirs.conv1.conv.weight.grad, rtol=1e-5, atol=1e-4)


def test_equals_the_definition():
    layer, x = SqueezeExcitation(6, reduction=3), torch.randn(2, 6, 3, 4)
    w1, b1, w2, b2 = layer.fc1.weight[:, :, 0, 0], layer.fc1.bias, layer.fc2.weight[:, :, 0, 0], layer.fc2.bias
    result = layer(x)
    for image, gated in zip(x, result):
        means = [sum(image[c, i, j] for i in range(3) for j in range(4)) / 12 for c in range(6)]
        hidden = [max(sum(w1[k, c] * means[c] for c in range(6)) + b1[k], torch.tensor(0.0)) for k in range(2)]
        for c in range(6):
            logit = w2[c, 0] * hidden[0] + w2[c, 1] * hidden[1] + b2[c]
            torch.testing.assert_close(gated[c], image[c] / (1 + torch.exp(-logit)))


@pytest.mark.parametrize('prefix', ['', 'layer3.5.se.', 'module.layer1.0.se_module.', 'se.'])
def test_linear_layers_without_biases_load(prefix: str):
    first, second = torch.randn(2, 32), torch.randn(32, 2)
    converted = convert_state_dict({f'{prefix}fc.0.weight': first, f'{prefix}fc.2.weight': second}, 'senet')
    layer = SqueezeExcitation(32, bias=False)
    layer.load_state_dict(converted)
    x = torch.randn(1, 32, 4, 4)
    expected = x * ((x.mean((2, 3)) @ first.T).relu() @ second.T).sigmoid()[..., None, None]
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ('golden', 'source', 'gone', 'missing'),
    [
        ('se_caffe_arith', 'senet', 'fc2.weight', 'fc2.weight'),
        ('se_caffe_arith', 'senet', 'fc1.bias', 'fc1.bias'),
        ('mmseg_se_layer_sigmoid', 'mmseg', 'conv1.conv.bias', 'fc1.bias'),
    ],
)
def test_a_missing_tensor_is_named(golden: str, source: str, gone: str, missing: str):
    weights, _ = load_golden(golden)
    del weights[gone]
    with pytest.raises(KeyError, match=f"source '{source}', under our names: missing {missing}"):
        convert_state_dict(weights, source)


def test_published_defaults():
    layer = SqueezeExcitation(256)
    assert {key: tuple(value.shape) for key, value in layer.state_dict().items()} == {
        'fc1.weight': (16, 256, 1, 1),
        'fc1.bias': (16,),
        'fc2.weight': (256, 16, 1, 1),
        'fc2.bias': (256,),
    }
    assert SqueezeExcitation(8).fc1.out_channels == 1


@pytest.mark.parametrize('channels', [8, 20, 32, 72, 88, 100, 256])
@pytest.mark.parametrize('reduction', [1, 3, 4, 16])
def test_hidden_width_is_that_of_mmseg(channels: int, reduction: int):
    assert squeezed_width(channels, reduction, 8) == make_divisible(channels // reduction, 8)


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('reduction', 0, ValueError, 'reduction must be at least 1, got 0'),
        ('divisor', 2.0, TypeError, 'divisor must be an integer, got 2.0'),
        ('gate', 'tanh', ValueError, "gate must be one of 'sigmoid', 'hard_sigmoid', got 'tanh'"),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'SqueezeExcitation: {message}'):
        SqueezeExcitation(16, **{option: value})
