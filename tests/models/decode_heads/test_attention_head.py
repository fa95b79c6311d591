"""The head around any attention layer."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmattn.attention import list_attention
from mmattn.models.decode_heads import AttentionHead
from mmattn.models.decode_heads.decode_head import one_channel_accuracy


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
        (dict(concat_input=False, attention_channels=4), r'attention_channels \(4\) must equal channels \(8\)'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=f'AttentionHead: {message}'):
        AttentionHead(16, 8, attention=dict(type='CrissCrossAttention'), num_classes=3, **options)
