"""Renaming published checkpoints. Numbers are checked with each layer and head."""

import pytest
import torch

from mmattn.checkpoints import convert_state_dict, list_sources

TENSOR = torch.ones(2)


def test_wrappers_are_taken_off():
    checkpoint = dict(state_dict={'module.gamma': TENSOR, 'module.query_conv.bias': TENSOR}, epoch=3)
    assert sorted(convert_state_dict(checkpoint, 'ccnet')) == ['gamma', 'query_conv.bias']


def test_a_whole_segmentor_keeps_its_prefixes():
    tensors = {
        'backbone.layer1.0.conv1.weight': TENSOR,
        'decode_head.cca.gamma.scale': torch.tensor(0.5),
        'decode_head.cca.query_conv.weight': TENSOR,
        'decode_head.convs.0.conv.weight': TENSOR,
        'decode_head.conv_seg.bias': TENSOR,
        'auxiliary_head.conv_seg.bias': TENSOR,
        'data_preprocessor.mean': TENSOR,
    }
    converted = convert_state_dict(tensors, 'mmseg')
    assert set(converted) == {
        'backbone.layer1.0.conv1.weight',
        'decode_head.attention.gamma',
        'decode_head.attention.query_conv.weight',
        'decode_head.convs.0.conv.weight',
        'decode_head.conv_seg.bias',
        'auxiliary_head.conv_seg.bias',
    }
    assert converted['decode_head.attention.gamma'].shape == (1,)


def test_in_place_abn_scale_becomes_positive():
    converted = convert_state_dict({'conva.1.weight': torch.tensor([-2.0, 0.0])}, 'ccnet')
    torch.testing.assert_close(converted['convs.0.bn.weight'], torch.tensor([2.00001, 0.00001]))


@pytest.mark.parametrize('source', list_sources())
def test_unknown_tensors_are_named(source: str):
    with pytest.raises(KeyError, match=rf"source '{source}' does not know strange.weight, odd"):
        convert_state_dict({'query_conv.bias': TENSOR, 'strange.weight': TENSOR, 'odd': TENSOR}, source)


def test_a_name_with_and_without_module_is_an_error():
    with pytest.raises(KeyError, match='with and without the prefix'):
        convert_state_dict({'gamma': TENSOR, 'module.gamma': TENSOR}, 'ccnet')


def test_unknown_source_lists_the_known():
    with pytest.raises(ValueError, match="no source 'nobody'; there are ccnet, mmseg"):
        convert_state_dict({}, 'nobody')


def test_what_is_no_tensor_is_named():
    with pytest.raises(TypeError, match='not a tensor: epoch'):
        convert_state_dict({'gamma': TENSOR, 'epoch': 3}, 'ccnet')
