"""The classifiers of maps that a backbone has decoded."""

import pytest
import torch
from torch import nn

from mmattn.models.decode_heads import MultiScaleHead
from tests.models.decode_heads.pyramids import pyramid, samples

SIZES = (32, 16, 8)


def maps() -> list[torch.Tensor]:
    """Returns an encoder's map and those of a decoder, the deepest first."""
    return [torch.randn(2, c, 32 // c * 8, 48 // c * 8) for c in SIZES]


def test_one_map_is_classified():
    head = MultiScaleHead(8, num_classes=2).eval()
    assert sorted(head.state_dict()) == ['conv_seg.bias', 'conv_seg.weight']
    x = maps()
    torch.testing.assert_close(head(x), head.conv_seg(x[-1]))
    chosen = MultiScaleHead(16, in_index=1, num_classes=2).eval()
    torch.testing.assert_close(chosen(x), chosen.conv_seg(x[1]))


@pytest.mark.parametrize('outputs', [1, 2])
def test_several_maps_are_joined(outputs: int):
    loss = dict(type='CrossEntropyLoss', use_sigmoid=outputs == 1)
    head = MultiScaleHead(SIZES, num_classes=2, out_channels=outputs, threshold=0.5, loss_decode=loss).eval()
    x = maps()
    enlarged = [
        nn.functional.interpolate(classifier(y), (32, 48), mode='bilinear') if y.shape[2] < 32 else classifier(y)
        for classifier, y in zip(head.classifiers, x)
    ]
    torch.testing.assert_close(head(x), head.conv_seg(torch.cat(enlarged, 1)))
    losses = head.train().loss(x, samples(2, (32, 48)), {})
    losses['loss_ce'].backward()
    assert all(parameter.grad.any() for parameter in head.parameters())


def test_the_last_maps_by_default():
    first = MultiScaleHead(SIZES[1:], num_classes=2).eval()
    second = MultiScaleHead(SIZES[1:], in_index=(1, 2), num_classes=2).eval()
    second.load_state_dict(first.state_dict())
    x = maps()
    assert torch.equal(first(x), second(x))


def test_dropout_leaves_the_joined_logits():
    head = MultiScaleHead(SIZES, num_classes=2, dropout_ratio=0.5).train()
    seen = []
    head.dropout.register_forward_hook(lambda module, args, out: seen.append(args[0].shape[1]))
    head(maps())
    assert seen == list(SIZES)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(in_channels=8, channels=4), TypeError, r'channels follows from in_channels \(8\), leave it out'),
        (dict(in_channels=(8,)), ValueError, r'sequences of one length above 1, got \(8,\) and \[-1\]'),
        (dict(in_channels=(8, 8), in_index=1), ValueError, r'in_channels and in_index must be .*, got \(8, 8\) and 1'),
        (dict(in_channels=8, in_index=(1, 2)), ValueError, r'in_channels and in_index must be .*, got 8 and \(1, 2\)'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'MultiScaleHead: .*{message}'):
        MultiScaleHead(**options, num_classes=2)


def test_any_pyramid():
    head = MultiScaleHead((16, 8), in_index=(1, 0), num_classes=2).eval()
    assert head(pyramid(101, 77)).shape == (1, 2, 26, 20)
