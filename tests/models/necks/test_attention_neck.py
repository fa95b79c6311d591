"""The neck on MMSegmentation's ResNet pyramid: which level gets which layer, sizes kept, errors by text."""

import pytest
import torch
from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import nn

from mmattn.attention import CBAM, SCSE, list_attention
from mmattn.models.necks import AttentionNeck

CHANNELS = [32, 64, 128, 256]


@pytest.fixture
def pyramid() -> tuple[torch.Tensor, ...]:
    backbone = ResNet(50, base_channels=8, stem_channels=8)
    backbone.eval()
    return backbone(torch.randn(1, 3, 71, 101))


@pytest.mark.parametrize('name', list_attention())
def test_any_layer_keeps_the_pyramid(name: str, pyramid):
    neck = MODELS.build(dict(type='AttentionNeck', in_channels=CHANNELS, attention=dict(type=name))).eval()
    maps = neck(pyramid)
    assert isinstance(maps, tuple)
    assert [level.shape for level in maps] == [level.shape for level in pyramid]
    assert len({id(layer) for layer in neck.layers}) == 4


def test_each_level_has_its_own_layer(pyramid):
    neck = AttentionNeck(CHANNELS, attention=[None, dict(type='CBAM', reduction=4), None, dict(type='SCSE')]).eval()
    assert [type(layer) for layer in neck.layers] == [nn.Identity, CBAM, nn.Identity, SCSE]
    maps = neck(pyramid)
    assert maps[0] is pyramid[0]
    assert maps[2] is pyramid[2]
    assert torch.equal(maps[1], neck.layers[1](pyramid[1]))
    assert torch.equal(maps[3], neck.layers[3](pyramid[3]))
    assert not torch.equal(maps[1], pyramid[1])


def test_none_is_the_network_without_attention(pyramid):
    neck = AttentionNeck(CHANNELS, attention=None)
    assert all(after is before for after, before in zip(neck(pyramid), pyramid))
    assert not list(neck.parameters())


def test_gradients_pass_in_a_segmentor():
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, out_indices=(2, 3)),
            neck=dict(type='AttentionNeck', in_channels=[32, 64], attention=dict(type='CoordinateAttention')),
            decode_head=dict(
                type='FCNHead', in_channels=64, channels=8, num_classes=2, num_convs=1, in_index=1, concat_input=False
            ),
        )
    )
    model._forward(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in model.neck.layers[1].parameters() if parameter.dim() > 1)
    assert model.backbone.conv1.weight.grad.any()


@pytest.mark.parametrize(
    ('channels', 'attention', 'error', 'message'),
    [
        (64, dict(type='CBAM'), TypeError, 'in_channels must be a sequence, one entry a map, got 64'),
        ([8, 16], [dict(type='CBAM')], ValueError, 'attention has 1 entries, in_channels has 2'),
        ([8, 16], [None, 'CBAM'], TypeError, r"attention\[1\] must be None or a dict with a type, got 'CBAM'"),
        ([8], dict(reduction=4), TypeError, r'attention\[0\] must be None or a dict with a type'),
        ([8], 'CBAM', TypeError, "attention must be None, a dict or a sequence of them, got 'CBAM'"),
        ([8], dict(type='CBAM', in_channels=9), ValueError, r'attention\[0\] may not have in_channels'),
    ],
)
def test_wrong_options_are_named(channels, attention, error: type[Exception], message: str):
    with pytest.raises(error, match=f'AttentionNeck: {message}'):
        AttentionNeck(channels, attention=attention)


def test_wrong_maps_are_named(pyramid):
    neck = AttentionNeck(CHANNELS, attention=dict(type='SqueezeExcitation'))
    with pytest.raises(ValueError, match='AttentionNeck: expected 4 maps, got 3'):
        neck(pyramid[:3])
    with pytest.raises(ValueError, match=r'SqueezeExcitation: expected a \(B, 32, H, W\) input, got shape \(1, 256'):
        neck(pyramid[::-1])
