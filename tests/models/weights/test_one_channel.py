"""One-channel encoders from colour weights."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmattn.models.backbones import PretrainedOneChannel
from tests.models.backbones.contract import logged

TINY = dict(type='ResNet', depth=18, base_channels=8, stem_channels=8)


def encoder(in_channels: int, init_cfg: dict | None = None) -> nn.Module:
    return MODELS.build(dict(TINY, in_channels=in_channels, init_cfg=init_cfg))


def test_equals_the_colour_encoder_on_a_grey_image(tmp_path):
    colour, path = encoder(3), tmp_path / 'colour.pth'
    tensors = {f'backbone.{name}': value for name, value in colour.state_dict().items()}
    torch.save(dict(state_dict=tensors), path)
    grey = encoder(1, dict(type=PretrainedOneChannel.__name__, checkpoint=str(path), prefix='backbone'))
    with logged() as lines:
        grey.init_weights()
    total = len(colour.state_dict())
    assert any(f'ResNet: {total} of {total} tensors loaded from {path}' in line for line in lines)
    x = torch.randn(2, 1, 33, 40)
    for module in (grey, colour):
        module.eval()
    for ours, expected in zip(grey(x), colour(x.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_a_torchvision_classifier_starts_a_resnet(tmp_path):
    tensors = {**encoder(3).state_dict(), 'fc.weight': torch.ones(5, 64), 'fc.bias': torch.ones(5)}
    torch.save(tensors, tmp_path / 'resnet.pth')
    config = dict(type='PretrainedOneChannel', checkpoint=str(tmp_path / 'resnet.pth'), source='torchvision')
    with logged() as lines:
        encoder(1, config).init_weights()
    assert any('tensors loaded from' in line and 'of no use' not in line for line in lines)


def test_what_is_wrong_is_named(tmp_path):
    torch.save({'stem.weight': torch.ones(8, 3, 7, 7)}, tmp_path / 'other.pth')
    config = dict(type='PretrainedOneChannel', checkpoint=str(tmp_path / 'other.pth'))
    with pytest.raises(KeyError, match=r"PretrainedOneChannel: first='conv1\.weight' is not in .*other\.pth"):
        encoder(1, config).init_weights()
    with pytest.raises(ValueError, match=r'no tensor of .* fits'):
        encoder(1, dict(config, first='stem.weight')).init_weights()
    with pytest.raises(FileNotFoundError, match='is neither a file nor a URL'):
        encoder(1, dict(config, checkpoint='gone.pth')).init_weights()
    with pytest.raises(ValueError, match=r"source must be None or one of .*, got 'nobody'"):
        encoder(1, dict(config, source='nobody')).init_weights()
