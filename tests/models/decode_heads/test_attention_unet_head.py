"""The U-Net decoder in several forms: what every head must do, and what only this one does."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmattn.attention import SCSE, AttentionGate, list_attention
from mmattn.models.blocks.empty_sections import bound_by_section
from mmattn.models.decode_heads import AttentionUNetHead
from tests.models.decode_heads.contract import BCE, DecodeHeadContract
from tests.models.decode_heads.pyramids import CHANNELS, pyramid, samples


class TestDefault(DecodeHeadContract):
    name, channels = 'AttentionUNetHead', CHANNELS
    options, graphs = dict(decoder_channels=(16, 12, 8)), False


class TestEverything(DecodeHeadContract):
    name, channels, scale = 'AttentionUNetHead', CHANNELS, 4
    options = dict(
        decoder_channels=(24, 16, 16, 8, 8),
        skip_attention=[dict(type='AttentionGate'), dict(type='SCSE'), None],
        decoder_attention=dict(type='SCSE'),
        deep_supervision=True,
        hypercolumn=True,
        empty_loss_weight=0.1,
        suppress_empty=True,
    )


def build(**options) -> AttentionUNetHead:
    config = dict(in_channels=CHANNELS, decoder_channels=(8, 8, 8), num_classes=2, norm_cfg=dict(type='BN'))
    return MODELS.build(dict(type='AttentionUNetHead', **{**config, 'dropout_ratio': 0, **options}))


def one_channel(**options) -> AttentionUNetHead:
    return build(out_channels=1, threshold=0.5, loss_decode=BCE, **options)


def labelled(*labels: torch.Tensor) -> list[SegDataSample]:
    made = [SegDataSample() for _ in labels]
    for sample, label in zip(made, labels):
        sample.gt_sem_seg = PixelData(data=label[None])
    return made


@pytest.mark.parametrize('name', list_attention())
def test_any_layer_on_skips_and_in_blocks(name: str):
    channels = (8, 16, 24, 32)  # multiples of the eight heads of axial attention
    layers = dict(skip_attention=dict(type=name), decoder_attention=[dict(type=name), None, None])
    head = build(in_channels=channels, **layers).train()
    losses = head.loss(pyramid(64, 64, 2, channels), samples(2, (64, 64)), {})
    losses['loss_ce'].backward()
    layers = [block.skip_attention.layer for block in head.blocks] + [head.blocks[0].attention]
    assert [type(layer).__name__ for layer in layers] == [name] * 4
    assert [layer.in_channels for layer in layers[:3] if hasattr(layer, 'in_channels')] in ([24, 16, 8], [])
    assert all(parameter.grad is not None for parameter in head.parameters())


ENCODERS = {
    'resnet': dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
    'dilated resnet': dict(
        type='ResNet', depth=18, base_channels=8, stem_channels=8, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)
    ),
    'mobilenet': dict(type='MobileNetV2', widen_factor=0.25),
    'mit': dict(type='MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]),
    'mscan': dict(type='MSCAN', embed_dims=[8, 8, 16, 16], depths=[1, 1, 1, 1], norm_cfg=dict(type='BN')),
    'swin': dict(type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4),
    'smt': dict(type='SMT', arch=dict(embed_dims=(16, 16, 32, 32), depths=(1, 1, 2, 1))),
}


@pytest.mark.parametrize('encoder', ENCODERS)
def test_any_pyramid_encoder(encoder: str):
    maps = MODELS.build(ENCODERS[encoder])(torch.randn(2, 3, 101, 90))
    head = build(in_channels=[x.shape[1] for x in maps], decoder_channels=(8, 8, 8, 4, 4)).eval()
    logits = head.predict(maps, [dict(img_shape=(101, 90))] * 2, {})
    assert logits.shape == (2, 2, 101, 90)
    assert logits.isfinite().all()


def test_full_resolution_for_small_tiles():
    """Sections of 101 samples: padded to 128, decoded to 128, cut to 101 by the segmentor."""
    backbone = dict(type='ResNet', depth=18, in_channels=1, base_channels=8, stem_channels=8)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SaltDataPreProcessor', size_divisor=32),
            backbone=backbone,
            decode_head=dict(
                type='AttentionUNetHead',
                in_channels=[8, 16, 32, 64],
                decoder_channels=(16, 8, 8, 8, 4),
                num_classes=2,
                out_channels=1,
                threshold=0.5,
                loss_decode=BCE,
            ),
            test_cfg=ConfigDict(mode='whole'),
        )
    ).eval()
    sample = SegDataSample(metainfo=dict(ori_shape=(101, 101), img_shape=(101, 101)))
    data = model.data_preprocessor(dict(inputs=[torch.randn(1, 101, 101)], data_samples=[sample]), False)
    assert model(**data, mode='tensor').shape == (1, 1, 128, 128)
    assert model(**data, mode='predict')[0].seg_logits.data.shape == (1, 101, 101)
    seen = []
    model.decode_head.loss_decode.register_forward_hook(lambda module, args, out: seen.append(args[0].shape))
    data['data_samples'][0].gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, 128, 128)))
    model(**data, mode='loss')
    assert seen == [(1, 1, 128, 128)]


def test_rounded_sizes_are_cut_not_squeezed():
    head, maps = build(decoder_channels=(8, 8, 8, 4, 4)).eval(), pyramid(101, 90)
    logits = head(maps)
    assert logits.shape == (1, 2, 104, 92)
    assert torch.equal(head.predict(maps, [dict(img_shape=(101, 90))], {}), logits[:, :, :101, :90])
    tile = [dict(img_shape=torch.Size((101, 90)), pad_shape=(300, 300))]  # of a sliding window
    assert torch.equal(head.predict(maps, tile, {}), logits[:, :, :101, :90])
    label = torch.randint(0, 2, (101, 90))
    expected = nn.functional.cross_entropy(logits[:, :, :101, :90], label[None])
    torch.testing.assert_close(head.loss(maps, labelled(label), {})['loss_ce'], expected)


def test_the_gate_listens_to_the_map_below():
    head, maps = build().eval(), pyramid(64, 64)
    heard = []
    for block in head.blocks:
        assert isinstance(block.skip_attention.layer, AttentionGate)
        block.skip_attention.layer.register_forward_hook(lambda module, args, out: heard.append(args))
    decoded = head.decode(maps)
    for (skip, gate), level, below in zip(heard, maps[2::-1], [maps[3], *decoded]):
        assert skip is level
        assert gate is below


def test_decoder_is_a_unet():
    """Without attention: enlarge, join, convolve twice."""
    head, maps = build(skip_attention=None, decoder_channels=(8, 6, 4, 4)).eval(), pyramid(64, 96)
    double, x = nn.Upsample(scale_factor=2), maps[3]
    for block, skip in zip(head.blocks, maps[2::-1]):
        x = block.convs(torch.cat([double(x), skip], 1))
    x = head.blocks[3].convs(double(x))
    torch.testing.assert_close(head(maps), head.conv_seg(x))


def test_hypercolumn_is_a_convolution_of_all_blocks_joined():
    head, maps = build(hypercolumn=True, decoder_channels=(12, 8, 4)).eval(), pyramid(64, 96)
    column, decoded = head.hypercolumn, head.decode(maps)
    joined = torch.cat([nn.functional.interpolate(x, decoded[-1].shape[2:], mode='bilinear') for x in decoded], 1)
    weight = torch.cat([projection.weight for projection in column.projections], 1)
    expected = head.conv_seg(column.norm(nn.functional.conv2d(joined, weight)).relu())
    torch.testing.assert_close(head(maps), expected, rtol=1e-4, atol=1e-5)


def test_the_image_is_the_last_skip_connection():
    encoder = dict(ENCODERS['resnet'], in_channels=1)
    backbone = MODELS.build(dict(type='WithImage', backbone=encoder))
    image = torch.randn(2, 1, 101, 90)
    maps = backbone(image)
    assert maps[0] is image
    assert len(maps) == 5
    head = build(in_channels=(8, 16, 32, 64), decoder_channels=(8, 8, 8, 4, 4), image_channels=1).eval()
    assert head(maps).shape == (2, 2, 101, 90)  # cut, no rounding left
    *_, below, last = head.decode(maps)
    enlarged = nn.functional.interpolate(below, scale_factor=2)[:, :, :101, :90]
    torch.testing.assert_close(head.blocks[-1].convs(torch.cat([enlarged, image], 1)), last)
    same = build(in_channels=(8, 16, 32, 64), decoder_channels=(8, 8, 8, 4, 4), image_channels=1, in_index=(1, 2, 3, 4))
    same.load_state_dict(head.state_dict())
    assert torch.equal(same.eval()(maps), head(maps))


def test_deep_supervision_adds_a_loss_a_block():
    options = dict(decoder_channels=(8, 8, 8, 4, 4))
    plain, deep = build(**options).eval(), build(deep_supervision=0.25, **options).eval()
    extra = deep.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert extra == [f'level_classifiers.{i}.{kind}' for i in range(4) for kind in ('weight', 'bias')]
    maps, label = pyramid(64, 64, 2), samples(2, (64, 64))
    expected, losses = plain.loss(maps, label, {}), deep.loss(maps, label, {})
    assert list(losses) == ['loss_ce', 'acc_seg', *(f'level_{i}.loss_ce' for i in range(4))]
    torch.testing.assert_close(losses['loss_ce'], expected['loss_ce'])
    coarse = deep.level_classifiers[1](deep.decode(maps)[1])
    coarse = nn.functional.interpolate(coarse, (64, 64), mode='bilinear')
    truth = torch.cat([sample.gt_sem_seg.data for sample in label])
    torch.testing.assert_close(losses['level_1.loss_ce'], 0.25 * nn.functional.cross_entropy(coarse, truth))
    assert build(deep_supervision=True).level_weight == 0.4


def test_prediction_computes_only_what_it_needs():
    head = one_channel(deep_supervision=True, empty_loss_weight=0.1).eval()
    for module in (*head.level_classifiers, head.empty_classifier):
        module.register_forward_hook(lambda *_: pytest.fail('computed at test'))
    assert head.predict(pyramid(64, 64), [dict(img_shape=(64, 64))], {}).shape == (1, 1, 64, 64)


def test_empty_sections_are_learnt():
    head, maps = one_channel(empty_loss_weight=0.5).train(), pyramid(32, 32, 3)
    salt = torch.zeros(32, 32, dtype=torch.long)
    salt[3, 4] = 1
    losses = head.loss(maps, labelled(salt, torch.zeros_like(salt), torch.full_like(salt, 255)), {})
    logits = head.empty_classifier.linear(maps[3].mean((2, 3)))[:2, 0]  # a section without a label does not count
    expected = nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(losses['loss_empty'], 0.5 * expected)
    assert losses['acc_empty'] == 50.0 * ((logits[0] > 0).int() + (logits[1] <= 0).int())


@pytest.mark.parametrize('outputs', [1, 2])
def test_empty_sections_are_suppressed_at_test(outputs: int):
    make = one_channel if outputs == 1 else build
    head, maps = make(empty_loss_weight=0.1, suppress_empty=True), pyramid(32, 32, 2)
    free = make(empty_loss_weight=0.1).eval()
    free.load_state_dict(head.state_dict())
    nn.init.zeros_(head.empty_classifier.linear.weight)
    nn.init.constant_(head.empty_classifier.linear.bias, -2.0)

    def salt(logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if outputs == 1 else logits.softmax(1)[:, 1:]

    expected = salt(free(maps)).clamp(max=torch.tensor(-2.0).sigmoid())
    torch.testing.assert_close(salt(head.eval()(maps)), expected)
    torch.testing.assert_close(head.train()(maps), free.train()(maps))  # training sees the pixels' own logits


def test_sections_that_hold_salt_stay_as_they_are():
    logits = torch.randn(2, 2, 4, 4)
    assert torch.equal(bound_by_section(logits, torch.full((2, 1), 50.0)), logits)
    bounded = bound_by_section(logits, torch.tensor([[50.0], [-50.0]])).argmax(1)
    assert torch.equal(bounded[0], logits[0].argmax(0))
    assert not bounded[1].any()


def test_in_index_chooses_the_levels():
    maps = pyramid(64, 64)
    first, second = build().eval(), build(in_index=(1, 2, 3, 4)).eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(maps), second([torch.zeros(1), *maps]))


def test_scse_in_the_blocks():
    head = build(decoder_attention=dict(type='SCSE', reduction=4), skip_attention=None)
    assert [block.attention.fc1.out_channels for block in head.blocks] == [2, 2, 2]
    assert all(isinstance(block.attention, SCSE) for block in head.blocks)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(in_channels=8), ValueError, 'in_channels must be a sequence of numbers, got 8'),
        (dict(in_channels=(8,)), ValueError, r'in_channels must have at least 2 numbers, one a map, got \(8,\)'),
        (
            dict(decoder_channels=(8, 8)),
            ValueError,
            r'decoder_channels must have at least 3 numbers, one a skip connection, got \(8, 8\)',
        ),
        (dict(decoder_channels=(8, 0, 8)), ValueError, 'decoder_channels must be at least 1, got 0'),
        (dict(in_index=(0, 1)), ValueError, r'in_index must have 4 numbers, one a map, got \(0, 1\)'),
        (dict(image_channels=-1), ValueError, 'image_channels must be at least 0, got -1'),
        (
            dict(image_channels=1),
            ValueError,
            r'decoder_channels must have at least 4 numbers, one a skip connection, got \(8, 8, 8\)',
        ),
        (dict(channels=64), TypeError, r'channels follows from decoder_channels \(8\), leave it out'),
        (dict(skip_attention=[None]), ValueError, 'skip_attention must have 3 entries, got 1'),
        (dict(skip_attention='SCSE'), TypeError, "skip_attention must be None, a dict or a sequence of them, got 'SC"),
        (
            dict(skip_attention=dict(type='AttentionGate', gate_channels=3)),
            ValueError,
            'skip_attention may not have gate_channels, the network has them',
        ),
        (dict(decoder_attention=dict(mode=1)), TypeError, r'decoder_attention must be None or a dict with a type, got'),
        (
            dict(decoder_attention=dict(type='SCSE', in_channels=3)),
            ValueError,
            'decoder_attention may not have in_channels, the network has them',
        ),
        (dict(deep_supervision=-1), ValueError, 'deep_supervision must be a finite number of at least 0, got -1'),
        (
            dict(in_channels=(8, 8), decoder_channels=(4,), deep_supervision=True),
            ValueError,
            'deep_supervision needs at least 2 decoder_channels, got 1',
        ),
        (dict(empty_loss_weight=-0.1), ValueError, 'empty_loss_weight must be a finite number of at least 0, got'),
        (dict(deep_supervision='no'), TypeError, "deep_supervision must be a number, got 'no'"),
        (dict(hypercolumn='no'), TypeError, "hypercolumn must be True or False, got 'no'"),
        (dict(suppress_empty='no'), TypeError, "suppress_empty must be True or False, got 'no'"),
        (dict(empty_loss_weight=0.1, num_classes=3), ValueError, 'empty_loss_weight needs num_classes=2, got 3'),
        (dict(suppress_empty=True), ValueError, 'suppress_empty=True needs empty_loss_weight above 0, got 0.0'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        build(**options)
