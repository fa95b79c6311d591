"""timm's encoders with our heads: one network of each layout, local weights with a report, channels-last maps.

timm is an extra that the test command does not install: PyPI's torchvision, which it needs, does not import beside the
CPU's PyTorch. Here two operators that timm's networks do not use are declared, so that it does:
``pip install timm && pytest tests/models/backbones/test_timm_backbone.py``.
"""

import importlib
import sys
from importlib.util import find_spec

import pytest
import torch
from mmengine.config import Config
from torch import nn

from tests.checkpoints.test_efficientnet_lite import published

timm = None
if find_spec('timm') and find_spec('torchvision'):
    try:
        importlib.import_module('torchvision')
    except RuntimeError:
        library = torch.library.Library('torchvision', 'DEF')
        for operator in ('nms', 'qnms'):
            library.define(f'{operator}(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor')
        for module in [module for module in sys.modules if module.split('.')[0] == 'torchvision']:
            del sys.modules[module]
    timm = importlib.import_module('timm')
if timm is None:
    pytest.skip('timm is not installed', allow_module_level=True)

from mmseg.registry import MODELS  # noqa: E402

import mmattn  # noqa: F401, E402  registers
from tests.models.backbones.contract import logged  # noqa: E402

# of each layout: the smallest that there is, and the name of its first convolution
FIRST = {
    'resnet10t': 'conv1.0.weight',
    'convnext_atto': 'stem.0.weight',
    'pvt_v2_b0': 'patch_embed.proj.weight',
    'tf_efficientnet_lite0': 'conv_stem.weight',
}
SWIN = dict(model_name='swin_tiny_patch4_window7_224', embed_dim=12, depths=(1, 1, 1, 1), img_size=64)
OUTPUT = dict(num_classes=2, out_channels=1, threshold=0.5, norm_cfg=dict(type='BN'), align_corners=False)


def build(name: str, **options) -> nn.Module:
    return MODELS.build(
        dict(type='TIMMBackbone', model_name=name, **{'pretrained': False, 'in_channels': 1, **options})
    ).eval()


@pytest.mark.parametrize('name', FIRST)
def test_our_heads_take_its_maps(name: str):
    encoder, x = build(name), torch.rand(1, 1, 64, 96)
    channels, maps = encoder.timm_model.feature_info.channels(), encoder(x)
    deepest = len(channels) - 4
    unet = dict(type='AttentionUNetHead', in_channels=channels, decoder_channels=[8] * 5, **OUTPUT)
    last = dict(type='CrissCrossHead', in_channels=channels[-1], in_index=-1, channels=8, **OUTPUT)
    mix = dict(type='UMixFormerHead', in_channels=channels[deepest:], num_heads=(1, 2, 4, 8), embed_dims=16, **OUTPUT)
    mix['in_index'] = tuple(range(deepest, len(channels)))
    for head, stride in ((unet, 1), (last, 32), (mix, 4)):
        assert MODELS.build(head).eval()(maps).shape == (1, 1, 64 // stride, 96 // stride)


@pytest.mark.parametrize('name', FIRST)
def test_a_local_file_loads_with_a_report(name: str, tmp_path):
    """The file is timm's own: the classifier's names, which differ from those of its feature extractor."""
    published, path = timm.create_model(name, pretrained=False).eval(), tmp_path / 'timm.pth'
    torch.save(published.state_dict(), path)
    encoder = build(name, in_channels=3, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    with logged() as lines:
        encoder.init_weights()
    wanted = len(encoder.state_dict())
    assert any(f'INFO TIMMBackbone: {wanted} of {wanted} tensors loaded from' in line for line in lines)
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(encoder(x)[-1], published.forward_intermediates(x, intermediates_only=True)[-1])
    grey = dict(type='PretrainedOneChannel', checkpoint=str(path), first=FIRST[name])
    one = build(name, init_cfg=grey)
    one.init_weights()
    torch.testing.assert_close(one(x[:, :1])[-1], encoder(x[:, :1].expand(-1, 3, -1, -1))[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('number', [0, 2])
def test_published_files_of_efficientnet_lite_load(number: int, tmp_path):
    """Both hold the same tensors in the same order under their own names."""
    whole, path = timm.create_model(f'tf_efficientnet_lite{number}', pretrained=False), tmp_path / 'lite.pth'
    names, file = published(number), whole.state_dict()
    assert len(names) == len(file)
    torch.save(dict(zip(names, file.values(), strict=True)), path)
    weights = dict(type='Pretrained', checkpoint=str(path), source=f'efficientnet-lite{number}')
    encoder = build(f'tf_efficientnet_lite{number}', in_channels=3, init_cfg=weights)
    encoder.init_weights()
    for name, value in encoder.timm_model.state_dict().items():
        assert torch.equal(value, file[name]), name


def test_its_own_checkpoint_loads(tmp_path):
    encoder, path = build('resnet10t'), tmp_path / 'ours.pth'
    torch.save({f'backbone.{name}': value for name, value in encoder.state_dict().items()}, path)
    second = build('resnet10t', init_cfg=dict(type='Pretrained', checkpoint=str(path), prefix='backbone'))
    second.init_weights()
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in encoder.state_dict().items())


def test_a_file_of_another_network_is_an_error(tmp_path):
    path = tmp_path / 'timm.pth'
    torch.save({'strange.weight': torch.ones(2)}, path)
    encoder = build('resnet10t', init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    with pytest.raises(ValueError, match=r'TIMMBackbone: no tensor of .*timm\.pth fits'):
        encoder.init_weights()


def test_channels_last_maps_become_channels_first():
    maps = build(SWIN['model_name'], **{name: value for name, value in SWIN.items() if name != 'model_name'})(
        torch.rand(1, 1, 64, 64)
    )
    assert [y.shape for y in maps] == [(1, 12 * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)]
    head = dict(type='UMixFormerHead', in_channels=[12, 24, 48, 96], in_index=(0, 1, 2, 3), num_heads=[1, 1, 1, 1])
    assert MODELS.build(dict(head, embed_dims=16, **OUTPUT)).eval()(maps).shape == (1, 1, 16, 16)


def test_a_config_takes_it(root):
    """What configs/pvt_salt.py names as PVT v2."""
    config = Config.fromfile(root / 'configs' / 'pvt_salt.py')
    encoder = dict(model_name='pvt_v2_b0', features_only=True, pretrained=False, in_channels=1, _delete_=True)
    config.merge_from_dict(dict(model=dict(backbone=dict(type='TIMMBackbone', **encoder))))
    assert MODELS.build(config.model).eval()(torch.rand(1, 1, 64, 64)).shape == (1, 1, 16, 16)
