"""Renaming published checkpoints. Numbers are checked with each layer and head."""

import pytest
import torch

from mmattn.checkpoints import convert_checkpoint, convert_state_dict, list_sources
from tests.golden_vectors import load_golden

TENSOR = torch.ones(2)
QKV = [f'{name}_conv.{kind}' for name in ('query', 'key', 'value') for kind in ('weight', 'bias')]


@pytest.mark.parametrize('wrapper', ['state_dict', 'model'])
def test_wrappers_are_taken_off(wrapper: str):
    checkpoint = {wrapper: {f'module.{name}': TENSOR for name in (*QKV, 'gamma')}, 'epoch': 3}
    assert sorted(convert_state_dict(checkpoint, 'ccnet')) == sorted([*QKV, 'gamma'])


def test_a_whole_segmentor_keeps_its_prefixes():
    tensors = {
        'backbone.layer1.0.conv1.weight': TENSOR,
        'decode_head.cca.gamma.scale': torch.tensor(0.5),
        **{f'decode_head.cca.{name}': TENSOR for name in QKV},
        'decode_head.convs.0.conv.weight': TENSOR,
        'decode_head.convs.1.conv.weight': TENSOR,
        'decode_head.conv_seg.weight': TENSOR,
        'decode_head.conv_seg.bias': TENSOR,
        'auxiliary_head.conv_seg.bias': TENSOR,
        'data_preprocessor.mean': TENSOR,
    }
    converted = convert_state_dict(tensors, 'mmseg')
    assert set(converted) == {
        'backbone.layer1.0.conv1.weight',
        'decode_head.attention.gamma',
        *(f'decode_head.attention.{name}' for name in QKV),
        'decode_head.convs.0.conv.weight',
        'decode_head.convs.1.conv.weight',
        'decode_head.conv_seg.weight',
        'decode_head.conv_seg.bias',
        'auxiliary_head.conv_seg.bias',
    }
    assert converted['decode_head.attention.gamma'].shape == (1,)


def test_in_place_abn_scale_becomes_positive():
    rest = {f'conva.1.{name}': TENSOR for name in ('bias', 'running_mean', 'running_var')}
    converted = convert_state_dict({'conva.1.weight': torch.tensor([-2.0, 0.0]), **rest}, 'ccnet')
    torch.testing.assert_close(converted['convs.0.bn.weight'], torch.tensor([2.00001, 0.00001]))


@pytest.mark.parametrize('source', list_sources())
def test_unknown_tensors_are_named(source: str):
    with pytest.raises(KeyError, match=rf"source '{source}' does not know strange.weight, odd"):
        convert_state_dict({'strange.weight': TENSOR, 'odd': TENSOR}, source)


def test_a_name_with_and_without_module_is_an_error():
    with pytest.raises(KeyError, match='with and without the prefix'):
        convert_state_dict({'gamma': TENSOR, 'module.gamma': TENSOR}, 'ccnet')


def test_unknown_source_lists_the_known():
    with pytest.raises(ValueError, match=r"no source 'nobody'; there are .*ccnet.*, mmseg"):
        convert_state_dict({}, 'nobody')
    with pytest.raises(ValueError, match=r"no source 'CCNet'; did you mean 'ccnet'"):
        convert_state_dict({}, 'CCNet')


def test_what_is_no_tensor_is_named():
    with pytest.raises(
        TypeError, match="not a named tensor: epoch; expected a dict of tensors, or one under 'state_dict'"
    ):
        convert_state_dict({'gamma': TENSOR, 'epoch': 3}, 'ccnet')
    with pytest.raises(TypeError, match='not a named tensor: 7;'):
        convert_state_dict({7: TENSOR}, 'ccnet')
    with pytest.raises(TypeError, match='expected a dict of tensors, got a list'):
        convert_state_dict([TENSOR], 'ccnet')


@pytest.mark.parametrize('nothing', [{}, {'state_dict': {}}])
def test_a_checkpoint_without_tensors_is_an_error(nothing: dict):
    with pytest.raises(KeyError, match='there is no tensor'):
        convert_state_dict(nothing, 'ccnet')


def test_an_unknown_tensor_within_a_known_component_gives_no_hint_at_another():
    weights, _ = load_golden('ccnet_rcca_head')
    with pytest.raises(KeyError, match=r'does not know cca\.extra"$'):
        convert_state_dict({**weights, 'cca.extra': TENSOR}, 'ccnet')


@pytest.mark.parametrize('source', ['ccnet', 'mmseg'])
def test_missing_tensors_of_a_layer_are_named(source: str):
    tensors = dict.fromkeys(('query_conv.weight', 'key_conv.weight', 'key_conv.bias', 'value_conv.weight'), TENSOR)
    expected = rf"source '{source}', under our names: missing query_conv.bias, value_conv.bias, gamma"
    with pytest.raises(KeyError, match=expected):
        convert_state_dict(tensors, source)


@pytest.mark.parametrize('gone', ['convb.0.weight', 'convb.1.running_var', 'cca.gamma', 'bottleneck.3.bias'])
def test_a_head_without_one_of_its_tensors_is_an_error(gone: str):
    weights, _ = load_golden('ccnet_rcca_head')
    assert convert_state_dict(weights, 'ccnet')
    del weights[gone]
    ours = {
        'convb.0.weight': 'convs.1.conv.weight',
        'convb.1.running_var': 'convs.1.bn.running_var',
        'cca.gamma': 'attention.gamma',
        'bottleneck.3.bias': 'conv_seg.bias',
    }
    with pytest.raises(KeyError, match=f'missing {ours[gone]}'):
        convert_state_dict(weights, 'ccnet')


def test_gradients_which_no_running_statistics_have_are_complete():
    weights, _ = load_golden('ccnet_rcca_head')
    gradients = {name: value for name, value in weights.items() if 'running' not in name and 'num_batches' not in name}
    assert len(convert_state_dict(gradients, 'ccnet')) == len(gradients) < len(weights)
    del gradients['conva.1.bias']
    with pytest.raises(KeyError, match=r'under our names: missing convs\.0\.bn\.bias'):
        convert_state_dict(gradients, 'ccnet')


def test_other_parts_of_a_segmentor_keep_their_own_names():
    other = {'auxiliary_head.cca.query_conv.weight': TENSOR, 'backbone.query_conv.weight': TENSOR}
    assert convert_state_dict(other, 'mmseg').keys() == other.keys()


def test_one_component_of_a_checkpoint_and_what_became_of_it():
    layer = {f'head.cca.{name}': TENSOR for name in (*QKV, 'gamma')}
    checkpoint = {'backbone.conv1.weight': TENSOR, **layer}
    conversion = convert_checkpoint(checkpoint, 'ccnet', component='head.cca')
    assert conversion.renamed == {name: name for name in (*QKV, 'gamma')}
    assert conversion.dropped == ()
    with pytest.raises(KeyError, match="no tensors under the component 'neck'; there are backbone, head"):
        convert_checkpoint(checkpoint, 'ccnet', component='neck')


def test_dropped_tensors_are_listed():
    conversion = convert_checkpoint({'data_preprocessor.mean': TENSOR, 'backbone.a': TENSOR}, 'mmseg')
    assert conversion.dropped == ('data_preprocessor.mean',)
    assert conversion.renamed == {'backbone.a': 'backbone.a'}


@pytest.mark.parametrize(
    ('source', 'golden', 'prefix'),
    [
        ('attention-gate', 'attention_gate_concatenation', 'module.net.attentionblock4.gate_block_1.'),
        ('attention-unet', 'leejun_attu_net_div16', 'backbone.'),
        ('axial-deeplab', 'axial_attention_height', 'backbone.layer3.2.hight_block.'),
        ('axial-deeplab', 'axial_block', 'encoder.layer2.1.'),
        ('cbam', 'cbam', 'backbone.layer4.2.cbam.'),
        ('ccnet', 'ccnet_rcca_head', 'decode_head.'),
        ('coordattention', 'coordatt', 'module.features.7.conv.4.'),
        ('lvt', 'lvt_tiny', 'module.backbone.backbone.'),
        ('mmcv', 'mmcv_nonlocal2d_dot_product', 'backbone.layer3.1.nonlocal_block.'),
        ('mmseg', 'mmseg_cc_head', 'model.decode_head.'),
        ('senet', 'se_caffe_arith', 'module.layer1.0.se_module.'),
        ('smt', 'smt_sam_attention', 'backbone.block3.2.attn.'),
    ],
)
def test_any_prefix_of_a_component_is_taken_off(source: str, golden: str, prefix: str):
    weights, _ = load_golden(golden)
    converted = convert_state_dict({prefix + name: value for name, value in weights.items()}, source)
    expected = convert_state_dict(weights, source)
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[name], value) for name, value in expected.items())


def test_a_segmentor_of_the_authors_of_smt_keeps_its_heads():
    weights, _ = load_golden('smt_reduced_pyramid')
    heads = ('decode_head.psp_modules.0.1.conv.weight', 'auxiliary_head.conv_seg.bias')
    tensors = {f'module.backbone.{name}': value for name, value in weights.items()}
    tensors |= {f'module.{name}': TENSOR for name in (*heads, 'data_preprocessor.mean')}
    conversion = convert_checkpoint(dict(state_dict=tensors), 'smt')
    encoder = convert_state_dict(weights, 'smt')
    assert conversion.tensors.keys() == {*heads, *(f'backbone.{name}' for name in encoder)}
    assert 'data_preprocessor.mean' in conversion.dropped
    assert conversion.renamed['backbone.norm1.bias'] == 'backbone.stages.0.norm.bias'
    assert len(conversion.renamed) + len(conversion.dropped) == len(tensors)
    del tensors['module.backbone.norm1.bias']
    with pytest.raises(KeyError, match=r'missing stages\.0\.norm\.bias'):
        convert_state_dict(tensors, 'smt')


@pytest.mark.parametrize(
    ('source', 'golden', 'component', 'other'),
    [
        ('ccnet', 'ccnet_rcca_head', 'head', 'dsn.0.weight'),
        ('danet', 'danet_pam', 'head', 'pretrained.layer1.0.conv1.weight'),
        ('feedformer', 'feedformer_tiny', 'decode_head', 'backbone.patch_embed1.proj.weight'),
    ],
)
def test_a_whole_model_asks_for_a_component(source: str, golden: str, component: str, other: str):
    weights, _ = load_golden(golden)
    whole = {other: TENSOR} | {f'{component}.{name}': value for name, value in weights.items()}
    with pytest.raises(KeyError, match=f"does not know .*; to convert .* alone, name it: component='{component}'"):
        convert_state_dict(whole, source)
    conversion = convert_checkpoint(whole, source, component=component)
    assert conversion.tensors.keys() == convert_state_dict(weights, source).keys()
