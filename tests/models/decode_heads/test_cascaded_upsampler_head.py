"""TransUNet's decoder against the published one, what every head must do, and the whole network."""

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmattn.attention.tokens import to_map
from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.backbones import HybridViT
from mmattn.models.decode_heads import CascadedUpsamplerHead
from tests.golden_vectors import load_golden
from tests.models.backbones.test_hybrid_vit import PUBLISHED, TINY, close
from tests.models.decode_heads.contract import BCE, DecodeHeadContract
from tests.models.decode_heads.pyramids import CHANNELS, pyramid, samples

BN = dict(type='BN')
WIDTHS = (32, 128, 256, 32)  # of the tiny encoder's maps
KINDS = [(torch.float32, 1e-5), (torch.float64, 1e-6)]  # the vectors are rounded to float32


class TestPyramid(DecodeHeadContract):
    """The shallowest map is at stride 4, so the fourth block gives logits at stride 2."""

    name, channels, scale = 'CascadedUpsamplerHead', CHANNELS, 2
    options = dict(decoder_channels=(16, 12, 8, 8), bridge_channels=16)


class TestOneMap(DecodeHeadContract):
    name, channels, scale = 'CascadedUpsamplerHead', (16,), 4
    options = dict(decoder_channels=(8, 8), bridge_channels=8)
    graphs = False

    def maps(self, height: int, width: int, batch: int = 1) -> list[Tensor]:
        return pyramid(height, width, batch, (16, 1, 1, 1))[:1]


def build(**options) -> CascadedUpsamplerHead:
    config = dict(in_channels=CHANNELS, decoder_channels=(8, 8, 8, 4), bridge_channels=8, num_classes=2, norm_cfg=BN)
    return MODELS.build(dict(type='CascadedUpsamplerHead', **{**config, **options}))


@pytest.mark.parametrize(('dtype', 'tolerance'), KINDS)
def test_equals_the_published_decoder(dtype: torch.dtype, tolerance: float):
    weights, vectors = load_golden('transunet_decoder')
    tensors = convert_state_dict({f'decoder.{key}': value for key, value in weights.items()}, 'transunet')
    options = dict(decoder_channels=(8, 8, 8, 4), num_classes=3, norm_cfg=BN)
    head = CascadedUpsamplerHead((4, 8, 16, 16), **options).eval()
    report = head.load_state_dict(tensors, strict=False)
    assert (report.missing_keys, report.unexpected_keys) == (['conv_seg.weight', 'conv_seg.bias'], [])
    names = ('x/tokens', 'x/skip0', 'x/skip1', 'x/skip2')
    tokens, *skips = inputs = [vectors[name].to(dtype).requires_grad_() for name in names]
    decoded = head.to(dtype).decode([*skips[::-1], to_map(tokens, (3, 3))])[-1]
    close(decoded, vectors['y/out'], tolerance)
    if dtype == torch.float32:
        return  # a rounding error turns a ReLU off or on
    decoded.backward(vectors['x/dy_a'].to(dtype))
    for i, x in enumerate(inputs):
        close(x.grad, vectors[f'y/dx_a/{i}'], tolerance)
    gradients = {f'decoder.{k[9:]}': value for k, value in vectors.items() if k.startswith('y/grad_a/')}
    parameters = dict(head.named_parameters())
    for name, gradient in gradients.items():
        ours = name.replace('decoder.', '').replace('conv_more.1', 'bridge.bn')
        ours = ours.replace('conv1.1', 'convs.0.bn').replace('conv2.0', 'convs.1.conv')
        close(parameters[ours].grad, gradient, tolerance)


def tiny_network() -> nn.Module:
    head = dict(type='CascadedUpsamplerHead', in_channels=WIDTHS, decoder_channels=(8, 8, 8, 8), num_classes=3)
    return MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(type='HybridViT', img_size=64, **PUBLISHED),
            decode_head=dict(head, norm_cfg=BN),
            test_cfg=ConfigDict(mode='whole'),
        )
    ).eval()


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 5e-4), (torch.float64, 1e-6)])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_equals_the_published_network(prefix: str, dtype: torch.dtype, tolerance: float):
    weights, vectors = load_golden('transunet_tiny')
    network = tiny_network()
    conversion = convert_checkpoint({prefix + key: value for key, value in weights.items()}, 'transunet')
    assert conversion.dropped == ()
    network.load_state_dict(conversion.tensors)
    x = vectors['x/x'].to(dtype).requires_grad_()
    logits = network.to(dtype)(x)
    close(logits, vectors['y/out'], tolerance)
    logits.backward(vectors['x/dy_a'].to(dtype))
    if dtype == torch.float32:
        tolerance = 2e-3  # root kernels: the normalisations before one pixel in four amplify rounding
    close(x.grad, vectors['y/dx_a'], tolerance)
    parameters, checked = dict(network.named_parameters()), 0
    for key, gradient in vectors.items():
        if key.startswith('y/grad_a/'):
            close(parameters[conversion.renamed[key[9:]]].grad, gradient, tolerance)
            checked += 1
    assert checked == 14


def test_one_part_of_a_checkpoint_has_no_prefix():
    weights, _ = load_golden('transunet_tiny')
    network = tiny_network()
    encoder = {key: value for key, value in weights.items() if key.startswith('transformer.')}
    decoder = {key: value for key, value in weights.items() if key not in encoder}
    network.backbone.load_state_dict(convert_state_dict(encoder, 'transunet'))
    network.decode_head.load_state_dict(convert_state_dict(decoder, 'transunet'))
    alone = convert_checkpoint(weights, 'transunet', component='transformer').tensors
    network.backbone.load_state_dict(alone)


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('decoder.conv_more.0.weight', r'bridge\.conv\.weight'),
        ('decoder.blocks.1.conv2.1.running_var', r'blocks\.1\.convs\.1\.bn\.running_var'),
        ('decoder.blocks.3.conv1.0.weight', r'blocks\.3\.convs\.0\.conv\.weight'),
        ('segmentation_head.0.bias', r'conv_seg\.bias'),
        ('decoder.', r'bridge\.conv\.weight'),
    ],
)
@pytest.mark.parametrize('whole', [True, False])
def test_a_checkpoint_without_one_of_its_tensors_is_an_error(gone: str, missing: str, whole: bool):
    weights, _ = load_golden('transunet_tiny')
    kept = {key: value for key, value in weights.items() if whole or not key.startswith('transformer.')}
    kept = {key: value for key, value in kept.items() if not key.startswith(gone)}
    with pytest.raises(KeyError, match=f'missing {r"decode_head." if whole else ""}{missing}'):
        convert_state_dict(kept, 'transunet')


def test_the_published_number_of_parameters():
    for backbone, head, count in (
        (dict(), dict(in_channels=(64, 256, 512, 768)), 105_277_081),
        (dict(embed_dims=1024, num_layers=24, num_heads=16), dict(in_channels=(64, 256, 512, 1024)), 324_024_729),
        (dict(resnet_depths=None), dict(in_channels=(768,)), 91_674_201),
        (dict(resnet_depths=None, embed_dims=1024, num_layers=24, num_heads=16), dict(in_channels=(1024,)), 310356313),
    ):
        with torch.device('meta'):
            modules = HybridViT(**backbone), CascadedUpsamplerHead(**head, num_classes=9, norm_cfg=BN)
        assert sum(p.numel() for module in modules for p in module.parameters()) == count


def test_the_published_enlarging():
    """Bilinear, corners upon corners, twofold or to the skip connection; then joined and convolved."""
    head, maps = build(in_channels=(8, 16, 20), decoder_channels=(8, 8, 4)).eval(), pyramid(64, 96)[:3]
    x, double = head.bridge(maps[2]), nn.UpsamplingBilinear2d(scale_factor=2)
    for block, skip in zip(head.blocks, maps[1::-1]):
        x = block.convs(torch.cat([double(x), skip], 1))
    x = head.blocks[2].convs(double(x))
    torch.testing.assert_close(head(maps), head.conv_seg(x))
    assert (head.conv_seg.kernel_size, head.conv_seg.bias is None) == ((3, 3), False)
    with torch.no_grad():
        below = torch.randn(1, 8, 5, 7)
        centres = build(align_corners=False).blocks[0]
        expected = F.interpolate(below, (9, 13), mode='bilinear', align_corners=False)
        torch.testing.assert_close(centres.enlarge(below, (9, 13)), expected)


ENCODERS = {
    'resnet': dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
    'mit': dict(type='MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]),
    'swin': dict(type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4),
    'hybrid': dict(type='HybridViT', **TINY),
    'pure': dict(type='HybridViT', **dict(TINY, resnet_depths=None)),
}


@pytest.mark.parametrize('size', [(101, 101), (64, 160), (33, 70)])
@pytest.mark.parametrize('encoder', ENCODERS)
def test_any_pyramid_encoder(encoder: str, size: tuple[int, int]):
    backbone = MODELS.build(ENCODERS[encoder])
    backbone.eval()
    maps = backbone(torch.randn(2, 3, *size))
    head = build(in_channels=[x.shape[1] for x in maps], decoder_channels=(8, 8, 8, 4, 4)[-5 + (len(maps) == 1) :])
    logits = head.eval().predict(maps, [dict(img_shape=size)] * 2, {})
    assert logits.shape == (2, 2, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize('classes', [1, 2, 5])
@pytest.mark.parametrize('size', [(101, 101), (64, 160)])
def test_the_whole_network(size: tuple[int, int], classes: int):
    outputs = dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode=BCE) if classes == 1 else dict()
    head = dict(type='CascadedUpsamplerHead', in_channels=WIDTHS, decoder_channels=(8, 8, 8, 4), norm_cfg=BN)
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(type='HybridViT', in_channels=1, **TINY),
            decode_head=dict(head, **(outputs or dict(num_classes=classes))),
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    data = [SegDataSample(metainfo=dict(img_shape=size, ori_shape=size)) for _ in range(2)]
    for sample in data:
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, *size)))
    x = torch.randn(2, 1, *size)
    losses = model.train().loss(x, data)
    losses['decode.loss_ce'].backward()
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    assert model.predict(x, data)[0].seg_logits.data.shape == (classes, *size)
    assert model(x).shape[2:] == tuple(side + side % 2 for side in size)


@pytest.mark.slow
def test_the_whole_network_exports_with_dynamic_sizes(tmp_path):
    """Decoder and encoder in one graph, at sizes that the encoder rounds up."""
    network, path = tiny_network().requires_grad_(False), tmp_path / 'transunet.onnx'
    sizes = {axis: torch.export.Dim(name, min=64, max=1024) for axis, name in ((2, 'h'), (3, 'w'))}
    program = torch.export.export(network, (torch.randn(1, 3, 96, 128),), dynamic_shapes=(sizes,))
    torch.onnx.export(program, dynamo=True, verbose=False).save(path)
    session = onnxruntime.InferenceSession(path)
    for size in ((101, 75), (64, 160), (224, 224)):
        x = torch.randn(1, 3, *size)
        expected = network(x)
        assert expected.shape[2:] == tuple(side + side % 2 for side in size)
        torch.testing.assert_close(program.module()(x), expected, rtol=1e-4, atol=1e-4)
        exported = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(exported), expected, rtol=1e-3, atol=1e-3)


def test_rounded_sizes_are_cut_not_squeezed():
    maps = HybridViT(**TINY).eval()(torch.randn(1, 3, 101, 90))
    head = build(in_channels=WIDTHS).eval()
    logits = head(maps)
    assert logits.shape == (1, 2, 102, 90)
    assert torch.equal(head.predict(maps, [dict(img_shape=(101, 90))], {}), logits[:, :, :101])
    label = samples(2, (101, 90), 1)
    expected = F.cross_entropy(logits[:, :, :101], label[0].gt_sem_seg.data)
    torch.testing.assert_close(head.loss(maps, label, {})['loss_ce'], expected)


def test_one_class_and_the_maps_asked_for():
    maps = [torch.randn(1, c, 64 // s, 64 // s) for c, s in zip((64, 256, 512, 1024), (2, 4, 8, 16))]
    head = CascadedUpsamplerHead((256, 512, 1024), in_index=(1, 2, 3), num_classes=1, norm_cfg=BN).eval()
    assert head(maps).shape == (1, 1, 64, 64)
    assert [block.convs[0].conv.in_channels for block in head.blocks] == [1024, 512, 128, 64]
    assert head.dropout is None
    only = CascadedUpsamplerHead((1024,), in_index=(3,), num_classes=4, norm_cfg=BN).eval()
    assert only(maps).shape == (1, 4, 64, 64)
    assert build(dropout_ratio=0.1).dropout.p == 0.1


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(in_channels=8), ValueError, 'CascadedUpsamplerHead: in_channels must be a sequence of numbers, got 8'),
        (dict(in_channels=()), ValueError, r'in_channels must have at least 1 numbers, one a map, got \(\)'),
        (dict(decoder_channels=(8, 8)), ValueError, r'must have at least 3 numbers, one a skip connection, got \(8, 8'),
        (dict(in_channels=(8,), decoder_channels=()), ValueError, r'decoder_channels must have at least 1 numbers'),
        (dict(decoder_channels=(8, 0, 8)), ValueError, 'decoder_channels must be at least 1, got 0'),
        (dict(bridge_channels=0), ValueError, 'CascadedUpsamplerHead: bridge_channels must be at least 1, got 0'),
        (dict(bridge_channels='512'), TypeError, "bridge_channels must be an integer, got '512'"),
        (dict(in_index=(0, 1)), ValueError, r'in_index must have 4 numbers, one a map, got \(0, 1\)'),
        (dict(channels=64), TypeError, r'channels follows from decoder_channels \(4\), leave it out'),
        (dict(bridge_chanels=64), TypeError, 'bridge_chanels'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        build(**options)


def test_too_few_maps_are_named():
    with pytest.raises(ValueError, match=r'CascadedUpsamplerHead: in_index .* needs 4 maps, got 3'):
        build()(pyramid(64, 64)[:3])
