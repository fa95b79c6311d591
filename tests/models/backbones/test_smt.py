"""The SMT encoder: the contract, the published encoder and its parts, names and parameters."""

import re
from math import ceil
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmattn.attention.tokens import to_tokens
from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.costs.complexity import count_multiply_adds
from mmattn.models.backbones import SMT
from mmattn.models.backbones.smt import Stem
from mmattn.models.blocks.smt import Block, SelfAttention, TokenModulation
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract

TINY = dict(
    embed_dims=(8, 12, 16, 32),
    depths=(1, 1, 2, 1),
    modulation_heads=(4, 2, 4),
    attention_heads=(2, 4),
    layer_scale=0.5,
    drop_path_rate=0.0,
)
PUBLISHED = dict(embed_dims=(16, 32, 64, 128), depths=(1, 1, 2, 1))


class TestContract(BackboneContract):
    name, options, channels = 'SMT', dict(arch=TINY), TINY['embed_dims']
    frozen = 1, ('stages.0.', 'stages.1.')
    graph_options = dict(out_indices=(0, 2))
    silent_parameters = ('attention.mix.bias',)  # normalisation takes away what it adds

    @staticmethod
    def length(length: int, stride: int) -> int:
        return ceil(max(ceil(length / 2) // 2, 1) / (stride // 4))


@pytest.mark.parametrize(('prefix', 'spelling'), [('', 'local_conv'), ('module.backbone.', 'dw_conv')])
def test_equals_the_published_encoder(prefix: str, spelling: str):
    weights, vectors = load_golden('smt_reduced_pyramid')
    head = {key: weights.pop(key) for key in ('head.weight', 'head.bias')}
    published = {f'{prefix}{re.sub(r"attn.local_conv[.]", f"attn.{spelling}.", key)}': weights[key] for key in weights}
    assert sum(f'attn.{spelling}.' in key for key in published) == 4
    encoder = MODELS.build(dict(type='SMT', arch=PUBLISHED)).eval()
    encoder.load_state_dict(convert_state_dict(published if prefix else published | head, 'smt'))
    for suffix in ('', '_odd'):
        maps = encoder(vectors[f'x/x{suffix}'])
        for i, y in enumerate(maps):
            torch.testing.assert_close(y, vectors[f'y/c{i + 1}{suffix}'], rtol=1e-5, atol=1e-5)
        logits = F.linear(maps[3].mean((2, 3)), head['head.weight'], head['head.bias'])
        torch.testing.assert_close(logits, vectors[f'y/logits{suffix}'], rtol=1e-5, atol=1e-5)


def load(part: nn.Module, weights: dict, published: str, ours: str) -> nn.Module:
    """Loads a part of the encoder: under its published prefix it is renamed, and ours is taken off again."""
    converted = convert_state_dict({published + key: value for key, value in weights.items()}, 'smt')
    assert all(key.startswith(ours) for key in converted)
    part.load_state_dict({key.removeprefix(ours): value for key, value in converted.items()})
    return part.eval()


@pytest.mark.parametrize('kernel_size', [3, 7])
def test_equals_the_published_stem(kernel_size: int):
    weights, vectors = load_golden(f'smt_stem_k{kernel_size}')
    stem = load(Stem(3, 16, kernel_size=kernel_size), weights, 'patch_embed1.', 'stages.0.embed.')
    y = stem(vectors['x/x'])
    assert y.shape == (1, 16, 8, 9)
    torch.testing.assert_close(to_tokens(y), vectors['y/out'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('name', 'mlp_ratio', 'layer_scale', 'size'),
    [('smt_tiny_stage1_block', 4, None, (8, 8)), ('smt_block_layerscale', 8, 1e-4, (6, 5))],
)
def test_equals_the_published_block(name: str, mlp_ratio: int, layer_scale: float | None, size: tuple[int, int]):
    weights, vectors = load_golden(name)
    channels = vectors['x/x'].shape[2]
    options = dict(mlp_ratio=mlp_ratio, layer_scale=layer_scale, drop_path_rate=0.0)
    block = Block(TokenModulation(channels), channels, **options)
    load(block, weights, 'block3.12.', 'stages.2.blocks.12.')
    torch.testing.assert_close(block(vectors['x/x'], size), vectors['y/out'], rtol=1e-5, atol=1e-5)


def test_equals_the_published_attention():
    weights, vectors = load_golden('smt_msa_attention')
    attention = load(SelfAttention(32, num_heads=8), weights, 'block3.7.attn.', 'stages.2.blocks.7.attention.')
    torch.testing.assert_close(attention(vectors['x/x'], (5, 7)), vectors['y/out'], rtol=1e-5, atol=1e-5)


def test_takes_the_names_and_shapes_of_the_published_network(root: Path):
    lines = (root / 'tests' / 'golden' / 'smt_tiny_state_dict.txt').read_text(encoding='utf-8').splitlines()
    published = {}
    for key, shape in (line.split(' ', 1) for line in lines):
        published[key] = torch.empty([int(number) for number in re.findall(r'\d+', shape)], device='meta')
    conversion = convert_checkpoint(dict(model=published), 'smt')
    assert conversion.dropped == ('head.weight', 'head.bias')
    with torch.device('meta'):
        ours = SMT('tiny').state_dict()
    assert {k: v.shape for k, v in conversion.tensors.items()} == {k: v.shape for k, v in ours.items()}


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('patch_embed1.conv.3.bias', 'stages.0.embed.reduce.bias'),
        ('patch_embed3.proj.weight', 'stages.2.embed.conv.weight'),
        ('norm4.weight', 'stages.3.norm.weight'),
        ('block1.0.attn.proj0.weight', 'stages.0.blocks.0.attention.mix.weight'),
        ('block3.1.attn.kv.weight', 'stages.2.blocks.1.attention.key_value.weight'),
        ('block4.0.mlp.fc2.bias', 'stages.3.blocks.0.ffn.fc2.bias'),
    ],
)
def test_a_checkpoint_without_one_of_its_tensors_is_an_error(gone: str, missing: str):
    weights, _ = load_golden('smt_reduced_pyramid')
    del weights[gone]
    with pytest.raises(KeyError, match=f'missing {re.escape(missing)}'):
        convert_state_dict(weights, 'smt')


def test_published_weights_come_by_init_cfg(tmp_path: Path):
    weights, vectors = load_golden('smt_reduced_pyramid')
    torch.save(dict(model=weights, epoch=300), tmp_path / 'smt.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'smt.pth'), source='smt')
    encoder = SMT(PUBLISHED, init_cfg=init_cfg).eval()
    encoder.init_weights()
    torch.testing.assert_close(encoder(vectors['x/x'])[3], vectors['y/c4'], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('arch', 'classifier', 'millions'),
    [('tiny', 512, 11.507), ('small', 512, 22.551), ('base', 512, 32.037), ('large', 768, 80.590)],
)
def test_parameters_of_the_published_networks(arch: str, classifier: int, millions: float):
    with torch.device('meta'):
        parameters = dict(SMT(arch).named_parameters())
    factors = sum(p.numel() for name, p in parameters.items() if name.endswith(('gamma1', 'gamma2')))
    assert factors == (2 * (4 * 96 + 6 * 192 + 28 * 384 + 4 * 768) if arch == 'large' else 0)
    total = sum(parameter.numel() for parameter in parameters.values()) - factors
    assert (total + 1000 * (classifier + 1)) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_multiply_adds_of_the_published_network():
    encoder = SMT('tiny').eval()
    assert (count_multiply_adds(encoder, torch.randn(1, 3, 224, 224)) + 512_000) / 1e9 == pytest.approx(2.46, abs=5e-3)


def test_modulation_and_attention_take_turns_in_the_third_stage():
    blocks = [
        [type(block.attention) for block in stage.blocks] for stage in SMT(dict(TINY, depths=(2, 1, 5, 2))).stages
    ]
    m, a = TokenModulation, SelfAttention
    assert blocks == [[m, m], [m], [m, a, m, a, m], [a, a]]


def test_stochastic_depth_leaves_out_branches_of_single_samples():
    rates = [block.drop_path.drop_prob for stage in SMT(TINY, drop_path_rate=0.8).stages for block in stage.blocks]
    assert rates == pytest.approx([0.2 * i for i in range(5)])
    assert [SMT(arch, out_indices=(0,)).stages[0].blocks[-1].drop_path.drop_prob for arch in ('tiny', 'base')] == (
        pytest.approx([0.1 / 12, 0.3 * 3 / 39])
    )
    encoder = SMT(TINY, drop_path_rate=0.5).stages[3].train()
    block, tokens = encoder.blocks[0], torch.randn(64, 4, 32)
    nn.init.zeros_(block.gamma2)
    change = block(tokens, (2, 2)) - tokens
    left_out = change.flatten(1).abs().amax(1) == 0
    assert 16 <= left_out.sum() <= 48
    expected = 2 * block.gamma1 * block.attention(block.norm1(tokens), (2, 2))
    torch.testing.assert_close(change[~left_out], expected[~left_out], rtol=1e-4, atol=1e-5)


def test_attention_keeps_no_matrix():
    """What the layer keeps for the backward pass grows with the number of tokens N, not with N x N."""
    kept = []
    for size in ((8, 8), (32, 32)):
        attention, numbers = SelfAttention(16, num_heads=2), [0]

        def pack(tensor: torch.Tensor, numbers: list[int] = numbers) -> torch.Tensor:
            numbers[0] += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            attention(torch.randn(1, size[0] * size[1], 16, requires_grad=True), size)
        kept.append(numbers[0])
    assert kept[1] < 16 * kept[0]


@pytest.mark.parametrize(
    ('arch', 'options', 'error', 'message'),
    [
        ('huge', {}, ValueError, "SMT: arch must be one of 'tiny', 'small', 'base', 'large', got 'huge'"),
        (dict(TINY, embed_dims=(8, 8)), {}, ValueError, r'SMT: embed_dims must have 4 numbers, got \(8, 8\)'),
        (dict(TINY, embed_dims=8), {}, ValueError, 'SMT: embed_dims must have 4 numbers, got 8'),
        (dict(TINY, layer_scale='x'), {}, TypeError, "SMT: layer_scale must be None or a number, got 'x'"),
        (TINY, dict(drop_path_rate='x'), TypeError, "SMT: drop_path_rate must be a number, got 'x'"),
        (dict(TINY, depths=(1, 1, 0, 1)), {}, ValueError, 'SMT: depths must be at least 1, got 0'),
        (dict(TINY, modulation_heads=(4,)), {}, ValueError, r'SMT: modulation_heads must have 3 numbers, got \(4,\)'),
        (
            dict(TINY, modulation_heads=(3, 2, 4)),
            {},
            ValueError,
            'modulation_heads must divide .*, got 3 for 8',
        ),
        (
            dict(TINY, attention_heads=(2, 5)),
            {},
            ValueError,
            'SMT: attention_heads must divide embed_dims, got 5 for 32',
        ),
        (dict(TINY, stem_kernel_size=4), {}, ValueError, 'SMT: stem_kernel_size must be odd, got 4'),
        (dict(TINY, layers=3), {}, TypeError, "unexpected keyword argument 'layers'"),
        (TINY, dict(drop_path_rate=1.0), ValueError, 'SMT: drop_path_rate must be at least 0 and below 1, got 1.0'),
        (TINY, dict(in_channels=0), ValueError, 'SMT: in_channels must be at least 1, got 0'),
    ],
)
def test_wrong_values_are_named(arch, options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        SMT(arch, **options)
