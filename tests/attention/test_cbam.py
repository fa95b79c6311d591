"""CBAM: the contract, the published vectors, each pooling by its definition, and a whole network's checkpoint."""

import math

import pytest
import torch
from mmseg.models.backbones import ResNet

from mmattn.attention import CBAM
from mmattn.checkpoints import convert_state_dict
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'CBAM'
    options = {'reduction': 4}


class TestAllPoolings(AttentionContract):
    name = 'CBAM'
    options = {'reduction': 4, 'pool_types': ('lp', 'lse', 'max', 'avg'), 'no_spatial': True}


@pytest.mark.parametrize('prefix', ['', 'cbam.', 'module.layer2.3.cbam.'])
def test_equals_the_published_layer(prefix: str):
    weights, vectors = load_golden('cbam')
    layer = CBAM(32)
    layer.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'cbam'))
    torch.testing.assert_close(layer.eval()(vectors['x/x']), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(('golden', 'output'), [('cbam_no_spatial', 'y/out'), ('cbam', 'y/channel_only')])
def test_equals_the_published_channel_gate(golden: str, output: str):
    weights, vectors = load_golden(golden)
    layer = CBAM(32, no_spatial=True)
    channel_gate = {key: value for key, value in weights.items() if key.startswith('ChannelGate')}
    layer.load_state_dict(convert_state_dict(channel_gate, 'cbam'))
    torch.testing.assert_close(layer(vectors['x/x']), vectors[output], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('ChannelGate.mlp.3.bias', 'fc2.bias'),
        ('SpatialGate.spatial.conv.weight', 'conv.weight'),
        ('SpatialGate.spatial.bn.running_var', 'norm.running_var'),
    ],
)
def test_a_missing_tensor_is_named(gone: str, missing: str):
    weights, _ = load_golden('cbam')
    del weights[gone]
    with pytest.raises(KeyError, match=f"source 'cbam', under our names: missing {missing}"):
        convert_state_dict(weights, 'cbam')


POOLINGS = {
    'avg': lambda values: sum(values) / len(values),
    'max': max,
    'lp': lambda values: math.sqrt(sum(value * value for value in values)),
    'lse': lambda values: math.log(sum(math.exp(value) for value in values)),
}


@pytest.mark.parametrize('pool_types', [('avg',), ('max',), ('lp',), ('lse',), ('lse', 'lp', 'max', 'avg')])
def test_channel_gate_equals_the_definition(pool_types: tuple[str, ...]):
    layer = CBAM(4, reduction=2, pool_types=pool_types, no_spatial=True).double()
    x = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    result = layer(x)
    for image, gated in zip(x, result):
        logits = torch.zeros(4, dtype=torch.float64)
        for kind in pool_types:
            pooled = torch.tensor([POOLINGS[kind](channel.flatten().tolist()) for channel in image]).double()
            logits = logits + layer.fc2.weight @ (layer.fc1.weight @ pooled + layer.fc1.bias).relu() + layer.fc2.bias
        torch.testing.assert_close(gated, image / (1 + torch.exp(-logits))[:, None, None], rtol=1e-6, atol=1e-6)


def test_spatial_gate_equals_the_definition():
    layer, x = CBAM(4, reduction=2, kernel_size=3).double().eval(), torch.randn(1, 4, 3, 5, dtype=torch.float64)
    layer.norm.load_state_dict(
        dict(weight=torch.tensor([0.7]), bias=torch.tensor([0.2]), running_mean=torch.tensor([0.1]))
        | dict(running_var=torch.tensor([0.8]), num_batches_tracked=torch.tensor(1))
    )
    channel_gate = CBAM(4, reduction=2, no_spatial=True).double()
    channel_gate.load_state_dict({key: value for key, value in layer.state_dict().items() if key.startswith('fc')})
    inner, result = channel_gate(x)[0], layer(x)
    for row in range(3):
        for column in range(5):
            logit = 0.0
            for i, j in ((i, j) for i in range(3) for j in range(3)):
                if 0 <= row + i - 1 < 3 and 0 <= column + j - 1 < 5:
                    seen = inner[:, row + i - 1, column + j - 1]
                    logit = logit + layer.conv.weight[0, 0, i, j] * max(seen)
                    logit = logit + layer.conv.weight[0, 1, i, j] * sum(seen) / 4
            scale = torch.sigmoid((logit - 0.1) / math.sqrt(0.8 + 1e-5) * 0.7 + 0.2)
            torch.testing.assert_close(result[0, :, row, column], inner[:, row, column] * scale, rtol=1e-6, atol=1e-6)


def test_the_first_of_equal_maxima_has_the_gradient():
    x = torch.zeros(1, 2, 2, 3, requires_grad=True)
    layer = CBAM(2, reduction=1, pool_types=('max',), no_spatial=True).double()
    torch.nn.init.eye_(layer.fc1.weight)
    torch.nn.init.eye_(layer.fc2.weight)
    torch.nn.init.constant_(layer.fc1.bias, 0.5)
    shifted = x.double() + 1
    layer(shifted).sum().backward()
    assert (x.grad[:, :, 0, 0] > x.grad[:, :, 1, 1]).all()
    assert (x.grad.flatten(2)[..., 1:] == x.grad[:, :, 1, 1, None]).all()


def test_without_gradients_the_input_and_the_result_stay_the_same():
    layer, x = CBAM(32).eval(), torch.randn(2, 32, 5, 6)
    before, expected = x.clone(), layer(x)
    with torch.no_grad():
        assert torch.equal(layer(x), expected)
    assert torch.equal(x, before)


def test_gradients_are_finite_on_a_constant_black_section():
    x = torch.zeros(1, 16, 4, 4, requires_grad=True)
    CBAM(16, pool_types=('avg', 'max', 'lp', 'lse'))(x).sum().backward()
    assert x.grad.isfinite().all()


def test_published_defaults():
    layer = CBAM(64)
    assert (layer.pool_types, layer.norm.eps, layer.norm.momentum) == (('avg', 'max'), 1e-5, 0.01)
    assert {key: tuple(value.shape) for key, value in layer.named_parameters()} == {
        'fc1.weight': (4, 64),
        'fc1.bias': (4,),
        'fc2.weight': (64, 4),
        'fc2.bias': (64,),
        'conv.weight': (1, 2, 7, 7),
        'norm.weight': (1,),
        'norm.bias': (1,),
    }
    assert CBAM(8).fc1.out_features == 1


def test_a_whole_network_becomes_a_backbone_with_plugins():
    plugins = [dict(cfg=dict(type='CBAM'), position='after_conv3')]
    backbone = ResNet(50, base_channels=8, stem_channels=8, plugins=plugins)
    names = {
        'cbam.fc1.': 'cbam.ChannelGate.mlp.1.',
        'cbam.fc2.': 'cbam.ChannelGate.mlp.3.',
        'cbam.conv.': 'cbam.SpatialGate.spatial.conv.',
        'cbam.norm.': 'cbam.SpatialGate.spatial.bn.',
    }
    published = {'module.fc.weight': torch.ones(2, 3)}
    for key, value in backbone.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        published[f'module.{key}'] = value
    assert 'module.layer3.5.cbam.SpatialGate.spatial.bn.running_var' in published
    converted = convert_state_dict(dict(state_dict=published, epoch=90), 'cbam')
    assert list(converted) == list(backbone.state_dict())
    assert all(torch.equal(converted[key], value) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ('option', 'value', 'error', 'message'),
    [
        ('reduction', 0, ValueError, 'reduction must be at least 1, got 0'),
        ('pool_types', ('avg', 'median'), ValueError, "pool_types must be one of 'avg', .*'lse', got 'median'"),
        ('pool_types', 'avg', ValueError, "pool_types must be a sequence of at least one pooling, got 'avg'"),
        ('pool_types', (), ValueError, r'pool_types must be a sequence of at least one pooling, got \(\)'),
        ('kernel_size', 4, ValueError, 'kernel_size must be odd, got 4'),
        ('kernel_size', 3.0, TypeError, 'kernel_size must be an integer, got 3.0'),
        ('norm_eps', 0, ValueError, 'norm_eps must be above 0, got 0'),
    ],
)
def test_wrong_options_are_named(option: str, value, error: type[Exception], message: str):
    with pytest.raises(error, match=f'CBAM: {message}'):
        CBAM(16, **{option: value})
