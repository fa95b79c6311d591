"""Attention layers by name in MMSegmentation's configs."""

import pytest
import torch
from mmseg.registry import MODELS

from mmattn import attention


@pytest.mark.parametrize('name', attention.list_attention())
def test_registry_gives_our_layer(name: str):
    assert type(MODELS.build(dict(type=name, in_channels=8))) is getattr(attention, name)


def test_registry_gives_our_layers_of_two_inputs():
    assert type(MODELS.build(dict(type='AttentionGate', in_channels=8, gate_channels=4))) is attention.AttentionGate
    assert type(MODELS.build(dict(type='MixAttention', in_channels=8, key_channels=4))) is attention.MixAttention


@pytest.mark.parametrize(
    ('name', 'weight', 'deviation'),
    [
        ('NonLocal', 'norm.weight', 0.0),
        ('NonLocal', 'theta.weight', 0.01),
        ('ScaleAwareModulation', 'proj.weight', 0.02),
    ],
)
def test_a_network_that_draws_its_own_weights_leaves_those_of_a_plugin_as_published(
    name: str, weight: str, deviation: float
):
    """MMSegmentation's ResNet without pretrained weights draws those of every convolution and normalisation in it."""
    plugins = [dict(cfg=dict(type=name), position='after_conv3')]
    backbone = MODELS.build(dict(type='ResNet', depth=50, base_channels=8, stem_channels=8, plugins=plugins))
    backbone.init_weights()
    layer = next(module for module in backbone.layer4[0].modules() if type(module).__name__ == name)
    values = layer.get_parameter(weight)
    assert values.square().mean().sqrt().item() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize('position', ['after_conv1', 'after_conv2', 'after_conv3'])
@pytest.mark.parametrize('name', attention.list_attention())
def test_as_plugin_of_resnet(name: str, position: str):
    plugins = [dict(cfg=dict(type=name), stages=(False, True, True, False), position=position)]
    backbone = MODELS.build(dict(type='ResNet', depth=50, base_channels=8, stem_channels=8, plugins=plugins))
    maps = backbone(torch.randn(1, 3, 33, 47))
    assert [tuple(level.shape[2:]) for level in maps] == [(9, 12), (5, 6), (3, 3), (2, 2)]
    assert sum(type(module).__name__ == name for module in backbone.modules()) == 4 + 6
