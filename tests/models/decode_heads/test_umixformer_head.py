"""The heads of U-MixFormer and FeedFormer against the published ones: numbers, names and parameters."""

import warnings

import pytest
import torch
from mmseg.registry import MODELS

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.decode_heads import FeedFormerHead, UMixFormerHead
from tests.golden_vectors import load_golden
from tests.models.decode_heads.pyramids import build

GOLDEN = {
    'umixformer_ade_tiny': (UMixFormerHead, 'u-mixformer', 1),
    'umixformer_city_tiny': (UMixFormerHead, 'u-mixformer', 2),
    'feedformer_tiny': (FeedFormerHead, 'feedformer', 1),
    'feedformer_city_tiny': (FeedFormerHead, 'feedformer', 2),
}


@pytest.mark.parametrize('prefix', ['', 'decode_head.', 'module.decode_head.'])
@pytest.mark.parametrize('name', GOLDEN)
def test_equals_the_published_head(name: str, prefix: str):
    head_type, source, query_reduction = GOLDEN[name]
    weights, vectors = load_golden(name)
    head = build(head_type, query_reduction=query_reduction).eval()
    head.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, source))
    cases = [case for case in ('', 'odd/') if f'{case}y' in vectors]
    assert len(cases) == 3 - query_reduction  # the published heads with reduced queries take no odd sizes
    for case in cases:
        logits = head([vectors[f'{case}x/{i}'] for i in range(4)])
        torch.testing.assert_close(logits, vectors[f'{case}y'], rtol=1e-5, atol=1e-5)


def test_unused_tensors_are_dropped_by_name():
    dropped = {
        name: convert_checkpoint(load_golden(name)[0], source).dropped for name, (_, source, _) in GOLDEN.items()
    }
    classifier = {'conv_seg.weight', 'conv_seg.bias'}
    layers = {'umixformer_ade_tiny': ('sr', 'norm'), 'umixformer_city_tiny': ('sr2',)}
    for name, names in dropped.items():
        unused = {
            f'attn_{stage}.attn.{layer}.{kind}'
            for stage in ('c1', 'c2', 'c3', 'c4')
            for layer in layers.get(name, ())
            for kind in ('weight', 'bias')
        }
        assert set(names) == classifier | unused


@pytest.mark.parametrize(
    ('name', 'gone', 'missing'),
    [
        ('umixformer_ade_tiny', 'attn_c3.attn.kv.weight', r'blocks\.1\.attention\.key_value\.weight'),
        ('umixformer_ade_tiny', 'cat_key4.sr_list.2.bias', r'mixers\.3\.convs\.2\.bias'),
        ('umixformer_city_tiny', 'cat_key2.sr_list.3.weight', r'mixers\.1\.convs\.3\.weight'),
        ('umixformer_city_tiny', 'attn_c1.attn.sr1.bias', r'blocks\.3\.attention\.query_conv\.bias'),
        ('feedformer_tiny', 'attn_c2_c1.attn.sr.weight', r'blocks\.2\.key_conv\.weight'),
        ('feedformer_city_tiny', 'linear_pred.bias', r'conv_seg\.bias'),
        ('feedformer_city_tiny', 'linear_fuse.bn.running_var', r'fuse\.bn\.running_var'),
    ],
)
def test_a_checkpoint_without_one_of_its_tensors_is_an_error(name: str, gone: str, missing: str):
    weights, _ = load_golden(name)
    del weights[gone]
    with pytest.raises(KeyError, match=f'missing {missing}'):
        convert_state_dict({f'decode_head.{key}': value for key, value in weights.items()}, GOLDEN[name][1])


def test_a_segmentor_keeps_mmsegs_encoder_and_loses_no_unknown_tensor():
    head = {f'decode_head.{key}': value for key, value in load_golden('umixformer_ade_tiny')[0].items()}
    encoder = {'backbone.layers.0.1.0.attn.norm.weight': torch.ones(2)}
    converted = convert_state_dict({**head, **encoder, 'data_preprocessor.mean': torch.ones(3)}, 'u-mixformer')
    assert {key for key in converted if not key.startswith('decode_head.')} == encoder.keys()
    for strange in (
        'auxiliary_head.0.weight',
        'decode_head.attn_c5.attn.q.weight',
        'backbone.0.0.proj.weight',
        'neck.conv.weight',
    ):
        with pytest.raises(KeyError, match=f"'u-mixformer' does not know {strange}"):
            convert_state_dict({**head, **encoder, strange: torch.ones(2)}, 'u-mixformer')


def parameters(config: dict) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return sum(parameter.numel() for parameter in MODELS.build(config).parameters())


def mit(width: int, *layers: int) -> dict:
    return dict(type='MixVisionTransformer', embed_dims=width, num_layers=list(layers), num_heads=[1, 2, 5, 8])


def mscan(widths: tuple[int, ...], *depths: int) -> dict:
    options = dict(embed_dims=list(widths), mlp_ratios=[8, 8, 4, 4], norm_cfg=dict(type='BN'))
    return dict(type='MSCAN', depths=list(depths), **options)


SMALL, LARGE, LITE = (32, 64, 160, 256), (64, 128, 320, 512), (64, 64, 160, 256)
# encoder, its channels, embed_dims, millions of parameters with the published head's unused ones and without
VARIANTS = {
    'mit-b0': (mit(32, 2, 2, 2, 2), SMALL, 128, 6.14, 5.05),
    'mit-b1': (mit(64, 2, 2, 2, 2), LARGE, 128, 24.05, 19.80),
    'mit-b2': (mit(64, 3, 4, 6, 3), LARGE, 768, 35.85, 31.60),
    'mit-b3': (mit(64, 3, 4, 18, 3), LARGE, 768, 55.72, None),
    'mit-b4': (mit(64, 3, 8, 27, 3), LARGE, 768, 72.49, None),
    'mit-b5': (mit(64, 3, 6, 40, 3), LARGE, 768, 93.09, None),
    'lvt': (dict(type='LVT'), LITE, 128, 6.50, 5.27),
    'mscan-t': (mscan(SMALL, 3, 3, 5, 2), SMALL, 128, 6.72, 5.63),
    'mscan-s': (mscan(LARGE, 2, 2, 4, 2), LARGE, 128, 24.35, 20.10),
    'mscan-b': (mscan(LARGE, 3, 3, 12, 3), LARGE, 128, 37.17, None),
}


@pytest.mark.parametrize('name', VARIANTS)
def test_parameters_of_the_published_networks(name: str):
    """The published head adds a classifier, and a convolution and a normalisation a level, that reach no output."""
    encoder, channels, embed_dims, published, live = VARIANTS[name]
    options = dict(in_channels=channels, embed_dims=embed_dims, num_classes=150, norm_cfg=dict(type='BN'))
    ours = parameters(encoder) + parameters(dict(type='UMixFormerHead', **options))
    total = sum(channels)
    unused = (256 + 1) * 150 + 4 * (total * total + 3 * total)
    assert (ours + unused) / 1e6 == pytest.approx(published, abs=0.006)
    if live is not None:
        assert ours / 1e6 == pytest.approx(live, abs=0.006)


@pytest.mark.parametrize(
    ('head', 'query_reduction', 'classes', 'expected'),
    [
        ('UMixFormerHead', 1, 150, 2_818_860 - 1_093_270),
        ('UMixFormerHead', 2, 19, 3_129_254 - 1_055_507),
        ('FeedFormerHead', 1, 150, 1_115_084 - 19_350),
    ],
)
def test_parameters_of_the_published_heads(head: str, query_reduction: int, classes: int, expected: int):
    options = dict(in_channels=SMALL, num_classes=classes, norm_cfg=dict(type='BN'))
    assert parameters(dict(type=head, query_reduction=query_reduction, **options)) == expected
