"""EfficientNet-Lite's published names; with timm (test_timm_backbone.py) its networks take what is converted."""

import pytest
import torch
from torch import Tensor

from mmattn.checkpoints import convert_checkpoint, convert_state_dict

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
# blocks of the published networks, and tensors of the files of Lite 0 and 2
BLOCKS = {0: 16, 1: 21, 2: 21, 3: 24, 4: 30}
TENSORS = {0: 296, 2: 386}


def published(number: int) -> dict[str, Tensor]:
    """A file's names in its order, each with a number of its own."""
    names = ['_conv_stem.weight', *(f'_bn0.{kind}' for kind in NORM)]
    for block in range(BLOCKS[number]):
        layers = [('_depthwise_conv', '_bn1'), ('_project_conv', '_bn2')]
        if block:
            layers.insert(0, ('_expand_conv', '_bn0'))
        for convolution, norm in layers:
            names += [f'_blocks.{block}.{convolution}.weight', *(f'_blocks.{block}.{norm}.{kind}' for kind in NORM)]
    names += ['_conv_head.weight', *(f'_bn1.{kind}' for kind in NORM), '_fc.weight', '_fc.bias']
    return {name: torch.tensor(float(place)) for place, name in enumerate(names)}


@pytest.mark.parametrize('number', BLOCKS)
def test_every_tensor_has_its_place_in_order(number: int):
    """Timm's networks hold their layers in the files' order."""
    tensors = published(number)
    assert len(tensors) == TENSORS.get(number, len(tensors))
    conversion = convert_checkpoint(tensors, f'efficientnet-lite{number}')
    assert [int(value) for value in conversion.tensors.values()] == list(range(len(tensors) - 8))
    assert conversion.dropped == tuple(tensors)[-8:]
    stages = {name.split('.')[1] for name in conversion.tensors if name.startswith('blocks.')}
    assert stages == set('0123456')


def test_the_last_block_of_lite2():
    renamed = convert_checkpoint(published(2), 'efficientnet-lite2').renamed
    assert renamed['_blocks.0._project_conv.weight'] == 'blocks.0.0.conv_pw.weight'
    assert renamed['_blocks.4._bn0.bias'] == 'blocks.2.0.bn1.bias'
    assert renamed['_blocks.20._project_conv.weight'] == 'blocks.6.0.conv_pwl.weight'
    assert renamed['_blocks.20._bn2.running_var'] == 'blocks.6.0.bn3.running_var'


def test_another_depth_and_a_part_are_errors():
    with pytest.raises(KeyError, match=r"source 'efficientnet-lite0' does not know _blocks\.16\._expand_conv\.weight"):
        convert_state_dict(published(2), 'efficientnet-lite0')
    with pytest.raises(KeyError, match=r'missing blocks\.5\.1\.conv_pw\.weight'):
        convert_state_dict(published(0), 'efficientnet-lite2')
    part = {name: value for name, value in published(0).items() if name != '_blocks.7._bn1.running_mean'}
    with pytest.raises(KeyError, match=r'missing blocks\.3\.2\.bn2\.running_mean"$'):
        convert_state_dict(part, 'efficientnet-lite0')
