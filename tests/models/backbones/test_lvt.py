"""The LVT encoder against the published one."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.backbones import LVT
from tests.golden_vectors import load_golden

TINY = dict(embed_dims=(8, 8, 20, 16), depths=(1, 1, 1, 1))


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


def test_the_encoder_of_a_segmentor():
    weights, _ = load_golden('lvt_tiny')
    segmentor = {f'backbone.{key}': value for key, value in weights.items()}
    segmentor['decode_head.conv_seg.bias'] = torch.ones(2)
    alone = convert_checkpoint(segmentor, 'lvt', component='backbone').tensors
    assert alone.keys() == convert_state_dict(weights, 'lvt').keys()
    together = convert_state_dict(segmentor, 'u-mixformer')
    assert together.keys() == {f'backbone.{key}' for key in alone}


@pytest.mark.parametrize('size', [(101, 101), (32, 65), (5, 3), (1, 1)])
def test_any_size_is_rounded_up(size: tuple[int, int]):
    maps = LVT(in_channels=1, **TINY).eval()(torch.randn(1, 1, *size))
    for y, channels, stride in zip(maps, TINY['embed_dims'], (4, 8, 16, 32)):
        assert y.shape == (1, channels, -(-size[0] // stride), -(-size[1] // stride))
        assert y.isfinite().all()


def test_gradients_reach_every_parameter():
    encoder = LVT(**TINY, drop_path_rate=0.0).train()
    sum((y * torch.randn_like(y)).sum() for y in encoder(torch.randn(2, 3, 128, 96))).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())


def test_compiles_in_one_graph():
    encoder, x = LVT(**TINY).eval(), torch.randn(1, 3, 64, 96)
    for ours, expected in zip(torch.compile(encoder, fullgraph=True, backend='aot_eager')(x), encoder(x)):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_near(dtype: torch.dtype):
    encoder, x = LVT(**TINY).eval(), torch.randn(1, 3, 64, 96)
    with torch.autocast('cpu', dtype=dtype):
        maps = encoder(x)
    for half, expected in zip(maps, encoder(x)):
        assert (half.float() - expected).abs().mean() < 0.02 * expected.abs().mean()


def test_recursion_applies_the_same_weights_again():
    attention = LVT(**TINY).eval().stages[2].blocks[0].attention
    tokens, size = torch.randn(1, 6, 20), (2, 3)
    attention.recursion = 1
    once = attention(tokens, size)
    expected = attention(tokens + once, size)
    attention.recursion = 2
    torch.testing.assert_close(attention(tokens, size), expected)


def test_frozen_stages_do_not_train():
    encoder = LVT(**TINY, frozen_stages=1, drop_path_rate=0.2).train()
    trained = {name.split('.')[1] for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert trained == {'2', '3'}
    assert [stage.training for stage in encoder.stages] == [False, False, True, True]


def test_only_the_stages_asked_for_are_built():
    encoder = LVT(**TINY, out_indices=(0, 2)).eval()
    maps = encoder(torch.randn(1, 3, 64, 64))
    assert [y.shape[1:] for y in maps] == [(8, 16, 16), (20, 4, 4)]
    assert len(encoder.stages) == 3


def test_drop_path_grows_over_the_blocks():
    encoder = LVT(embed_dims=TINY['embed_dims'], drop_path_rate=0.7)
    rates = [block.drop_path.drop_prob for stage in encoder.stages for block in stage.blocks]
    assert rates == pytest.approx([0.1 * i for i in range(8)])


def test_weights_come_from_a_local_file(tmp_path):
    first = LVT(**TINY)
    nn.init.constant_(first.stages[0].embed.bias, 0.25)
    torch.save(first.state_dict(), tmp_path / 'lvt.pth')
    second = LVT(**TINY, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'lvt.pth')))
    second.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(embed_dims=(8, 8)), ValueError, r'LVT: embed_dims must have 4 numbers, got \(8, 8\)'),
        (dict(reductions=(8, 4, 2, 1)), ValueError, 'LVT: reductions must have 3 numbers'),
        (dict(dilations=()), ValueError, 'LVT: dilations must have one number at least, got none'),
        (dict(depths=(2, 2, 0, 2)), ValueError, 'LVT: depths must be at least 1, got 0'),
        (dict(num_heads=(3, 2, 5, 8)), ValueError, 'LVT: num_heads must divide embed_dims, got 3 for 64'),
        (dict(recursion=1.5), TypeError, 'LVT: recursion must be an integer, got 1.5'),
        (dict(drop_path_rate=1.0), ValueError, 'LVT: drop_path_rate must be at least 0 and below 1, got 1.0'),
        (dict(out_indices=(0, 4)), ValueError, r'LVT: out_indices must be among 0, 1, 2 and 3, got \(0, 4\)'),
        (dict(frozen_stages=4), ValueError, 'LVT: frozen_stages must be -1, 0, 1, 2 or 3, got 4'),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        LVT(**options)
