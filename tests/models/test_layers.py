"""Attention layers by name in MMSegmentation's configs."""

import pytest
import torch
from mmseg.registry import MODELS

from mmattn import attention


@pytest.mark.parametrize('name', attention.list_attention())
def test_registry_gives_our_layer(name: str):
    assert type(MODELS.build(dict(type=name, in_channels=8))) is getattr(attention, name)


@pytest.mark.parametrize('position', ['after_conv1', 'after_conv2', 'after_conv3'])
@pytest.mark.parametrize('name', attention.list_attention())
def test_as_plugin_of_resnet(name: str, position: str):
    plugins = [dict(cfg=dict(type=name), stages=(False, True, True, False), position=position)]
    backbone = MODELS.build(dict(type='ResNet', depth=50, base_channels=8, stem_channels=8, plugins=plugins))
    maps = backbone(torch.randn(1, 3, 33, 47))
    assert [tuple(level.shape[2:]) for level in maps] == [(9, 12), (5, 6), (3, 3), (2, 2)]
    assert sum(type(module).__name__ == name for module in backbone.modules()) == 4 + 6
