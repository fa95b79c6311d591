"""The criss-cross head against MMSegmentation's CCHead and the authors' RCCAModule."""

import pytest
import torch

from mmattn.checkpoints import convert_state_dict
from mmattn.models.decode_heads import CrissCrossHead
from tests.golden_vectors import load_golden


def load(source: str, golden: str, prefix: str = '', **options) -> tuple[CrissCrossHead, dict]:
    weights, vectors = load_golden(golden)
    head = CrissCrossHead(64, 32, num_classes=5, norm_cfg=dict(type='BN'), **options)
    head.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, source))
    return head.eval(), vectors


@pytest.mark.parametrize('prefix', ['', 'decode_head.', 'module.decode_head.'])
def test_equals_mmseg(prefix: str):
    head, vectors = load('mmseg', 'mmseg_cc_head', prefix)
    torch.testing.assert_close(head([vectors['x/x']]), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('recurrence', [0, 1, 2, 3])
@pytest.mark.parametrize('prefix', ['', 'module.head.'])
def test_equals_the_authors(prefix: str, recurrence: int):
    head, vectors = load(
        'ccnet',
        'ccnet_rcca_head',
        prefix,
        recurrence=recurrence,
        attention_channels=16,
        act_cfg=dict(type='LeakyReLU', negative_slope=0.01),
    )
    torch.testing.assert_close(head([vectors['x/x']]), vectors[f'y/r{recurrence}'], rtol=1e-5, atol=1e-5)


def test_recurrence_is_two_by_default():
    assert CrissCrossHead(16, 8, num_classes=3).attention.recurrence == 2
