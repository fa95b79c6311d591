"""The cells of an ablation."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS

from mmattn.attention.registry import mechanisms
from mmattn.costs.complexity import segmentor_complexity
from mmattn.studies.ablation.cells import make_cells, place_attention, resolve_attention, write_config
from tests.tiny import write_tiny_config


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_tiny_config(tmp_path)


def test_names_are_resolved_in_order_and_once():
    assert resolve_attention(['cc', 'none', 'CBAM', 'cbam']) == ['CrissCrossAttention', 'none', 'CBAM']
    everything = resolve_attention(['all'])
    assert everything[0] == 'none'
    assert {'CBAM', 'CrissCrossAttention', 'AxialAttention'} < set(everything)
    assert resolve_attention(['all', 'cbam', 'additive']) == [*everything, 'additive']
    with pytest.raises(ValueError, match=r"no attention 'foo', 'bar'; there are all, none, additive, .*CBAM.*, se"):
        resolve_attention(['se', 'foo', 'bar'])
    with pytest.raises(ValueError, match=r"no attention 'Cbamm'; did you mean 'cbam'.*; there are"):
        resolve_attention(['Cbamm'])


def test_every_layer_goes_by_its_short_name():
    layers = mechanisms(inputs=1)
    assert resolve_attention(layer.short for layer in layers.values()) == list(layers)


def test_cells_go_seed_by_seed(tmp_path: Path):
    names = [cell.name for cell in make_cells(tmp_path, ['none', 'CBAM'], [3, 0, 3])]
    assert names == ['none-seed3', 'CBAM-seed3', 'none-seed0', 'CBAM-seed0']


@pytest.mark.parametrize('where', ['neck', 'head'])
@pytest.mark.parametrize('attention', ['none', 'SqueezeExcitation'])
def test_a_written_cell_differs_by_the_layer_and_the_seed(base: Path, tmp_path: Path, where: str, attention: str):
    config = Config.fromfile(base)
    (cell,) = make_cells(tmp_path / 'out', [attention], [7])
    write_config(cell, base, place_attention(config, attention, where))
    written = Config.fromfile(cell.config)
    assert written.randomness.seed == 7
    assert written.train_dataloader == config.train_dataloader
    (none,) = make_cells(tmp_path / 'out', ['none'], [7])
    write_config(none, base, place_attention(config, 'none', where))
    with_layer, without = (segmentor_complexity(Config.fromfile(c.config), (64, 64)) for c in (cell, none))
    channels = 64 if where == 'neck' else 16
    hidden = channels // 16
    extra = 0 if attention == 'none' else 2 * channels * hidden + channels + hidden
    assert with_layer.parameters - without.parameters == extra
    assert with_layer.multiply_adds - without.multiply_adds == (0 if attention == 'none' else 2 * channels * hidden)


def test_the_head_keeps_the_options_of_the_configs_own(base: Path):
    config = Config.fromfile(base)
    head = place_attention(config, 'CBAM', 'head')['decode_head']
    assert (head['type'], head['attention']) == ('AttentionHead', dict(type='CBAM'))
    assert (head['channels'], head['loss_decode'], head['threshold']) == (16, config.model.decode_head.loss_decode, 0.5)
    assert 'recurrence' not in head


def test_bottleneck_blocks_take_the_layer(base: Path, tmp_path: Path):
    config = Config.fromfile(base)
    channels = dict(decode_head=dict(in_channels=256), auxiliary_head=dict(in_channels=128))
    config.merge_from_dict(dict(model=dict(backbone=dict(depth=50), **channels)))
    without = segmentor_complexity(config, (64, 64))
    config.merge_from_dict(dict(model=place_attention(config, 'SqueezeExcitation', 'backbone')))
    extra = segmentor_complexity(config, (64, 64)).parameters - without.parameters
    assert extra == 3 * (2 * 64 * 4 + 64 + 4)  # three blocks in the last stage, 8 * 8 channels inside


@pytest.mark.parametrize(
    ('change', 'where', 'message'),
    [
        ({}, 'roof', "where must be one of neck, head, backbone, skip, got 'roof'"),
        ({}, 'backbone', 'ResNetV1c of depth 18 has basic blocks, in which MMSegmentation allows no plugins'),
        ({'model.backbone': dict(type='MixVisionTransformer')}, 'backbone', 'MixVisionTransformer takes no plugins'),
        ({'model.neck': dict(type='FPN')}, 'neck', 'the config has a neck already, FPN'),
        ({'model.decode_head.in_index': 2}, 'neck', r'the decode head reads map \[2\], not the last of 4'),
        ({'model.decode_head.in_channels': [8, 16]}, 'head', 'choose model.decode_head.input_transform=resize_concat'),
        ({'model.decode_head': [dict(), dict()]}, 'head', r'must have one model\.decode_head, got \[{}, {}\]'),
        ({'model.decode_head': None}, 'neck', r'where=neck: the config must have one model\.decode_head, got None'),
        ({'model.backbone': None}, 'backbone', r'must have one model\.backbone, got None'),
        ({'model.decode_head': dict(type='UMixFormerHead')}, 'head', 'UMixFormerHead has no `channels`'),
        ({'model.backbone.type': 'ResNetX'}, 'neck', 'cannot be built: KeyError: .*ResNetX.* is not in the mmseg'),
    ],
)
def test_a_place_that_does_not_fit_is_named(base: Path, change: dict, where: str, message: str):
    config = Config.fromfile(base)
    for key, value in change.items():
        *path, last = key.split('.')
        target = config
        for name in path:
            target = target[name]
        target[last] = value
    with pytest.raises(ValueError, match=message):
        place_attention(config, 'CBAM', where)


@pytest.mark.parametrize('name', ['attention_unet_salt', 'attention_unet_velocity_quick'])
def test_a_layer_on_the_skips(root: Path, tmp_path: Path, name: str):
    path = root / 'configs' / f'{name}.py'
    for cell, gate in zip(make_cells(tmp_path, ['none', 'CBAM'], [0]), (None, dict(type='CBAM'))):
        write_config(cell, path, place_attention(Config.fromfile(path), cell.variant, 'skip'))
        changed = Config.fromfile(cell.config)
        unet = changed.model.backbone.get('backbone', changed.model.backbone)
        assert (unet.type, unet.gate) == ('AttentionUNet', gate)
        assert MODELS.build(changed.model).backbone is not None
    assert place_attention(Config.fromfile(path), 'additive', 'skip') == {}
    other = Config.fromfile(root / 'configs' / 'ccnet_salt.py')
    for attention in ('CBAM', 'additive'):
        with pytest.raises(ValueError, match=r'where=skip: the backbone must be an AttentionUNet .*, got ResNetV1c wi'):
            place_attention(other, attention, 'skip')
    with pytest.raises(ValueError, match=r"attention 'additive' has its place on the skip connections, got where=neck"):
        place_attention(other, 'additive', 'neck')


def test_nothing_needs_no_pyramid(root: Path):
    config = Config.fromfile(root / 'configs' / 'inversionnet_velocity.py')  # one map, of gathers of one size alone
    assert place_attention(config, 'none', 'neck') == {}


def test_a_velocity_network_has_a_cost(root: Path):
    config = Config.fromfile(root / 'configs' / 'attention_unet_velocity_quick.py')
    assert segmentor_complexity(config, (50, 96)).parameters > 1e6
