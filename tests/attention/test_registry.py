"""Building attention layers by name."""

import numpy as np
import pytest
import torch

from mmattn.attention import CBAM, AttentionGate, CrissCrossAttention, MixAttention, build_attention, list_attention
from mmattn.attention.registry import mechanism, mechanisms


def test_builds_with_options():
    layer = build_attention('CrissCrossAttention', 8, recurrence=3)
    assert isinstance(layer, CrissCrossAttention)
    assert layer.recurrence == 3


def test_builds_layers_of_two_inputs_which_are_not_listed():
    gate = build_attention('AttentionGate', 8, gate_channels=6)
    assert isinstance(gate, AttentionGate)
    assert gate(torch.randn(1, 8, 4, 4), torch.randn(1, 6, 2, 2)).shape == (1, 8, 4, 4)
    assert isinstance(build_attention('MixAttention', 8, key_channels=6, num_heads=2), MixAttention)
    assert not {'AttentionGate', 'MixAttention'} & set(list_attention())


@pytest.mark.parametrize(
    ('name', 'hint'),
    [
        ('Foo', ''),
        ('cbam', "; did you mean 'CBAM'?"),
        ('CrisCrossAtention', "; did you mean 'CrissCrossAttention'"),
        ('attention_gate', "; did you mean 'AttentionGate'"),
    ],
)
def test_unknown_name_lists_the_known(name: str, hint: str):
    with pytest.raises(
        ValueError, match=r'; there are AxialAttention, CBAM, .*; with two inputs AttentionGate'
    ) as caught:
        build_attention(name, 8)
    assert str(caught.value).startswith(f'build_attention: no attention layer {name!r}{hint}')


def test_unknown_option_lists_the_known():
    expected = r"CBAM has no option 'redction' \(got 4\); did you mean 'reduction'\?; there are reduction, pool_types, "
    with pytest.raises(TypeError, match=expected):
        build_attention('CBAM', 8, redction=4)
    with pytest.raises(TypeError, match=r"ChannelAttention has no option 'reduction' \(got 4\); there are none"):
        build_attention('ChannelAttention', 8, reduction=4)


@pytest.mark.parametrize(
    ('name', 'option'),
    [
        ('SqueezeExcitation', 'bias'),
        ('SCSE', 'bias'),
        ('CBAM', 'no_spatial'),
        ('ScaleAwareModulation', 'qkv_bias'),
        *(('NonLocal', option) for option in ('use_scale', 'sub_sample', 'pool_first', 'bias', 'norm')),
    ],
)
def test_a_switch_takes_no_text(name: str, option: str):
    with pytest.raises(TypeError, match=f"{name}: {option} must be True or False, got 'no'"):
        build_attention(name, 16, **{option: 'no'})


def test_list_is_sorted():
    assert list_attention() == sorted(list_attention())


def test_a_layer_made_directly_names_its_options_too():
    with pytest.raises(TypeError, match=r"CBAM has no option 'redction' \(got 3\); did you mean 'reduction'"):
        CBAM(64, redction=3)


def test_numpy_integers_are_integers():
    assert CBAM(np.int64(64), reduction=np.int32(8)).fc1.out_features == 8


def test_names_are_taken_once_and_layers_of_one_input_have_a_cost():
    with pytest.raises(ValueError, match="the name 'se' is taken"):
        mechanism(short='se', cost='C')(type('Other', (torch.nn.Module,), {}))
    with pytest.raises(ValueError, match="the name 'CBAM' is taken"):
        mechanism(short='other', cost='C')(type('CBAM', (torch.nn.Module,), {}))
    with pytest.raises(ValueError, match='Other needs a cost'):
        mechanism(short='other')(type('Other', (torch.nn.Module,), {}))


def test_a_cost_may_be_a_function():
    layer = mechanisms()['EfficientChannelAttention']
    assert layer.multiply_adds(256, 3, 5) == 256 * 5
    assert layer.formula == 'C*k for the odd k next to (log2 C + 1)/2'
    assert mechanisms()['SqueezeExcitation'].multiply_adds(64, 3, 5) == 512
