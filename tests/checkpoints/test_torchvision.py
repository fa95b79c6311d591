"""torchvision's classifiers in MMSegmentation's backbones, on random weights of the right names and shapes."""

import re

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones import MobileNetV2, ResNet, ResNetV1c
from torch import Tensor

from mmattn.checkpoints import convert_checkpoint, convert_state_dict

RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
BASE = 4  # channels of the stem, 64 in the files
# expansion, channels, blocks, stride of MobileNetV2's stages: table 2 of https://arxiv.org/abs/1801.04381
MOBILE_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def convolution(name: str, *shape: int) -> dict[str, Tensor]:
    fan_in = shape[1] * shape[2] * shape[2]
    return {f'{name}.weight': torch.randn(shape) * (2 / fan_in) ** 0.5}


def norm(name: str, channels: int) -> dict[str, Tensor]:
    tensors = {f'{name}.{kind}': torch.rand(channels) + 0.5 for kind in ('weight', 'running_var')}
    tensors |= {f'{name}.{kind}': 0.1 * torch.randn(channels) for kind in ('bias', 'running_mean')}
    return tensors | {f'{name}.num_batches_tracked': torch.tensor(7)}


def resnet(depth: int) -> dict[str, Tensor]:
    """Tensors of torchvision's ResNet, narrowed to ``BASE`` channels."""
    bottleneck = depth >= 50
    tensors, channels = convolution('conv1', BASE, 3, 7, 7) | norm('bn1', BASE), BASE
    for stage, blocks in enumerate(RESNETS[depth]):
        inner = BASE * 2**stage
        outer = inner * 4 if bottleneck else inner
        for block in range(blocks):
            at = f'layer{stage + 1}.{block}'
            sizes = [(inner, channels, 1, 1), (inner, inner, 3, 3), (outer, inner, 1, 1)]
            if not bottleneck:
                sizes = [(inner, channels, 3, 3), (inner, inner, 3, 3)]
            for i, size in enumerate(sizes, 1):
                tensors |= convolution(f'{at}.conv{i}', *size) | norm(f'{at}.bn{i}', size[0])
            if block == 0 and (stage or bottleneck):
                tensors |= convolution(f'{at}.downsample.0', outer, channels, 1, 1) | norm(f'{at}.downsample.1', outer)
            channels = outer
    return tensors | {'fc.weight': torch.randn(10, channels), 'fc.bias': torch.randn(10)}


def mobilenet() -> dict[str, Tensor]:
    """Tensors of torchvision's MobileNetV2 in full width."""
    tensors = convolution('features.0.0', 32, 3, 3, 3) | norm('features.0.1', 32)
    channels, index = 32, 1
    for expansion, outer, blocks, _ in MOBILE_STAGES:
        for _ in range(blocks):
            at, hidden = f'features.{index}.conv', expansion * channels
            layers = [(hidden, channels, 1, 1)] if expansion > 1 else []
            layers.append((hidden, 1, 3, 3))
            for i, size in enumerate(layers):
                tensors |= convolution(f'{at}.{i}.0', *size) | norm(f'{at}.{i}.1', hidden)
            tensors |= convolution(f'{at}.{len(layers)}', outer, hidden, 1, 1) | norm(f'{at}.{len(layers) + 1}', outer)
            channels, index = outer, index + 1
    tensors |= convolution('features.18.0', 1280, 320, 1, 1) | norm('features.18.1', 1280)
    return tensors | {'classifier.1.weight': torch.randn(10, 1280), 'classifier.1.bias': torch.randn(10)}


def layer(x: Tensor, tensors: dict[str, Tensor], conv: str, bn: str, stride: int = 1) -> Tensor:
    """A convolution, padded to keep the size, depthwise if its kernel is of one channel, and its normalisation."""
    weight = tensors[f'{conv}.weight']
    groups = x.shape[1] // weight.shape[1]
    x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2, groups=groups)
    return F.batch_norm(x, *(tensors[f'{bn}.{kind}'] for kind in ('running_mean', 'running_var', 'weight', 'bias')))


def resnet_maps(x: Tensor, tensors: dict[str, Tensor], depth: int) -> list[Tensor]:
    """The four stages' maps, from the published names: the stride is in the 3x3 convolution of a bottleneck."""
    x = F.max_pool2d(layer(x, tensors, 'conv1', 'bn1', 2).relu(), 3, 2, 1)
    maps, convolutions, strided = [], *((3, 2) if depth >= 50 else (2, 1))
    for stage, blocks in enumerate(RESNETS[depth]):
        for block in range(blocks):
            at, stride, y = f'layer{stage + 1}.{block}.', 2 if stage and not block else 1, x
            for i in range(1, convolutions + 1):
                y = layer(y, tensors, f'{at}conv{i}', f'{at}bn{i}', stride if i == strided else 1)
                y = y.relu() if i < convolutions else y
            if f'{at}downsample.0.weight' in tensors:
                x = layer(x, tensors, f'{at}downsample.0', f'{at}downsample.1', stride)
            x = (x + y).relu()
        maps.append(x)
    return maps


def mobilenet_maps(x: Tensor, tensors: dict[str, Tensor]) -> list[Tensor]:
    """The seven stages' maps, from the published names."""
    x, maps, index = F.relu6(layer(x, tensors, 'features.0.0', 'features.0.1', 2)), [], 1
    for expansion, outer, blocks, first_stride in MOBILE_STAGES:
        for block in range(blocks):
            at, y, stride = f'features.{index}.conv', x, first_stride if block == 0 else 1
            inner = 2 if expansion > 1 else 1
            for i in range(inner):
                y = F.relu6(layer(y, tensors, f'{at}.{i}.0', f'{at}.{i}.1', stride if i == inner - 1 else 1))
            y = layer(y, tensors, f'{at}.{inner}', f'{at}.{inner + 1}')
            x, index = x + y if stride == 1 and x.shape[1] == outer else y, index + 1
        maps.append(x)
    return maps


@pytest.mark.parametrize('depth', RESNETS)
def test_resnet_computes_the_published_maps(depth: int):
    published = resnet(depth)
    conversion = convert_checkpoint({'state_dict': published}, 'torchvision')
    assert conversion.dropped == ('fc.weight', 'fc.bias')
    backbone = ResNet(depth, base_channels=BASE, stem_channels=BASE)
    backbone.eval()  # returns nothing in MMSegmentation
    backbone.load_state_dict(conversion.tensors)
    x = torch.randn(1, 3, 50, 70)
    torch.testing.assert_close(list(backbone(x)), resnet_maps(x, published, depth))


def test_mobilenet_computes_the_published_maps():
    published = mobilenet()
    conversion = convert_checkpoint(published, 'torchvision')
    assert len(conversion.dropped) == 6 + 2  # the last convolution and its normalisation, the classifier
    assert all(name.startswith(('features.18.', 'classifier.')) for name in conversion.dropped)
    backbone = MobileNetV2(out_indices=range(7))
    backbone.eval()
    backbone.load_state_dict(conversion.tensors)
    x = torch.randn(1, 3, 50, 70)
    torch.testing.assert_close(list(backbone(x)), mobilenet_maps(x, published))


def test_all_but_the_stem_goes_into_resnet_v1c():
    converted = convert_state_dict(resnet(18), 'torchvision')
    backbone = ResNetV1c(depth=18, base_channels=BASE, stem_channels=BASE)
    missing, unexpected = backbone.load_state_dict(converted, strict=False)
    assert {name.split('.')[0] for name in missing} == {'stem'}
    assert {name.split('.')[0] for name in unexpected} == {'conv1', 'bn1'}


def test_old_files_without_counts_of_batches_and_backbones_of_segmentors():
    published = {name: value for name, value in resnet(18).items() if 'num_batches' not in name}
    backbone = {f'backbone.{name}': value for name, value in published.items() if not name.startswith('fc.')}
    converted = convert_state_dict(backbone, 'torchvision')
    ResNet(18, base_channels=BASE, stem_channels=BASE).load_state_dict(converted)
    aux = {'aux_classifier.0.weight': torch.ones(1)}
    assert convert_checkpoint(backbone | aux, 'torchvision', component='backbone').tensors.keys() == converted.keys()


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('conv1.weight', 'conv1.weight'),
        ('bn1.running_var', 'bn1.running_var'),
        ('layer1.0.downsample.', 'layer1.0.downsample.0.weight'),
        ('layer2.0.downsample.', 'layer2.0.downsample.0.weight'),
        ('layer3.4.', 'layer3.4.conv2.weight'),
        ('layer3.2.conv3.weight', 'layer3.2.conv3.weight'),
        ('layer4.1.bn2.bias', 'layer4.1.bn2.bias'),
        ('layer4.', 'layer4.0.conv2.weight'),
    ],
)
def test_a_resnet_without_some_of_its_tensors_is_an_error(gone: str, missing: str):
    tensors = {name: value for name, value in resnet(50).items() if not name.startswith(gone)}
    with pytest.raises(KeyError, match=re.escape(f"source 'torchvision', under our names: missing {missing}")):
        convert_state_dict(tensors, 'torchvision')


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('features.0.0.', 'conv1.conv.weight'),
        ('features.1.', 'layer1.0.conv.0.conv.weight'),
        ('features.8.conv.1.1.bias', 'layer4.1.conv.1.bn.bias'),
        ('features.17.conv.3.running_mean', 'layer7.0.conv.2.bn.running_mean'),
    ],
)
def test_a_mobilenet_without_some_of_its_tensors_is_an_error(gone: str, missing: str):
    tensors = {name: value for name, value in mobilenet().items() if not name.startswith(gone)}
    with pytest.raises(KeyError, match=re.escape(f'missing {missing}')):
        convert_state_dict(tensors, 'torchvision')


@pytest.mark.parametrize('name', ['features.19.0.weight', 'layer5.0.conv1.weight', 'conv1.bias', 'features.2.fc1.bias'])
def test_tensors_of_other_networks_are_named(name: str):
    with pytest.raises(KeyError, match=f"source 'torchvision' does not know {name}"):
        convert_state_dict(resnet(18) | {name: torch.ones(1)}, 'torchvision')
