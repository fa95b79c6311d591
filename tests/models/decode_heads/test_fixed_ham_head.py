"""SegNeXt's decoder with a fixed start: equal to MMSegmentation's from that start, and the same after loading."""

import pytest
import torch
from mmseg.registry import MODELS

from tests.models.decode_heads.contract import DecodeHeadContract
from tests.models.decode_heads.pyramids import CHANNELS

GROUPS = dict(type='GN', num_groups=4)
OPTIONS = dict(in_channels=[8, 16], in_index=(0, 1), channels=8, ham_channels=8, ham_kwargs=dict(MD_R=4), num_classes=3)


def build(kind: str = 'FixedHamHead', **options) -> torch.nn.Module:
    return MODELS.build(dict(type=kind, norm_cfg=GROUPS, align_corners=False, **{**OPTIONS, **options})).eval()


@pytest.fixture
def pyramid() -> list[torch.Tensor]:
    return [torch.randn(2, 8, 8, 12), torch.randn(2, 16, 4, 6)]


class TestFixedHamHead(DecodeHeadContract):
    name, channels = 'FixedHamHead', CHANNELS
    options = dict(in_index=(0, 1, 2, 3), channels=8, ham_channels=8, ham_kwargs=dict(MD_R=4), norm_cfg=GROUPS)


def test_equals_the_stock_head_from_the_same_start(pyramid):
    fixed = build()
    stock = build('LightHamHead', ham_kwargs=dict(MD_R=4, rand_init=False))
    stock(pyramid)  # which draws its start here
    stock.load_state_dict(fixed.state_dict())
    assert torch.equal(stock(pyramid), fixed(pyramid))


def test_a_model_built_anew_predicts_the_same(pyramid):
    first = build()
    second = build()
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(pyramid), first(pyramid))
    without = {name: value for name, value in first.state_dict().items() if not name.endswith('bases')}
    third = build()
    assert third.load_state_dict(without, strict=False).missing_keys == ['hamburger.ham.bases']
    assert torch.equal(third(pyramid), first(pyramid))
    assert not torch.equal(build(seed=1).hamburger.ham.bases, first.hamburger.ham.bases)


@pytest.mark.parametrize('option', ['MD_S', 'rand_init'])
def test_options_that_it_fixes_are_refused(option: str):
    with pytest.raises(ValueError, match=f'FixedHamHead: ham_kwargs may not have {option}, got 1'):
        build(ham_kwargs={option: 1})
