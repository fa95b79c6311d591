"""The encoder of Swin-Unet and its blocks against the published ones."""

from collections.abc import Sequence

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmattn.attention import use_engine
from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.costs.benchmarks.published_window import PublishedWindowAttention, ShiftedWindows
from mmattn.models.backbones import SwinUNetEncoder
from mmattn.models.blocks.swin import PatchExpanding, PatchMerging, SwinBlock, WindowAttention
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract

TINY = dict(embed_dims=8, num_heads=(1, 2, 4, 8), window_size=3)
SMALL = dict(embed_dims=8, num_heads=(1, 2, 4, 8), window_size=4, drop_path_rate=0.0)


class TestContract(BackboneContract):
    name, options, channels = 'SwinUNetEncoder', dict(SMALL, depths=(2, 2, 2, 1)), (8, 16, 32, 64)
    frozen = 1, ('patch_embed.', 'stages.0.', 'stages.1.')
    training_size = (192, 160)
    graph_options = dict(depths=(1, 2, 2), num_heads=(1, 2, 4), window_size=3)  # several windows in each map


class TestNarrow(BackboneContract):
    """Windows that cover the deepest maps, frozen as a whole."""

    name, options, channels = 'SwinUNetEncoder', dict(SMALL, depths=(1, 2, 1), num_heads=(1, 2, 4)), (8, 16, 32)
    strides = (4, 8, 16)
    frozen = 2, ('',)
    training_size = (96, 128)
    exports = False  # as above


def tokens(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(B, H W, C) as a map with the channels last."""
    return x.reshape(x.shape[0], height, width, -1)


def check(module: nn.Module, vectors: dict[str, torch.Tensor], size: Sequence[int], names: dict[str, str]) -> None:
    """Compares outputs and gradients; ``names`` are the published parameters' in the module."""
    x = tokens(vectors['x/x'], *size).requires_grad_()
    y = module(x)
    torch.testing.assert_close(y.flatten(1, 2), vectors['y/out'], rtol=1e-5, atol=2e-5)
    (y.flatten(1, 2) * vectors['x/dy_a']).sum().backward()
    torch.testing.assert_close(x.grad.flatten(1, 2), vectors['y/dx_a'], rtol=1e-4, atol=2e-5)
    gradients = {key.removeprefix('y/grad_a/'): value for key, value in vectors.items() if 'grad_a/' in key}
    assert gradients
    for name, value in gradients.items():
        torch.testing.assert_close(module.get_parameter(names[name]).grad, value, rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize(('name', 'size'), [('swin_block', (4, 8)), ('swin_block_shift', (8, 12))])
def test_equals_the_published_block(name: str, size: tuple[int, int]):
    """On 4 x 8 tokens there is no shift though it is asked for: a window is as high as the map."""
    weights, vectors = load_golden(name)
    before, ours = 'layers.0.blocks.1.', 'stages.0.blocks.1.'
    conversion = convert_checkpoint({before + key: value for key, value in weights.items()}, 'swin-unet')
    block = SwinBlock(16, num_heads=2, window_size=4, shifted=True).eval()
    block.load_state_dict({key.removeprefix(ours): value for key, value in conversion.tensors.items()})
    renamed = conversion.renamed.items()
    check(block, vectors, size, {old.removeprefix(before): new.removeprefix(ours) for old, new in renamed})


def test_equals_the_published_window_attention():
    weights, vectors = load_golden('swin_window_attention')
    names = {key: key.replace('relative_position_bias_table', 'bias_table') for key in weights if 'index' not in key}
    attention = WindowAttention(12, num_heads=3, window_size=3).eval()
    attention.load_state_dict({new: weights[old] for old, new in names.items()})
    mask = vectors['x/mask']

    class OfTwoImages(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return attention(x.reshape(2, 3, 9, 12), mask).reshape(6, 9, 1, 12)

    prefixed = {old: f'attention.{new}' for old, new in names.items()}
    check(OfTwoImages(), vectors, (9, 1), prefixed)


@pytest.mark.parametrize(
    ('name', 'module', 'size'),
    [
        ('swin_patch_merging', PatchMerging(8), (4, 6)),
        ('swin_patch_expand', PatchExpanding(16, 8), (3, 5)),
        ('swin_final_patch_expand_x4', PatchExpanding(8, 8, scale=4), (3, 5)),
    ],
)
def test_equals_the_published_resampling(name: str, module: nn.Module, size: tuple[int, int]):
    weights, vectors = load_golden(name)
    module.load_state_dict(weights)
    check(module, vectors, size, {key: key for key in weights})


def encoder_of(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    decoder = ('layers_up', 'concat_back_dim', 'norm_up', 'up', 'output')
    return {key: value for key, value in weights.items() if not key.split('.')[1].startswith(decoder)}


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_equals_the_published_encoder(dtype: torch.dtype):
    weights, vectors = load_golden('swin_unet_tiny')
    encoder = MODELS.build(dict(type='SwinUNetEncoder', **TINY)).eval()
    encoder.load_state_dict(convert_state_dict(encoder_of(weights), 'swin-unet'))
    maps = [x.flatten(2).mT for x in encoder.to(dtype)(vectors['x/x'].to(dtype))]
    expected = [vectors[f'y/stage_input{i}'] for i in range(3)] + [vectors['y/bottleneck']]
    tolerance = 1e-4 if dtype == torch.float32 else 2e-6  # the vectors are stored in float32
    for ours, theirs in zip([maps[0][:, ::4], *maps[1:]], expected, strict=True):
        torch.testing.assert_close(ours, theirs.to(dtype), rtol=tolerance, atol=tolerance)


def test_buffers_do_not_matter():
    weights, _ = load_golden('swin_unet_tiny')
    weights = encoder_of(weights)
    buffers = [key for key in weights if key.endswith(('relative_position_index', 'attn_mask'))]
    assert len(buffers) == 8 + 3  # no mask where one window covers the map
    conversion = convert_checkpoint({**weights, **{key: torch.zeros(1) for key in buffers}}, 'swin-unet')
    assert set(conversion.dropped) == {key.removeprefix('swin_unet.') for key in buffers}
    without = {key.removeprefix('swin_unet.'): value for key, value in weights.items() if key not in buffers}
    assert convert_state_dict(without, 'swin-unet').keys() == conversion.tensors.keys()
    assert not list(SwinUNetEncoder(**TINY).buffers())


def test_a_checkpoint_without_one_of_its_tensors_is_an_error():
    weights, _ = load_golden('swin_unet_tiny')
    weights = encoder_of(weights)
    del weights['swin_unet.layers.2.blocks.1.attn.relative_position_bias_table']
    with pytest.raises(KeyError, match=r'missing stages\.2\.blocks\.1\.attention\.bias_table'):
        convert_state_dict(weights, 'swin-unet')


def test_one_channel_is_repeated():
    encoder, x = SwinUNetEncoder(**TINY).eval(), torch.randn(1, 1, 50, 33)
    for ours, expected in zip(encoder(x), encoder(x.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(ours, expected)
    with pytest.raises(ValueError, match=r'SwinUNetEncoder: expected a \(B, 3, H, W\) input, got shape \(1, 2, 8, 8\)'):
        encoder(torch.randn(1, 2, 8, 8))


@pytest.mark.parametrize('size', [(7, 5), (4, 8), (5, 9), (3, 2)])
def test_padding_is_of_zeros_after_the_normalisation(size: tuple[int, int]):
    """Windows see the padding as tokens, as MMSegmentation's do; what is padded by hand beforehand is another thing."""
    height, width = size
    block, x = SwinBlock(8, num_heads=2, window_size=4, shifted=False).eval(), torch.randn(1, height, width, 8)
    normed = nn.functional.pad(block.norm1(x), (0, 0, 0, -width % 4, 0, -height % 4))
    rows = []
    for top in range(0, height, 4):
        windows = [normed[0, top : top + 4, left : left + 4] for left in range(0, width, 4)]
        rows.append(torch.cat([block.attention(w.reshape(1, 1, 16, 8)).reshape(4, 4, 8) for w in windows], dim=1))
    expected = x + torch.cat(rows)[None, :height, :width]
    torch.testing.assert_close(block(x), expected + block.ffn(block.norm2(expected)))


def test_shifted_windows_are_those_of_the_rolled_map():
    """Far from the borders a shifted block is an unshifted one on the map moved by half a window."""
    block, x = SwinBlock(8, num_heads=2, window_size=4, shifted=True).eval(), torch.randn(1, 12, 12, 8)
    plain = SwinBlock(8, num_heads=2, window_size=4, shifted=False).eval()
    plain.load_state_dict(block.state_dict())
    torch.testing.assert_close(block(x)[:, 2:10, 2:10], plain(x[:, 2:10, 2:10]))


def test_engines_agree():
    block, x = SwinBlock(8, num_heads=2, window_size=3, shifted=True).eval(), torch.randn(2, 7, 8, 8)
    with use_engine('reference'):
        expected = block(x)
    torch.testing.assert_close(block(x), expected)


def test_traces():
    encoder, x = SwinUNetEncoder(**TINY).eval().requires_grad_(False), torch.randn(1, 3, 50, 70)
    for ours, expected in zip(torch.jit.trace(encoder, x)(x), encoder(x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_recomputed_blocks_have_the_same_gradients():
    first = SwinUNetEncoder(**TINY, with_cp=True, drop_path_rate=0.0).train()
    second = SwinUNetEncoder(**TINY, drop_path_rate=0.0).train()
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 3, 64, 48)
    for encoder in (first, second):
        sum(y.square().sum() for y in encoder(x)).backward()
    for ours, expected in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, expected.grad)


def test_dropouts_act_in_training_alone():
    encoder = SwinUNetEncoder(embed_dims=8, num_heads=(1, 2, 4, 8), drop_path_rate=0.7, drop_rate=0.2)
    rates = [block.drop_path.drop_prob for stage in encoder.stages for block in stage.blocks]
    assert rates == pytest.approx([0.1 * i for i in range(8)])
    x = torch.randn(1, 3, 64, 64)
    for option in ('drop_path_rate', 'drop_rate', 'attn_drop_rate'):
        encoder = SwinUNetEncoder(**{**SMALL, option: 0.5})
        first, second = (encoder.train()(x)[-1] for _ in range(2))
        assert not torch.equal(first, second)
        assert torch.equal(encoder.eval()(x)[-1], encoder(x)[-1])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_weights(dtype: torch.dtype):
    encoder, x = SwinUNetEncoder(**SMALL).eval(), torch.randn(1, 3, 90, 64)
    expected = encoder(x)
    for half, full in zip(encoder.to(dtype)(x.to(dtype)), expected, strict=True):
        assert half.dtype == dtype
        assert (half.float() - full).abs().mean() < 0.05 * full.abs().mean()


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(embed_dims=0), ValueError, 'SwinUNetEncoder: embed_dims must be at least 1, got 0'),
        (dict(depths=()), ValueError, r'SwinUNetEncoder: depths must have one number at least, got \(\)'),
        (dict(depths=(2, 0, 2, 2)), ValueError, 'SwinUNetEncoder: depths must be at least 1, got 0'),
        (dict(num_heads=(3, 6)), ValueError, r'SwinUNetEncoder: num_heads must have 4 numbers, got \(3, 6\)'),
        (dict(num_heads=(3, 6, 12, 25)), ValueError, 'num_heads must divide embed_dims, got 25 for 768'),
        (dict(window_size=0), ValueError, 'SwinUNetEncoder: window_size must be at least 1, got 0'),
        (dict(window_size=(7, 7)), TypeError, r'SwinUNetEncoder: window_size must be an integer, got \(7, 7\)'),
        (dict(mlp_ratio=-1), ValueError, 'SwinUNetEncoder: mlp_ratio must be above 0, got -1'),
        (dict(mlp_ratio=0.001), ValueError, 'mlp_ratio must leave a hidden channel, got 0.001 for 96'),
        (dict(in_channels=0), ValueError, 'SwinUNetEncoder: in_channels must be at least 1, got 0'),
        (dict(drop_path_rate=1.0), ValueError, 'drop_path_rate must be at least 0 and below 1, got 1.0'),
        (dict(drop_rate=-0.1), ValueError, 'drop_rate must be at least 0 and below 1, got -0.1'),
        (dict(attn_drop_rate='x'), TypeError, "attn_drop_rate must be a number, got 'x'"),
        (dict(frozen_stages=4), ValueError, 'frozen_stages must be among -1 to 3, got 4'),
        (dict(with_cp='yes'), TypeError, "with_cp must be True or False, got 'yes'"),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        SwinUNetEncoder(**options)


def as_mmsegs(encoder: SwinUNetEncoder) -> nn.Module:
    """MMSegmentation's ``SwinTransformer`` with an encoder's weights."""
    tensors = {}
    for name, value in encoder.state_dict().items():
        new = name.replace('patch_embed.proj', 'patch_embed.projection').replace('merge', 'downsample')
        new = new.replace('ffn.fc1', 'ffn.layers.0.0').replace('ffn.fc2', 'ffn.layers.1')
        new = new.replace('attention.bias_table', 'attn.w_msa.relative_position_bias_table')
        new = new.replace('attention.', 'attn.w_msa.')
        if 'merge' in name:  # it joins channel by channel, and row by row
            value = value.unflatten(-1, (4, -1))[..., [0, 2, 1, 3], :].transpose(-1, -2).flatten(-2)
        tensors[new.replace('norm.', 'norm3.') if name.startswith('norm.') else new] = value
    options = dict(embed_dims=8, depths=(2, 2, 2, 2), num_heads=(1, 2, 4, 8))
    theirs = MODELS.build(dict(type='SwinTransformer', window_size=encoder.stages[0].blocks[0].window_size, **options))
    unused = theirs.load_state_dict(tensors, strict=False)
    assert not unused.unexpected_keys
    assert all('index' in name or name.startswith('norm') for name in unused.missing_keys)
    theirs.eval()
    return theirs


@pytest.mark.parametrize(('window', 'size'), [(4, (101, 140)), (3, (203, 331)), (7, (224, 224)), (4, (33, 7))])
def test_stages_start_as_mmsegs_do(window: int, size: tuple[int, int]):
    """At sizes with every kind of padding; its deepest stage differs where one window covers the map."""
    encoder = SwinUNetEncoder(**{**TINY, 'window_size': window}).eval()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    theirs, entered = as_mmsegs(encoder), []
    for stage in theirs.stages:
        stage.register_forward_pre_hook(lambda _, inputs: entered.append(inputs))
        if not size[0] > 64:
            for block in stage.blocks:
                block.attn.shift_size = 0  # it shifts where one window covers the map
    x = torch.randn(1, 3, *size)
    deepest, maps = theirs(x)[3], encoder(x)
    assert len(entered) == 4
    for ours, (tokens, hw) in zip(maps[:3], entered):
        expected = tokens.mT.unflatten(2, hw)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    if min(deepest.shape[2:]) > window or size[0] < 64:
        torch.testing.assert_close(maps[3], deepest, rtol=1e-3, atol=1e-3)


def test_the_benchmarks_peer_computes_the_same():
    ours, theirs = ShiftedWindows(WindowAttention, 64), ShiftedWindows(PublishedWindowAttention, 64)
    nn.init.normal_(ours.attention.bias_table)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 64, 15, 22)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
