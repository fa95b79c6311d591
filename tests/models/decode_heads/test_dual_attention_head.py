"""The dual attention head against MMSegmentation's DAHead and the authors' DANetHead."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import DAHead
from mmseg.structures import SegDataSample

from mmattn.checkpoints import convert_state_dict
from mmattn.models.decode_heads import DualAttentionHead
from tests.golden_vectors import load_golden

OPTIONS = dict(num_classes=5, norm_cfg=dict(type='BN'))


def samples(classes: int = 5) -> list[SegDataSample]:
    sample = SegDataSample()
    sample.gt_sem_seg = PixelData(data=torch.randint(0, classes, (1, 14, 18)))
    return [sample, sample]


def theirs_and_ours() -> tuple[DAHead, DualAttentionHead]:
    weights, _ = load_golden('mmseg_da_head')
    theirs = DAHead(in_channels=64, channels=32, pam_channels=8, **OPTIONS)
    theirs.load_state_dict(weights)
    ours = DualAttentionHead(64, 32, pam_channels=8, **OPTIONS)
    ours.load_state_dict(convert_state_dict(weights, 'mmseg'))
    return theirs, ours


@pytest.mark.parametrize('prefix', ['', 'decode_head.', 'module.decode_head.'])
def test_equals_mmseg(prefix: str):
    weights, vectors = load_golden('mmseg_da_head')
    head = DualAttentionHead(64, 32, pam_channels=8, **OPTIONS).eval()
    head.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'mmseg'))
    for name, logits in zip(('pam_cam', 'pam', 'cam'), head([vectors['x/x']])):
        torch.testing.assert_close(logits, vectors[f'y/{name}'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('prefix', ['', 'head.'])
def test_takes_the_authors_names(prefix: str):
    """The authors' head has the same arrangement, under other names."""
    weights, vectors = load_golden('mmseg_da_head')
    names = dict(
        pam_in_conv='conv5a', cam_in_conv='conv5c', pam_out_conv='conv51', cam_out_conv='conv52', pam='sa', cam='sc'
    )
    classifiers = dict(pam_conv_seg='conv6.1', cam_conv_seg='conv7.1', conv_seg='conv8.1')
    authors = {}
    for key, value in weights.items():
        first, rest = key.split('.', 1)
        rest = rest.replace('conv.', '0.').replace('bn.', '1.').replace('_project', '_conv').replace('.scale', '')
        value = value.reshape(1) if rest == 'gamma' else value
        authors[f'{prefix}{names.get(first) or classifiers[first]}.{rest}'] = value
    head = DualAttentionHead(64, 32, pam_channels=8, **OPTIONS).eval()
    head.load_state_dict(convert_state_dict(authors, 'danet'))
    torch.testing.assert_close(head([vectors['x/x']])[0], vectors['y/pam_cam'], rtol=1e-5, atol=1e-5)
    del authors[f'{prefix}conv52.0.weight']
    with pytest.raises(KeyError, match=r'missing cam_out_conv\.conv\.weight'):
        convert_state_dict(authors, 'danet')


def test_losses_and_gradients_equal_mmseg():
    theirs, ours = theirs_and_ours()
    x, labels = [torch.randn(2, 64, 7, 9)], samples()
    expected, losses = (head.eval().loss(x, labels, {}) for head in (theirs, ours))
    assert sorted(losses) == sorted(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    for one in (expected, losses):
        sum(value for name, value in one.items() if 'loss' in name).backward()
    grads = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    grads = convert_state_dict({**theirs.state_dict(), **grads}, 'mmseg')
    for name, parameter in ours.named_parameters():
        size = grads[name].abs().max().item()
        torch.testing.assert_close(parameter.grad, grads[name], rtol=1e-4, atol=max(1e-5 * size, 1e-7), msg=name)


def test_prediction_computes_the_sum_only():
    theirs, ours = theirs_and_ours()
    x, metas = [torch.randn(1, 64, 7, 9)], [dict(img_shape=(14, 18), pad_shape=(14, 18))]
    expected = theirs.eval().predict(x, metas, {})
    for classifier in (ours.pam_conv_seg, ours.cam_conv_seg):
        classifier.register_forward_hook(lambda *_: pytest.fail('a branch is classified'))
    torch.testing.assert_close(ours.eval().predict(x, metas, {}), expected, rtol=1e-5, atol=1e-5)


def test_one_channel_and_default_width():
    head = DualAttentionHead(
        16, 16, num_classes=2, out_channels=1, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)
    )
    assert head.pam.query_conv.out_channels == 2
    assert [tuple(logits.shape) for logits in head([torch.randn(2, 16, 7, 9)])] == 3 * [(2, 1, 7, 9)]
    losses = head.loss([torch.randn(2, 16, 7, 9)], samples(2), {})
    assert set(losses) == {
        f'{branch}.{name}' for branch in ('pam_cam', 'pam', 'cam') for name in ('loss_ce', 'acc_seg')
    }


def test_wrong_width_is_named():
    with pytest.raises(ValueError, match='query_channels must be at least 1, got 0'):
        DualAttentionHead(16, 8, pam_channels=0, num_classes=2)
