"""The TransUNet encoder against the published one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention import use_engine
from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.checkpoints.convert import convert, single_part
from mmattn.checkpoints.sources.transunet import TRANSUNET
from mmattn.models.backbones import HybridViT
from mmattn.models.blocks.resnet_v2 import BottleneckUnit, Root, Stage
from mmattn.models.blocks.vit import Block, fit_positions, resize_positions
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract, logged

RESNET = 'transformer.embeddings.hybrid_model.'
PUBLISHED = dict(embed_dims=32, num_layers=2, num_heads=4, mlp_ratio=2, resnet_depths=(2, 1, 1), resnet_channels=32)
TINY = dict(PUBLISHED, resnet_depths=(1, 1, 1), img_size=64, drop_rate=0.0)
KINDS = [(torch.float32, 5e-4), (torch.float64, 1e-6)]  # the vectors are rounded to float32


class TestHybrid(BackboneContract):
    name, options, channels = 'HybridViT', TINY, (32, 128, 256, 32)
    strides = (2, 4, 8, 16)
    frozen = 1, ('stages.0.', 'stages.1.')
    silent_parameters = ('key.bias',)
    graph_options = dict(num_layers=1)


class TestPure(BackboneContract):
    name, options, channels = 'HybridViT', dict(TINY, resnet_depths=None), (32,)
    strides = (16,)
    frozen = 0, ('vit.',)
    silent_parameters = ('key.bias',)

    def test_out_indices_choose_maps(self):
        with pytest.raises(ValueError, match=r'HybridViT: out_indices must be among 0 to 0, got \(0, 1\)'):
            self.build(out_indices=(0, 1))


def part(name: str, published: str, ours: str) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Returns a part's weights and gradients under its own names here, and its vectors."""
    weights, vectors = load_golden(name)

    def ours_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            next(iter(rename({published + key: value}))).removeprefix(ours): value for key, value in tensors.items()
        }

    gradients = {key[9:]: value for key, value in vectors.items() if key.startswith('y/grad_a/')}
    return ours_of(weights), ours_of(gradients), vectors


def rename(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Converts without asking for what is not there."""
    return single_part(convert(tensors, TRANSUNET.rules, 'transunet'), TRANSUNET.parts).tensors


def check_gradients(module: nn.Module, x: Tensor, vectors: dict, gradients: dict, tolerance: float) -> None:
    x = x.clone().requires_grad_()
    module.zero_grad()
    module(x).backward(vectors['x/dy_a'].to(x))
    parameters = dict(module.named_parameters())
    assert gradients
    for ours, expected in [(x.grad, vectors['y/dx_a']), *((parameters[n].grad, g) for n, g in gradients.items())]:
        close(ours, expected, tolerance)


def close(ours: Tensor, expected: Tensor, tolerance: float) -> None:
    scale = max(expected.abs().max().item(), 1.0)
    torch.testing.assert_close(ours.float(), expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(('dtype', 'tolerance'), KINDS)
@pytest.mark.parametrize(
    ('name', 'options'), [('transunet_bottleneck', dict()), ('transunet_bottleneck_s2', dict(stride=2))]
)
def test_units_equal_the_published(name: str, options: dict, dtype: torch.dtype, tolerance: float):
    weights, gradients, vectors = part(name, f'{RESNET}body.block2.unit1.', 'stages.2.0.')
    unit = BottleneckUnit(vectors['x/x'].shape[1], 32, 64, **options)
    unit.load_state_dict(weights)
    unit.to(dtype)
    for case in ('x', 'small'):
        close(unit(vectors[f'x/{case}'].to(dtype)), vectors['y/out' if case == 'x' else 'y/small'], tolerance)
    check_gradients(unit, vectors['x/x'].to(dtype), vectors, gradients, tolerance)


@pytest.mark.parametrize(('dtype', 'tolerance'), KINDS)
def test_the_stem_equals_the_published(dtype: torch.dtype, tolerance: float):
    weights, vectors = load_golden('transunet_stem')
    tensors = rename({RESNET + key: value for key, value in weights.items()})
    stem = nn.Sequential(Root(3, 32), Stage(32, 32, 1, stride=1, pool=True))
    stem.load_state_dict({name.removeprefix('stages.'): value for name, value in tensors.items()})
    root = stem.to(dtype)[0](vectors['x/x'].to(dtype))
    close(root[:, ::4], vectors['y/root'], tolerance)
    block = stem[1](root)
    close(block[:, ::8], vectors['y/block1'], tolerance)
    maps = HybridViT(**TINY, out_indices=(0, 1)).to(dtype)
    maps.load_state_dict(tensors)
    close(maps(vectors['x/x'].to(dtype))[1][:, ::8], vectors['y/block1_padded'], tolerance)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
@pytest.mark.parametrize('engine', ['auto', 'reference'])
def test_blocks_equal_the_published(dtype: torch.dtype, tolerance: float, engine: str):
    ours = 'vit.layers.0.'
    weights, gradients, vectors = part('transunet_vit_block', 'transformer.encoder.layer.0.', ours)
    block = Block(32, num_heads=4, mlp_ratio=2, drop_rate=0.1).eval().to(dtype)
    block.load_state_dict(weights)
    with use_engine(engine):
        for case in ('x', 'small'):
            close(block(vectors[f'x/{case}'].to(dtype)), vectors['y/out' if case == 'x' else 'y/small'], tolerance)
        check_gradients(block, vectors['x/x'].to(dtype), vectors, gradients, tolerance)


@pytest.mark.parametrize(('dtype', 'tolerance'), KINDS)
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_equals_the_published_encoder(prefix: str, dtype: torch.dtype, tolerance: float):
    weights, vectors = load_golden('transunet_tiny')
    tensors = {prefix + key: value for key, value in weights.items() if key.startswith('transformer.')}
    encoder = HybridViT(img_size=64, **PUBLISHED).eval()
    encoder.load_state_dict(convert_state_dict(tensors, 'transunet'))
    check_maps(encoder.to(dtype)(vectors['x/x'].to(dtype)), vectors, tolerance)


def check_maps(maps: tuple[Tensor, ...], vectors: dict[str, Tensor], tolerance: float) -> None:
    close(maps[3].flatten(2).mT, vectors['y/tokens'], tolerance)
    for i, x in enumerate(maps[2::-1]):
        close(x[:, ::8], vectors[f'y/skip{i}_sub'], tolerance)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_weights(dtype: torch.dtype):
    encoder, x = HybridViT(**TINY).eval(), torch.randn(2, 3, 64, 48)
    expected = encoder(x)
    for half, whole in zip(encoder.to(dtype)(x.to(dtype)), expected, strict=True):
        assert half.dtype == dtype
        assert (half.float() - whole).abs().mean() < 0.05 * whole.abs().mean()


def test_the_published_number_of_parameters():
    with torch.device('meta'):
        hybrid, pure = HybridViT(), HybridViT(resnet_depths=None)
        large = HybridViT(embed_dims=1024, num_layers=24, num_heads=16)
    assert round(sum(p.numel() for p in hybrid.parameters()) / 1e6, 2) == 97.89
    assert round(sum(p.numel() for p in hybrid.stages.parameters()) / 1e6, 2) == 11.89
    assert round(sum(p.numel() for p in pure.parameters()) / 1e6, 2) == 85.80
    assert round(sum(p.numel() for p in large.parameters()) / 1e6, 2) == 315.46


def test_a_grey_image_is_repeated():
    encoder, x = HybridViT(**TINY).eval(), torch.randn(2, 1, 32, 48)
    for ours, expected in zip(encoder(x), encoder(x.repeat(1, 3, 1, 1)), strict=True):
        torch.testing.assert_close(ours, expected)
    with pytest.raises(ValueError, match='HybridViT: an image must have 3 channels, or 1, got 2'):
        encoder(torch.randn(2, 2, 32, 32))
    with pytest.raises(ValueError, match='HybridViT: an image must have in_channels=1, got 3'):
        HybridViT(in_channels=1, **TINY)(torch.randn(1, 3, 32, 32))


def test_other_sizes_are_filled_with_zeros():
    encoder, x = HybridViT(**TINY).eval(), torch.randn(1, 3, 37, 60)
    filled = encoder(F.pad(x, (0, 4, 0, 11)))
    for ours, expected, size in zip(encoder(x), filled, [(19, 30), (10, 15), (5, 8), (3, 4)], strict=True):
        torch.testing.assert_close(ours, expected[:, :, : size[0], : size[1]])


def test_only_what_is_returned_is_built():
    encoder = HybridViT(**TINY, out_indices=(0, 2))
    assert encoder.vit is None
    assert len(encoder.stages) == 3
    assert len(HybridViT(**TINY, out_indices=(3,))(torch.randn(1, 3, 32, 32))) == 1


def test_recomputing_changes_no_gradient():
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        encoder = HybridViT(**dict(TINY, drop_rate=0.1, attn_drop_rate=0.2), with_cp=with_cp).train()
        sum((y * y).sum() for y in encoder(torch.randn(2, 3, 64, 48))).backward()
        gradients.append([p.grad for p in encoder.parameters()])
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected)


def kept_for_backward(**options: object) -> int:
    """Elements that the backward pass holds, beside the weights."""
    encoder, held = HybridViT(**TINY, **options).train(), {}
    own = {p.untyped_storage().data_ptr() for p in encoder.parameters()}

    def keep(x: Tensor) -> Tensor:
        held[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes() // x.element_size()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        maps = encoder(torch.randn(1, 3, 512, 256))
    assert maps[3].shape[2:] == (32, 16)
    return sum(count for storage, count in held.items() if storage not in own)


def test_memory_of_the_backward_pass():
    tokens, heads = 512, TINY['num_heads']
    with use_engine('reference'):
        reference = kept_for_backward()
    fused = kept_for_backward()
    assert reference - fused > 0.9 * TINY['num_layers'] * heads * tokens**2  # no attention of all tokens to all
    assert kept_for_backward(with_cp=True) < fused / 2


@pytest.mark.parametrize('option', ['drop_rate', 'attn_drop_rate'])
@pytest.mark.parametrize('engine', ['auto', 'reference'])
def test_dropout_acts_in_training(option: str, engine: str):
    encoder, x = HybridViT(**dict(TINY, **{option: 0.5})), torch.randn(1, 3, 32, 48)
    with use_engine(engine):
        encoder.eval()
        assert torch.equal(encoder(x)[3], encoder(x)[3])
        encoder.train()
        assert not torch.allclose(encoder(x)[3], encoder(x)[3])
        assert torch.equal(encoder(x)[2], encoder(x)[2])


def test_dropout_of_the_attention_keeps_its_mean():
    block, tokens = Block(32, num_heads=4, mlp_ratio=1, attn_drop_rate=0.3).attention, torch.randn(1, 20, 32)
    expected = block.eval()(tokens)
    block.train()
    for engine in ('fused', 'reference'):
        with torch.no_grad(), use_engine(engine):
            mean = sum(block(tokens) for _ in range(2000)) / 2000
        torch.testing.assert_close(mean, expected, rtol=0.1, atol=0.02)


def test_positions_of_other_grids():
    positions = torch.randn(1, 9, 4)
    resized = resize_positions(positions, (3, 3), (5, 7))
    whole, corners = resized.view(5, 7, 4), positions.view(3, 3, 4)
    torch.testing.assert_close(whole[::4, ::6], corners[::2, ::2])
    torch.testing.assert_close(whole[2, 3], corners[1, 1])
    assert torch.equal(resize_positions(positions, (3, 3), (3, 3)), positions)
    token = torch.randn(1, 1, 4)
    assert torch.equal(fit_positions(torch.cat([token, positions], 1), (3, 3), 4), positions)
    assert torch.equal(fit_positions(torch.cat([token, positions], 1), (5, 7), 4), resized)
    assert torch.equal(fit_positions(positions, (5, 7), 4), resized)
    for odd in (torch.randn(1, 8, 4), torch.randn(1, 9, 3), torch.randn(9, 4)):
        assert fit_positions(odd, (5, 7), 4) is odd


def test_a_file_of_another_grid_is_resized_on_loading(tmp_path):
    small, large = HybridViT(**TINY), HybridViT(**dict(TINY, img_size=(80, 112)))
    nn.init.normal_(small.vit.pos_embed)
    expected = resize_positions(small.vit.pos_embed, (4, 4), (5, 7))
    stored = small.state_dict()
    large.load_state_dict(stored)
    assert torch.equal(large.vit.pos_embed, expected)
    assert stored['vit.pos_embed'].shape == (1, 16, 32)
    network = nn.ModuleDict(dict(backbone=HybridViT(**dict(TINY, img_size=(80, 112)))))
    network.load_state_dict({f'backbone.{name}': value for name, value in stored.items()})
    assert torch.equal(network['backbone'].vit.pos_embed, expected)
    torch.save(stored, tmp_path / 'small.pth')
    file = dict(type='Pretrained', checkpoint=str(tmp_path / 'small.pth'))
    third = HybridViT(**dict(TINY, img_size=(80, 112)), init_cfg=file)
    third.init_weights()
    assert torch.equal(third.vit.pos_embed, expected)
    x = torch.randn(1, 3, 80, 112)
    torch.testing.assert_close(small.eval()(x)[3], third.eval()(x)[3])


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('encoder.layer.0.attn.key.bias', r'vit\.layers\.0\.attention\.key\.bias'),
        ('encoder.encoder_norm.bias', r'vit\.norm\.bias'),
        ('embeddings.position_embeddings', r'vit\.pos_embed'),
        ('embeddings.hybrid_model.root.gn.bias', r'stages\.0\.norm\.bias'),
        ('embeddings.hybrid_model.body.block1.unit2.gn2.bias', r'stages\.1\.1\.norm2\.bias'),
        ('embeddings.hybrid_model.body.block3.unit1.downsample.weight', r'stages\.3\.0\.shortcut\.weight'),
        ('embeddings.hybrid_model.body.block2.', r'stages\.2\.0\.conv1\.weight'),
        ('embeddings.hybrid_model.body.block1.unit1.', r'stages\.1\.0\.conv1\.weight'),
        ('encoder.layer.0.', r'vit\.layers\.0\.norm1\.weight'),
    ],
)
def test_a_checkpoint_without_one_of_its_tensors_is_an_error(gone: str, missing: str):
    weights, _ = load_golden('transunet_tiny')
    names = [key for key in weights if key.startswith('transformer.')]
    tensors = dict.fromkeys(names, torch.ones(1))
    kept = {key: value for key, value in tensors.items() if not key.startswith(f'transformer.{gone}')}
    assert len(kept) < len(tensors)
    with pytest.raises(KeyError, match=f'missing .*{missing}'):
        convert_state_dict(kept, 'transunet')
    with pytest.raises(KeyError, match=r"source 'transunet' does not know transformer\.strange"):
        convert_state_dict(dict(tensors, **{'transformer.strange': torch.ones(1)}), 'transunet')


def google() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns arrays in the layout of Google's files, with a 3x3 grid, and vectors of the network at 4x4."""
    _, vectors = load_golden('transunet_imagenet21k_layout')
    return {key[4:]: value for key, value in vectors.items() if key.startswith('npz/')}, vectors


@pytest.mark.parametrize(('dtype', 'tolerance'), KINDS)
def test_googles_weights(dtype: torch.dtype, tolerance: float, tmp_path):
    arrays, vectors = google()
    conversion = convert_checkpoint(arrays, 'vit-imagenet21k')
    assert set(conversion.dropped) == {'cls', 'pre_logits/kernel', 'pre_logits/bias', 'head/kernel', 'head/bias'}
    assert conversion.tensors['vit.pos_embed'].shape == (1, 9, 32)
    encoder = HybridViT(img_size=64, **PUBLISHED).eval()
    encoder.load_state_dict(conversion.tensors)
    torch.testing.assert_close(encoder.vit.pos_embed, vectors['y/position_embeddings'])
    check_maps(encoder.to(dtype)(vectors['x/x'].to(dtype)), vectors, tolerance)
    np.savez(tmp_path / 'google.npz', **{name: value.numpy() for name, value in arrays.items()})
    file = dict(type='Pretrained', checkpoint=str(tmp_path / 'google.npz'), source='vit-imagenet21k')
    second = HybridViT(img_size=64, **PUBLISHED, init_cfg=file)
    with logged() as lines:
        second.init_weights()
    total = len(second.state_dict())
    assert any(f'INFO HybridViT: {total} of {total} tensors loaded from' in line for line in lines)
    tensors = encoder.float().state_dict()
    assert all(torch.equal(value, tensors[name]) for name, value in second.state_dict().items())


def test_googles_pure_transformer():
    arrays, _ = google()
    arrays = {k: v for k, v in arrays.items() if not k.startswith(('block', 'conv_root', 'gn_root'))}
    arrays['embedding/kernel'] = torch.randn(16, 16, 3, 32)
    encoder = HybridViT(img_size=48, **dict(PUBLISHED, resnet_depths=None))
    encoder.load_state_dict(convert_state_dict({k: v.numpy() for k, v in arrays.items()}, 'vit-imagenet21k'))
    kernel = arrays['embedding/kernel']
    assert encoder.vit.patch_embed.weight[5, 2, 3, 4] == kernel[3, 4, 2, 5]
    assert torch.equal(encoder.vit.pos_embed, arrays['Transformer/posembed_input/pos_embedding'][:, 1:])


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('gn_root/scale', r'stages\.0\.norm\.weight'),
        ('block2/unit1/conv_proj/kernel', r'stages\.2\.0\.shortcut\.weight'),
        ('Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias', r'vit\.layers\.1\.ffn\.fc2\.bias'),
        ('Transformer/encoderblock_0/LayerNorm_2/scale', r'vit\.layers\.0\.norm2\.weight'),
        ('embedding/kernel', r'vit\.patch_embed\.weight'),
    ],
)
def test_googles_weights_without_one_are_an_error(gone: str, missing: str):
    arrays, _ = google()
    del arrays[gone]
    with pytest.raises(KeyError, match=rf"source 'vit-imagenet21k', under our names: missing .*{missing}"):
        convert_state_dict(arrays, 'vit-imagenet21k')


def test_weights_of_colour_images_are_not_summed():
    for kind in ('PretrainedOneChannel', [dict(type='PretrainedOneChannel', checkpoint='x.npz')]):
        config = dict(type=kind, checkpoint='x.npz') if isinstance(kind, str) else kind
        with pytest.raises(ValueError, match=r'may not be PretrainedOneChannel.* are standardised.* is repeated'):
            HybridViT(in_channels=1, init_cfg=config)
    assert HybridViT(**dict(TINY, resnet_depths=None), in_channels=1, init_cfg=config)  # has no standardised kernels


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(img_size=8), ValueError, 'HybridViT: img_size must be at least 16, got 8'),
        (dict(img_size=(64, 64, 64)), ValueError, r'HybridViT: img_size must have 2 numbers, got \(64, 64, 64\)'),
        (dict(img_size='224'), ValueError, "HybridViT: img_size must have 2 numbers, got '224'"),
        (dict(in_channels=0), ValueError, 'HybridViT: in_channels must be at least 1, got 0'),
        (dict(embed_dims=32.5), TypeError, 'HybridViT: embed_dims must be an integer, got 32.5'),
        (dict(num_layers=0), ValueError, 'HybridViT: num_layers must be at least 1, got 0'),
        (dict(num_heads=5), ValueError, 'HybridViT: num_heads must divide embed_dims, got 5 for 32'),
        (dict(mlp_ratio=0), ValueError, 'HybridViT: mlp_ratio must be at least 1, got 0'),
        (dict(resnet_depths=(3, 4)), ValueError, r'HybridViT: resnet_depths must have 3 numbers, got \(3, 4\)'),
        (dict(resnet_depths=3), ValueError, 'HybridViT: resnet_depths must have 3 numbers, got 3'),
        (dict(resnet_channels=48), ValueError, 'HybridViT: resnet_channels must be a multiple of 32, got 48'),
        (dict(drop_rate=1.0), ValueError, 'HybridViT: drop_rate must be at least 0 and below 1, got 1.0'),
        (dict(attn_drop_rate='a'), TypeError, "HybridViT: attn_drop_rate must be a number, got 'a'"),
        (dict(out_indices=(4,)), ValueError, r'HybridViT: out_indices must be among 0 to 3, got \(4,\)'),
        (dict(frozen_stages=4), ValueError, 'HybridViT: frozen_stages must be among -1 to 3, got 4'),
        (dict(with_cp='no'), TypeError, "HybridViT: with_cp must be True or False, got 'no'"),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        HybridViT(**{**TINY, **options})
