"""The head around any attention layer."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmattn.attention import list_attention
from mmattn.models.decode_heads import AttentionHead, CrissCrossHead
from mmattn.models.decode_heads.decode_head import one_channel_accuracy
from mmattn.models.losses import CategoryConsistentLoss


def labelled(label: torch.Tensor) -> list[SegDataSample]:
    sample = SegDataSample()
    sample.gt_sem_seg = PixelData(data=label)
    return [sample]


@pytest.mark.parametrize('name', list_attention())
@pytest.mark.parametrize('concat_input', [True, False])
def test_any_layer_trains(name: str, concat_input: bool):
    head = AttentionHead(16, 8, attention=dict(type=name), concat_input=concat_input, num_classes=3)
    losses = head.loss([torch.randn(1, 16, 6, 7)], labelled(torch.randint(0, 3, (1, 12, 14))), {})
    losses['loss_ce'].backward()
    assert losses['loss_ce'] > 0
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_without_attention_the_convolutions_stay():
    head = AttentionHead(8, 4, attention=None, num_classes=3)
    other = AttentionHead(8, 4, attention=dict(type='CrissCrossAttention'), num_classes=3)
    other.load_state_dict(head.state_dict(), strict=False)
    assert not [name for name in head.state_dict() if name.startswith('attention')]
    x = [torch.randn(2, 8, 5, 6)]
    torch.testing.assert_close(head.eval()(x), other.eval()(x))  # the layer starts as the identity: gamma is zero


def test_accuracy_of_one_channel():
    logits = torch.tensor([[[[2.0, -2.0], [2.0, -2.0]]]])
    label = torch.tensor([[[1, 0], [0, 255]]])
    assert one_channel_accuracy(logits, label, 0.5, 255) == pytest.approx(200 / 3)
    assert one_channel_accuracy(logits, torch.full((1, 2, 2), 255), 0.5, 255) == 0


def test_accuracy_is_logged_alike_for_one_and_two_channels():
    label = torch.randint(0, 2, (1, 6, 6))
    logits = torch.randn(1, 1, 6, 6)
    options = dict(num_classes=2, attention=dict(type='CrissCrossAttention'))
    one = AttentionHead(
        8, 8, out_channels=1, threshold=0.5, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True), **options
    )
    two = AttentionHead(8, 8, **options)
    first = one.loss_by_feat(logits, labelled(label))
    second = two.loss_by_feat(torch.cat([torch.zeros_like(logits), logits], 1), labelled(label))
    torch.testing.assert_close(first['acc_seg'], second['acc_seg'].squeeze())
    torch.testing.assert_close(first['loss_ce'], second['loss_ce'])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(kernel_size=2), 'kernel_size must be odd, got 2'),
        (dict(kernel_size=(3, 3)), r'kernel_size must be an integer, got \(3, 3\)'),
        (dict(attention_channels=0), 'attention_channels must be at least 1, got 0'),
        (dict(concat_input='no'), "concat_input must be True or False, got 'no'"),
        (dict(attention='CBAM'), "attention must be None or a dict with a type, got 'CBAM'"),
        (dict(attention=dict(type='CBAM', in_channels=3)), 'attention may not have in_channels, the network has them'),
        (
            dict(in_channels=(8, 8), in_index=(0, 1), input_transform='multiple_select'),
            "input_transform must be None or 'resize_concat', got 'multiple_select'",
        ),
        (dict(concat_input=False, attention_channels=4), r'attention_channels \(4\) must equal channels \(8\)'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    config = dict(type='AttentionHead', in_channels=16, channels=8, attention=dict(type='CBAM'), num_classes=3)
    with pytest.raises((TypeError, ValueError), match=f'AttentionHead: {message}'):
        MODELS.build({**config, **options})


@pytest.mark.parametrize('in_index', [2, -3])
def test_a_missing_map_is_named(in_index: int):
    head = AttentionHead(8, 8, attention=None, num_classes=3, in_index=in_index)
    with pytest.raises(ValueError, match=f'AttentionHead: in_index {in_index} needs 3 maps, got 2'):
        head([torch.randn(1, 8, 4, 4)] * 2)


def test_feature_loss_trains_and_leaves_inference_alone():
    options = dict(attention=dict(type='CrissCrossAttention'), num_classes=3)
    plain = AttentionHead(16, 8, **options)
    head = AttentionHead(
        16, 8, feature_loss=dict(type='CategoryConsistentLoss', loss_weight=2.0), feature_loss_channels=4, **options
    )
    extra = head.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert extra == ['feature_loss_conv.weight', 'feature_loss_conv.bias']
    inputs, samples = [torch.randn(2, 16, 6, 7)], 2 * labelled(torch.randint(0, 3, (1, 12, 14)))
    expected, losses = plain.loss(inputs, samples, {}), head.loss(inputs, samples, {})
    assert sorted(losses) == sorted([*expected, 'loss_ccl'])
    feature = head.feature_loss_conv(head.forward_feature(inputs))
    label = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
    torch.testing.assert_close(losses['loss_ccl'], 2 * CategoryConsistentLoss()(feature, label))
    losses['loss_ccl'].backward()
    assert all(parameter.grad.any() for parameter in head.feature_loss_conv.parameters())
    assert head.convs[0].conv.weight.grad.any()
    assert head.conv_seg.weight.grad is None
    assert torch.equal(plain.eval()(inputs), head.eval()(inputs))


def test_feature_loss_without_projection_has_no_parameters():
    options = dict(attention=dict(type='CBAM'), num_classes=3)
    head = AttentionHead(16, 8, feature_loss=dict(type='CategoryConsistentLoss', gamma=1.0), **options)
    assert list(head.state_dict()) == list(AttentionHead(16, 8, **options).state_dict())
    inputs, samples = [torch.randn(1, 16, 6, 7)], labelled(torch.randint(0, 3, (1, 6, 7)))
    losses = head.loss(inputs, samples, {})
    expected = CategoryConsistentLoss(gamma=1.0)(head.forward_feature(inputs), samples[0].gt_sem_seg.data)
    torch.testing.assert_close(losses['loss_ccl'], expected)


def test_feature_loss_by_config_of_a_subclass():
    head = CrissCrossHead(16, 8, num_classes=3, feature_loss=dict(type='CategoryConsistentLoss'))
    losses = head.loss([torch.randn(1, 16, 6, 7)], labelled(torch.full((1, 6, 7), 255)), {})
    assert losses['loss_ccl'] == 0
    (losses['loss_ccl'] + losses['loss_ce']).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(feature_loss_channels=16), 'feature_loss_channels=16 needs a feature_loss'),
        (
            dict(feature_loss=dict(type='CategoryConsistentLoss'), feature_loss_channels=0),
            'feature_loss_channels must be at least 1, got 0',
        ),
        (
            dict(feature_loss=dict(type='CategoryConsistentLoss', loss_name='loss_ce')),
            r"feature_loss must have a loss_name that .* none of \['loss_ce'\], got 'loss_ce'",
        ),
    ],
)
def test_wrong_feature_losses_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=f'AttentionHead: {message}'):
        AttentionHead(16, 8, attention=dict(type='CBAM'), num_classes=3, **options)
