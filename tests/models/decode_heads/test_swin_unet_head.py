"""The decoder of Swin-Unet: with its encoder against the published network, and on other encoders."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.costs.complexity import count_multiply_adds
from mmattn.models.backbones import SwinUNetEncoder
from mmattn.models.decode_heads import SwinUNetHead
from tests.golden_vectors import load_golden
from tests.models.decode_heads.contract import CE, DecodeHeadContract
from tests.models.decode_heads.pyramids import pyramid, samples

WIDTHS = (8, 16, 32, 64)
TINY = dict(embed_dims=8, num_heads=(1, 2, 4, 8), window_size=3)
DECODER = dict(num_heads=(1, 2, 4), window_size=3)


class SwinContract(DecodeHeadContract):
    name, scale = 'SwinUNetHead', 4

    def test_norm_and_activation_are_the_configs(self):
        for option in ('norm_cfg', 'act_cfg', 'conv_cfg'):
            with pytest.raises(TypeError, match=f'SwinUNetHead: {option} has no meaning here, leave it out'):
                self.build(**{option: dict(type='BN')})
        assert isinstance(self.build(dropout_ratio=0.3).dropout, nn.Dropout2d)

    def test_align_corners_reaches_the_prediction(self):
        """Where logits are resized: in the contract's case they are cut."""
        maps, metas = self.maps(48, 64), [dict(img_shape=(96, 128), pad_shape=(96, 128))]
        corners, centres = (self.build(align_corners=value).eval() for value in (True, False))
        centres.load_state_dict(corners.state_dict())
        first, second = (head.predict(maps, metas, {}) for head in (corners, centres))
        assert not torch.allclose(first, second)


class TestContract(SwinContract):
    channels = 8, 16, 20, 32
    options = dict(depths=(2, 2, 1), num_heads=(1, 2, 4), window_size=2, drop_path_rate=0.0, norm_cfg=None)
    graphs = False  # as below


class TestThreeLevels(SwinContract):
    """Three maps, of sizes that leave several windows in each: what graphs are exported for."""

    channels, multiple = (8, 16, 16), 16
    options = dict(depths=(2, 1), num_heads=(1, 2), window_size=2, drop_path_rate=0.0, norm_cfg=None, mlp_ratio=1.5)

    def maps(self, height: int, width: int, batch: int = 1) -> list[Tensor]:
        return pyramid(height, width, batch, self.channels)[:3]


def build(**options) -> SwinUNetHead:
    defaults = dict(in_channels=WIDTHS, num_classes=3, align_corners=False, **DECODER)
    return MODELS.build(dict(type='SwinUNetHead', **{**defaults, **options}))


def network(weights: dict[str, Tensor], dtype: torch.dtype) -> nn.ModuleDict:
    parts = dict(backbone=SwinUNetEncoder(**TINY), decode_head=build())
    model = nn.ModuleDict(parts).eval()
    model.load_state_dict(convert_state_dict(weights, 'swin-unet'))
    return model.to(dtype)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-4), (torch.float64, 2e-6)])
def test_equals_the_published_network(dtype: torch.dtype, tolerance: float):
    weights, vectors = load_golden('swin_unet_tiny')
    model = network(weights, dtype)
    x = vectors['x/x'].to(dtype).requires_grad_()
    y = model['decode_head'](model['backbone'](x))
    torch.testing.assert_close(y, vectors['y/out'].to(dtype), rtol=tolerance, atol=tolerance)
    (y * vectors['x/dy_a'].to(dtype)).sum().backward()
    expected = vectors['y/dx_a'].to(dtype)
    torch.testing.assert_close(x.grad, expected, rtol=100 * tolerance, atol=tolerance * expected.abs().max().item())
    names = convert_checkpoint(weights, 'swin-unet').renamed
    gradients = {key.removeprefix('y/grad_a/'): value for key, value in vectors.items() if 'grad_a/' in key}
    assert gradients
    for name, value in gradients.items():
        ours = model.get_parameter(names[name].split(', ')[0]).grad
        limit = 2 * tolerance * value.abs().max().item()
        torch.testing.assert_close(ours, value.to(dtype), rtol=100 * tolerance, atol=limit)


def test_checkpoints_of_one_part_have_no_prefix():
    weights, _ = load_golden('swin_unet_tiny')
    whole = convert_checkpoint(weights, 'swin-unet')
    assert {name.split('.')[0] for name in whole.tensors} == {'backbone', 'decode_head'}
    assert whole.renamed['output.weight'] == 'decode_head.conv_seg.weight, decode_head.conv_seg.bias'
    assert torch.equal(whole.tensors['decode_head.conv_seg.bias'], torch.zeros(3))
    decoder = {key: v for key, v in weights.items() if key.split('.')[1] not in ('layers', 'patch_embed', 'norm')}
    head = build()
    head.load_state_dict(convert_state_dict(decoder, 'swin-unet'))
    assert convert_checkpoint(decoder, 'swin-unet').renamed['output.weight'] == 'conv_seg.weight, conv_seg.bias'
    del decoder['swin_unet.concat_back_dim.2.bias']
    with pytest.raises(KeyError, match=r'missing decoder\.1\.join\.bias'):
        convert_state_dict(decoder, 'swin-unet')


SWIN_B = dict(embed_dims=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32))


@pytest.mark.parametrize(
    ('options', 'size', 'parameters', 'multiply_adds'),
    [
        (dict(), 224, 27_168_900, 6.11e9),
        (dict(), 448, 27_168_900, 24.44e9),
        (dict(depths=(2, 2, 6, 2)), 224, 41_380_836, 8.94e9),
        (dict(window_size=8), 256, None, 8.07e9),
        (SWIN_B, 224, 149_222_064, 30.79e9),
    ],
    ids=['tiny', 'tiny at 448', 'depths of Swin-T', 'window 8', 'base'],
)
def test_the_published_networks_have_their_sizes(
    options: dict, size: int, parameters: int | None, multiply_adds: float
):
    options = dict(embed_dims=96, depths=(2, 2, 2, 2), num_heads=(3, 6, 12, 24), window_size=7) | options
    widths = tuple(options['embed_dims'] * 2**i for i in range(4))
    decoder = dict(depths=options['depths'][:3], num_heads=options['num_heads'][:3])
    with torch.device('meta'):
        encoder = SwinUNetEncoder(**options)
        head = build(in_channels=widths, num_classes=9, window_size=options['window_size'], **decoder)
    found = sum(p.numel() for module in (encoder, head) for p in module.parameters())
    assert parameters is None or found == parameters + head.conv_seg.bias.numel()
    found = count_multiply_adds(lambda x: head(encoder(x)), torch.empty(1, 3, size, size, device='meta'))
    assert found == pytest.approx(multiply_adds, rel=1e-3)


def test_drop_path_is_the_encoders():
    encoder, head = SwinUNetEncoder(**TINY), build()
    theirs = [[block.drop_path.drop_prob for block in stage.blocks] for stage in encoder.stages]
    ours = [[block.drop_path.drop_prob for block in level.blocks] for level in head.decoder]
    assert ours[::-1] == [pytest.approx(rates) for rates in theirs[:3]]


@pytest.mark.parametrize(
    'encoder',
    [
        dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
        dict(type='MixVisionTransformer', embed_dims=8, num_heads=[1, 2, 4, 8], num_layers=[1] * 4),
        dict(type='MSCAN', embed_dims=[8, 16, 20, 32], depths=[1] * 4, norm_cfg=dict(type='BN')),
        dict(type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 2, 4, 8), window_size=4),
        dict(type='SMT', arch=dict(embed_dims=(16, 16, 32, 32), depths=(1, 1, 2, 1))),
        dict(type='LVT', embed_dims=(8, 8, 20, 16), depths=(1, 1, 1, 1)),
    ],
    ids=lambda config: config['type'],
)
@pytest.mark.parametrize('size', [(101, 101), (64, 90)])
def test_decodes_other_encoders(encoder: dict, size: tuple[int, int]):
    backbone = MODELS.build(encoder)
    backbone.eval()
    maps = backbone(torch.randn(1, 3, *size))
    head = build(in_channels=[x.shape[1] for x in maps], num_heads=(1, 1, 2)).eval()
    metas = [dict(img_shape=size, pad_shape=size)]
    assert head.predict(maps, metas, {}).shape == (1, 3, *size)


def test_logits_are_cut():
    """An image of 101 x 74 and the same with zeros below and on the right have the same logits."""
    encoder, head = SwinUNetEncoder(**TINY).eval(), build().eval()
    x = torch.randn(2, 3, 101, 74)
    padded = nn.functional.pad(x, (0, 2, 0, 3))
    full = head(encoder(padded))
    assert full.shape == (2, 3, 104, 76)
    metas = [dict(img_shape=(101, 74), pad_shape=(101, 74))] * 2
    assert torch.equal(head.predict(encoder(x), metas, {}), full[:, :, :101, :74])
    losses = head.loss(encoder(x), samples(3, (101, 74)), {})
    assert losses['loss_ce'].isfinite()


def test_sizes_that_do_not_halve_are_an_error():
    maps = pyramid(64, 64, 1, WIDTHS)
    maps[3] = torch.randn(1, 64, 4, 4)
    with pytest.raises(ValueError, match=r'must have half the size .* got \(4, 4\) after \(4, 4\)'):
        build()(maps)
    maps[3] = torch.randn(1, 32, 2, 2)
    with pytest.raises(ValueError, match=r'SwinUNetHead: expected a \(B, 64, H, W\) input, got shape'):
        build()(maps)
    with pytest.raises(ValueError, match='needs 4 maps, got 2'):
        build()(maps[:2])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(in_channels=(8,)), ValueError, 'SwinUNetHead: in_channels must have at least 2 numbers'),
        (dict(in_channels=8), ValueError, 'SwinUNetHead: in_channels must have one number at least, got 8'),
        (dict(in_index=(0, 1)), ValueError, r'SwinUNetHead: in_index must have 4 numbers, one a map, got \(0, 1\)'),
        (dict(depths=(2, 2, 2, 2)), ValueError, r'SwinUNetHead: depths must have 3 numbers, got \(2, 2, 2, 2\)'),
        (dict(num_heads=(1, 2)), ValueError, r'SwinUNetHead: num_heads must have 3 numbers, got \(1, 2\)'),
        (dict(num_heads=(3, 2, 4)), ValueError, 'SwinUNetHead: num_heads must divide in_channels, got 3 for 8'),
        (dict(window_size=0), ValueError, 'SwinUNetHead: window_size must be at least 1, got 0'),
        (dict(mlp_ratio='4'), TypeError, "SwinUNetHead: mlp_ratio must be a number, got '4'"),
        (dict(expand=0), ValueError, 'SwinUNetHead: expand must be at least 1, got 0'),
        (dict(drop_path_rate=1), ValueError, 'SwinUNetHead: drop_path_rate must be at least 0 and below 1, got 1'),
        (dict(channels=8), TypeError, r'SwinUNetHead: channels follows from in_channels \(8\), leave it out'),
        (dict(init_cfg='x.pth'), TypeError, "SwinUNetHead: init_cfg must be dicts with a type, got 'x.pth'"),
        (
            dict(init_cfg=dict(type='Pretrained', checkpoint='x.pth', source='swim')),
            ValueError,
            "source must be None or one of .*, got 'swim'",
        ),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        build(**options)


def test_a_segmentor_trains():
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(type='SwinUNetEncoder', **TINY),
            decode_head=dict(
                type='SwinUNetHead', in_channels=WIDTHS, num_classes=2, align_corners=False, loss_decode=CE, **DECODER
            ),
            test_cfg=dict(mode='whole'),
        )
    ).train()
    losses = model.loss(torch.randn(2, 3, 50, 70), samples(2, (50, 70)))
    losses['decode.loss_ce'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
