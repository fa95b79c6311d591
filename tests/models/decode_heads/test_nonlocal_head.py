"""The non-local head against MMSegmentation's NLHead."""

import pytest
import torch
from mmseg.models.decode_heads import NLHead
from torch import nn

from mmattn.checkpoints import convert_state_dict
from mmattn.models.decode_heads import NonLocalHead
from tests.golden_vectors import load_golden

OPTIONS = dict(num_classes=5, norm_cfg=dict(type='BN'))


@pytest.mark.parametrize('prefix', ['', 'decode_head.', 'module.decode_head.'])
def test_equals_mmseg(prefix: str):
    weights, vectors = load_golden('mmseg_nl_head')
    head = NonLocalHead(64, 32, **OPTIONS).eval()
    head.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'mmseg'))
    torch.testing.assert_close(head([vectors['x/x']]), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('norm_cfg', [dict(type='BN', eps=1e-3), None])
@pytest.mark.parametrize('mode', ['embedded_gaussian', 'gaussian', 'dot_product', 'concatenation'])
def test_equals_mmseg_as_installed(mode: str, norm_cfg: dict | None):
    options = dict(num_classes=3, norm_cfg=norm_cfg, mode=mode, reduction=1 if mode == 'gaussian' else 4)
    theirs = NLHead(in_channels=16, channels=8, **options).eval()
    for parameter in theirs.nl_block.parameters():
        nn.init.normal_(parameter, std=0.5)
    head = NonLocalHead(16, 8, **options).eval()
    head.load_state_dict(convert_state_dict(theirs.state_dict(), 'mmseg'))
    x = [torch.randn(2, 16, 5, 6)]
    torch.testing.assert_close(head(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_a_checkpoint_without_one_of_its_tensors_is_an_error():
    weights, _ = load_golden('mmseg_nl_head')
    del weights['nl_block.phi.conv.weight']
    with pytest.raises(KeyError, match=r'missing attention\.phi\.weight'):
        convert_state_dict(weights, 'mmseg')


def test_block_starts_as_the_identity_under_the_heads_normalisation():
    head = NonLocalHead(16, 8, num_classes=3, norm_cfg=dict(type='GN', num_groups=2), attention_channels=4)
    assert isinstance(head.attention.norm, nn.GroupNorm)
    x = torch.randn(1, 4, 5, 6)
    assert torch.equal(head.attention(x), x)


def test_options_reach_the_block():
    head = NonLocalHead(16, 8, num_classes=3, mode='dot_product', reduction=4, sub_sample=True, concat_input=False)
    block = head.attention
    assert (block.mode, block.theta.out_channels, block.sub_sample) == ('dot_product', 2, True)
    with pytest.raises(ValueError, match=r"NonLocal: mode must be one of .*, got 'dot'"):
        NonLocalHead(16, 8, num_classes=3, mode='dot')
