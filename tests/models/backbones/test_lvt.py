"""The LVT encoder against the published one."""

import pytest
import torch
from mmseg.registry import MODELS

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.backbones import LVT
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract

TINY = dict(embed_dims=(8, 8, 20, 16), depths=(1, 1, 1, 1))


class TestContract(BackboneContract):
    name, options, channels = 'LVT', TINY, TINY['embed_dims']
    frozen = 1, ('stages.0.', 'stages.1.')
    training_size = (128, 96)
    graph_options = dict(out_indices=(0, 2), reductions=(4, 1, 1))
    multiple = 16  # that windows and their averages are equally many is more than PyTorch's symbols can tell


def test_only_the_stages_asked_for_are_built():
    assert len(LVT(**TINY, out_indices=(0, 2)).stages) == 3


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.'])
def test_equals_the_published_encoder(prefix: str):
    weights, vectors = load_golden('lvt_tiny')
    encoder = MODELS.build(dict(type='LVT', embed_dims=TINY['embed_dims'])).eval()
    encoder.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'lvt'))
    maps = encoder(vectors['x'])
    assert len(maps) == 4
    for i, y in enumerate(maps):
        torch.testing.assert_close(y, vectors[f'y/{i}'], rtol=1e-5, atol=1e-5)


def test_defaults_have_the_published_number_of_parameters():
    assert sum(parameter.numel() for parameter in LVT().parameters()) == 3_429_092


def test_a_checkpoint_without_one_of_its_tensors_is_an_error():
    weights, _ = load_golden('lvt_tiny')
    del weights['backbone.1.1.0.attn.sr.bias']
    with pytest.raises(KeyError, match=r'missing stages\.1\.blocks\.0\.attention\.reduce\.bias'):
        convert_state_dict(weights, 'lvt')
    weights['backbone.norm.weight'] = torch.ones(2)
    with pytest.raises(KeyError, match=r"source 'lvt' does not know norm\.weight"):
        convert_state_dict(weights, 'lvt')


@pytest.mark.parametrize('source', ['u-mixformer', 'feedformer'])
def test_the_encoder_of_a_segmentor(source: str):
    weights, _ = load_golden('lvt_tiny')
    segmentor = {f'backbone.{key}': value for key, value in weights.items()}
    segmentor['decode_head.conv_seg.bias'] = torch.ones(2)
    alone = convert_checkpoint(segmentor, 'lvt', component='backbone').tensors
    assert alone.keys() == convert_state_dict(weights, 'lvt').keys()
    together = convert_state_dict(segmentor, source)
    assert together.keys() == {f'backbone.{key}' for key in alone}
    del segmentor['backbone.backbone.0.0.norm.bias']
    with pytest.raises(KeyError, match=r'missing backbone\.stages\.0\.embed_norm\.bias'):
        convert_state_dict(segmentor, source)


def test_recursion_applies_the_same_weights_again():
    attention = LVT(**TINY).eval().stages[2].blocks[0].attention
    tokens, size = torch.randn(1, 6, 20), (2, 3)
    attention.recursion = 1
    once = attention(tokens, size)
    expected = attention(tokens + once, size)
    attention.recursion = 2
    torch.testing.assert_close(attention(tokens, size), expected)


def test_drop_path_grows_over_the_blocks():
    encoder = LVT(embed_dims=TINY['embed_dims'], drop_path_rate=0.7)
    rates = [block.drop_path.drop_prob for stage in encoder.stages for block in stage.blocks]
    assert rates == pytest.approx([0.1 * i for i in range(8)])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(embed_dims=(8, 8)), ValueError, r'LVT: embed_dims must have 4 numbers, got \(8, 8\)'),
        (dict(reductions=(8, 4, 2, 1)), ValueError, 'LVT: reductions must have 3 numbers'),
        (dict(dilations=3), ValueError, 'LVT: dilations must have one number at least, got 3'),
        (dict(dilations=()), ValueError, r'LVT: dilations must have one number at least, got \(\)'),
        (dict(depths=(2, 2, 0, 2)), ValueError, 'LVT: depths must be at least 1, got 0'),
        (dict(num_heads=(3, 2, 5, 8)), ValueError, 'LVT: num_heads must divide embed_dims, got 3 for 64'),
        (dict(recursion=1.5), TypeError, 'LVT: recursion must be an integer, got 1.5'),
        (dict(drop_path_rate=1.0), ValueError, 'LVT: drop_path_rate must be at least 0 and below 1, got 1.0'),
        (dict(out_indices=(0, 4)), ValueError, r'LVT: out_indices must be among 0 to 3, got \(0, 4\)'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        LVT(**options)
