"""The Attention U-Net against the published additive network, and what every backbone must do."""

from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmattn.attention import AttentionGate
from mmattn.checkpoints import convert_state_dict
from mmattn.models.backbones import AttentionUNet
from mmattn.models.blocks.unet import enlarge, halve
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract

NAMES = Path(__file__).resolve().parents[2] / 'golden' / 'leejun_attu_net_state_dict.txt'


class TestAdditive(BackboneContract):
    name = 'AttentionUNet'
    options = dict(base_channels=4, num_stages=3)
    channels, strides = (16, 8, 4), (4, 2, 1)
    frozen = (1, ('encoder.0.', 'encoder.1.'))
    silent_parameters = ('conv.bias', 'theta.bias', 'phi.bias', 'psi.bias')  # before a normalisation, as published


class TestGrid(TestAdditive):
    options = dict(base_channels=4, num_stages=3, gate='grid')
    silent_parameters = ('conv.bias', 'gate.out.0.bias')


def convert_names(names: list[str]) -> list[str]:
    return list(convert_state_dict(dict.fromkeys(names, torch.zeros(1)), 'attention-unet'))


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_equals_the_published_network(prefix: str):
    weights, vectors = load_golden('leejun_attu_net_div16')
    tensors = convert_state_dict({prefix + key: value for key, value in weights.items()}, 'attention-unet')
    head = {key: tensors.pop(key) for key in ('conv_seg.weight', 'conv_seg.bias')}
    backbone = AttentionUNet(base_channels=4).eval()
    classifier = MODELS.build(dict(type='MultiScaleHead', in_channels=4, in_index=4, num_classes=2)).eval()
    missing = backbone.load_state_dict(tensors, strict=False)
    assert missing.unexpected_keys == []
    assert all(name.endswith('num_batches_tracked') for name in missing.missing_keys)
    classifier.load_state_dict(head)
    logits = classifier(backbone(vectors['x/x']))
    torch.testing.assert_close(logits, vectors['y/out'], rtol=1e-5, atol=1e-6)


def test_a_published_file_starts_the_network(tmp_path):
    weights, _ = load_golden('leejun_attu_net_div16')
    torch.save(weights, tmp_path / 'attu.pth')
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'attu.pth'), source='attention-unet')
    backbone = AttentionUNet(base_channels=4, init_cfg=pretrained)
    backbone.init_weights()
    assert torch.equal(backbone.encoder[4][1].conv.weight, weights['Conv5.conv.3.weight'])
    assert torch.equal(backbone.decoder[3].convs[0].norm.weight, weights['Up_conv2.conv.1.weight'])


def test_names_and_parameters_of_the_published_network():
    published = [line.split(' ', 1) for line in NAMES.read_text().splitlines()]
    with torch.device('meta'):
        ours = {name: tuple(value.shape) for name, value in AttentionUNet().state_dict().items()}
    names = convert_names([name for name, _ in published])
    shapes = {
        name: tuple(map(int, shape[1:-1].replace(',', ' ').split())) for name, (_, shape) in zip(names, published)
    }
    assert shapes.pop('conv_seg.weight') == (1, 64, 1, 1)
    assert shapes.pop('conv_seg.bias') == (1,)
    assert shapes == ours


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('Conv3.conv.0.bias', r'encoder\.2\.0\.conv\.bias'),
        ('Up4.up.2.running_var', r'decoder\.1\.up\.norm\.running_var'),
        ('Att2.psi.0.weight', r'decoder\.3\.gate\.psi\.weight'),
        ('Up_conv5.conv.4.weight', r'decoder\.0\.convs\.1\.norm\.weight'),
        ('Conv_1x1.bias', r'conv_seg\.bias'),
    ],
)
def test_a_checkpoint_without_one_of_its_tensors_is_an_error(gone: str, missing: str):
    names = [line.split()[0] for line in NAMES.read_text().splitlines()]
    with pytest.raises(KeyError, match=f'missing {missing}'):
        convert_names([name for name in names if name != gone])
    with pytest.raises(KeyError, match=r"'attention-unet' does not know Conv6\.conv\.0\.weight"):
        convert_names([*names, 'Conv6.conv.0.weight'])
    with pytest.raises(KeyError, match=r'missing decoder\.0\.gate\.theta\.weight'):
        convert_names([name for name in names if not name.startswith('Att5.')])


@pytest.mark.parametrize(('gate', 'gates'), [('additive', 4), ('grid', 3)])
def test_gates(gate: str, gates: int):
    backbone, x = AttentionUNet(1, base_channels=4, gate=gate).eval(), torch.randn(1, 1, 32, 32)
    found = [module for module in backbone.modules() if isinstance(module, AttentionGate)]
    assert [module.in_channels for module in found] == [32, 16, 8, 4][:gates]
    assert {module.form for module in found} == {gate}
    before = backbone(x)
    for module in found:
        nn.init.constant_(module.psi.bias, -1e4)  # closes the gate
    after = backbone(x)
    assert torch.equal(before[0], after[0])
    assert all(not torch.allclose(a, b, atol=1e-4) for a, b in zip(before[1:], after[1:]))


def test_the_grid_network_in_its_own_words():
    """Gates listen to the map below, the deepest to a projection of it, and the shallowest skip connection has none."""
    net, x = AttentionUNet(1, base_channels=2, num_stages=3, gate='grid').eval(), torch.randn(1, 1, 8, 12)
    pool, double = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode='bilinear')
    first = net.encoder[0](x)
    second = net.encoder[1](pool(first))
    center = net.encoder[2](pool(second))
    deep, shallow = net.decoder
    gated = deep.combine(deep.gate(second, deep.signal(center)))
    up2 = deep.convs(torch.cat([gated, double(center)], 1))
    up1 = shallow.convs(torch.cat([first, double(up2)], 1))
    for ours, expected in zip(net(x), (center, up2, up1), strict=True):
        torch.testing.assert_close(ours, expected)
    assert deep.gate.theta.out_channels == 4  # as many as the skip connection has


@pytest.mark.parametrize('size', [(5, 8), (4, 7), (1, 3)])
def test_halving_and_enlarging_keep_positions(size: tuple[int, int]):
    x = torch.randn(2, 3, *size)
    even = nn.functional.pad(x, (0, size[1] % 2, 0, size[0] % 2), value=-torch.inf)
    half = halve(x)
    assert torch.equal(half, nn.functional.max_pool2d(even, 2))
    twice = half.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, : size[0], : size[1]]
    assert torch.equal(enlarge(half, size), twice)
    smooth = nn.functional.interpolate(half, scale_factor=2, mode='bilinear')
    assert torch.equal(enlarge(half, size, mode='bilinear'), smooth[:, :, : size[0], : size[1]])


def test_checkpointing_changes_nothing_but_memory():
    x = torch.randn(2, 1, 16, 16)
    plain, lean = (AttentionUNet(1, base_channels=2, num_stages=3, with_cp=with_cp) for with_cp in (False, True))
    lean.load_state_dict(plain.state_dict())
    for net in (plain, lean):
        net(x)[-1].square().sum().backward()
    for ours, expected in zip(lean.parameters(), plain.parameters()):
        torch.testing.assert_close(ours.grad, expected.grad)


@pytest.mark.parametrize('gate', ['additive', 'grid'])
def test_normalisations_are_the_networks(gate: str):
    def kinds(norm_cfg: dict | None) -> set[type]:
        net = AttentionUNet(1, base_channels=4, num_stages=3, gate=gate, norm_cfg=norm_cfg)
        assert all(y.isfinite().all() for y in net(torch.randn(1, 1, 9, 7)))
        return {type(module) for module in net.modules() if 'Norm' in type(module).__name__} - {nn.Module}

    names = [{kind.__name__ for kind in kinds(config)} for config in (dict(type='GN', num_groups=4), None)]
    assert [name - {'ConvNormAct'} for name in names] == [{'GroupNorm'}, set()]
    sync = AttentionUNet(1, base_channels=4, num_stages=3, gate=gate, norm_cfg=dict(type='SyncBN')).modules()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in sync)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(gate='soft'), ValueError, "gate must be one of 'additive', 'grid', got 'soft'"),
        (dict(num_stages=1), ValueError, 'num_stages must be at least 2, got 1'),
        (dict(num_stages=2, gate='grid'), ValueError, 'num_stages must be at least 3, got 2'),
        (dict(base_channels=0), ValueError, 'base_channels must be at least 1, got 0'),
        (dict(in_channels=1.5), TypeError, 'in_channels must be an integer, got 1.5'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'AttentionUNet: {message}'):
        AttentionUNet(**options)


def test_wrong_images_are_named():
    with pytest.raises(ValueError, match=r'AttentionUNet: expected a \(B, 2, H, W\) input, got shape \(1, 3, 8, 8\)'):
        AttentionUNet(2, base_channels=2)(torch.randn(1, 3, 8, 8))
