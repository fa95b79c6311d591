"""The heads on four levels, U-MixFormer's and FeedFormer's: any encoder, size and option."""

import pytest
import torch
from mmseg.models.backbones import ResNet, SwinTransformer
from mmseg.registry import MODELS
from torch import nn

from mmattn.models.decode_heads import FeedFormerHead, UMixFormerHead
from tests.models.decode_heads.pyramids import BN, CHANNELS, build, pyramid, samples

HEADS = [UMixFormerHead, FeedFormerHead]


@pytest.mark.parametrize('size', [(101, 101), (96, 96), (32, 160), (33, 7), (1, 1)])
@pytest.mark.parametrize('query_reduction', [1, 2])
@pytest.mark.parametrize('head', HEADS)
def test_any_size(head: type, query_reduction: int, size: tuple[int, int]):
    inputs = pyramid(*size)
    logits = build(head, query_reduction=query_reduction).eval()(inputs)
    assert logits.shape == (1, 5, *inputs[0].shape[2:])
    assert logits.isfinite().all()


@pytest.mark.parametrize('query_reduction', [1, 2])
@pytest.mark.parametrize('outputs', [1, 2])
@pytest.mark.parametrize('head', HEADS)
def test_trains_every_parameter(head: type, outputs: int, query_reduction: int):
    loss = dict(type='CrossEntropyLoss', use_sigmoid=outputs == 1, avg_non_ignore=True)
    options = dict(num_classes=2, out_channels=outputs, loss_decode=loss, dropout_ratio=0, drop_path_rate=0.0)
    module = build(head, query_reduction=query_reduction, threshold=0.5 if outputs == 1 else None, **options)
    assert module.dropout is None
    losses = module.loss(pyramid(128, 128, batch=2), samples(2, (128, 128)), {})
    assert set(losses) == {'loss_ce', 'acc_seg'}
    losses['loss_ce'].backward()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert module.conv_seg.out_channels == outputs


@pytest.mark.parametrize('head', HEADS)
def test_joining_before_enlarging_changes_nothing(head: type):
    """The published order: enlarge, join, convolve."""
    module, levels = build(head).eval(), pyramid(101, 70)[::-1]
    nn.init.normal_(module.fuse.bn.running_mean)
    size = tuple(levels[-1].shape[2:])
    enlarged = [nn.functional.interpolate(level, size, mode='bilinear') for level in levels]
    torch.testing.assert_close(module.fuse_levels(levels), module.fuse(torch.cat(enlarged, 1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('head', HEADS)
def test_options_of_mmsegs_heads_are_honoured(head: type):
    x = pyramid(70, 101)
    module = build(head, norm_cfg=dict(type='GN', num_groups=4), act_cfg=dict(type='GELU')).eval()
    assert isinstance(module.fuse.norm, nn.GroupNorm)
    assert isinstance(module.fuse.activate, nn.GELU)
    plain = build(head, norm_cfg=None, act_cfg=None).eval()
    assert plain.fuse.conv.bias is not None
    assert plain(x).isfinite().all()
    corners = build(head, align_corners=True, query_reduction=2).eval()
    other = build(head, query_reduction=2).eval()
    other.load_state_dict(corners.state_dict())
    assert not torch.allclose(corners(x), other(x), atol=1e-4)


@pytest.mark.parametrize('head', HEADS)
def test_in_index_chooses_the_levels(head: type):
    x = pyramid(64, 64)
    first, second = build(head).eval(), build(head, in_index=(1, 2, 3, 4)).eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second([torch.zeros(1), *x]))


ENCODERS = {
    'swin': lambda: SwinTransformer(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4),
    'resnet': lambda: ResNet(18, base_channels=8, stem_channels=8),
    'dilated resnet': lambda: ResNet(
        18, base_channels=8, stem_channels=8, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)
    ),
}


@pytest.mark.parametrize('query_reduction', [1, 2])
@pytest.mark.parametrize('encoder', ENCODERS)
@pytest.mark.parametrize('head', HEADS)
def test_encoders_of_four_stages(head: type, encoder: str, query_reduction: int):
    levels = ENCODERS[encoder]()(torch.randn(2, 3, 101, 90))
    heads = (1, 2, 4, 8) if head is UMixFormerHead else (2, 4, 8)
    options = dict(embed_dims=16, num_classes=3, norm_cfg=BN, query_reduction=query_reduction)
    logits = head((8, 16, 32, 64), num_heads=heads, **options)(levels)
    assert logits.shape == (2, 3, 26, 23)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(in_channels=(8, 16, 20)), ValueError, r'in_channels must have 4 numbers, one a level, got \(8, 16, 20\)'),
        (dict(in_channels=8), ValueError, 'in_channels must have 4 numbers, one a level, got 8'),
        (dict(in_index=(0, 1)), ValueError, r'in_index must have 4 numbers, one a level, got \(0, 1\)'),
        (dict(num_heads=(8,)), ValueError, r'num_heads must have . numbers, one a level, got \(8,\)'),
        (dict(in_channels=(8, 16, 20, '32')), TypeError, "in_channels must be an integer, got '32'"),
        (dict(drop_path_rate='no'), TypeError, "drop_path_rate must be a number, got 'no'"),
        (dict(embed_dims=0), ValueError, 'embed_dims must be at least 1, got 0'),
        (dict(query_reduction=0), ValueError, 'query_reduction must be at least 1, got 0'),
        (dict(query_reduction=2.0), TypeError, r'query_reduction must be an integer, got 2\.0'),
        (dict(drop_path_rate=1), ValueError, 'drop_path_rate must be at least 0 and below 1, got 1'),
        (dict(channels=256), TypeError, r'channels follows from embed_dims \(16\), leave it out'),
        (dict(conv_cfg=dict(type='DCN')), ValueError, "conv_cfg must be None or of type 'Conv2d', got"),
        (dict(in_channels=(8, 16, 21, 32)), ValueError, r'num_heads must divide in_channels \(21\), got 5'),
    ],
)
@pytest.mark.parametrize('head', HEADS)
def test_wrong_values_are_named(head: type, options: dict, error: type[Exception], message: str):
    config = {**dict(type=head.__name__, in_channels=CHANNELS, embed_dims=16, num_classes=5), **options}
    with pytest.raises(error, match=message):
        MODELS.build(config)


@pytest.mark.parametrize('head', HEADS)
def test_wrong_maps_are_named(head: type):
    module, levels = build(head), pyramid(64, 64)
    with pytest.raises(ValueError, match=f'{head.__name__}: in_index .0, 1, 2, 3. needs 4 maps, got 3'):
        module(levels[:3])
    with pytest.raises(ValueError, match=rf'{head.__name__}: expected a \(B, 8, H, W\) input, got shape \(1, 32'):
        module(levels[::-1])


def test_wrong_pool_ratios_are_named():
    with pytest.raises(ValueError, match=r'UMixFormerHead: pool_ratios must have 4 numbers, one a level, got \(1, 2\)'):
        build(UMixFormerHead, pool_ratios=(1, 2))
    with pytest.raises(ValueError, match='pool_ratios must be at least 1, got 0'):
        build(UMixFormerHead, pool_ratios=(1, 2, 4, 0))
