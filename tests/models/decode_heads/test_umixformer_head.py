"""The heads of U-MixFormer and FeedFormer against the published ones: numbers, names and parameters."""

import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS, TASK_UTILS
from torch import nn

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.engine.processes import leave_processes
from mmattn.models.decode_heads import FeedFormerHead, UMixFormerHead
from tests.golden_vectors import load_golden
from tests.models.decode_heads.pyramids import build, pyramid, samples

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


SMALL = (32, 64, 160, 256)


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


DROPS = dict(drop_path_rate=0.5, dropout_ratio=0.1)


def unchanged_after_three_steps(module: nn.Module) -> list[str]:
    """Names of the parameters that DDP leaves as they were; the wrapped model is gone before its group is."""
    parallel = nn.parallel.DistributedDataParallel(module)
    optimizer = torch.optim.AdamW(parallel.parameters())
    before = [parameter.detach().clone() for parameter in module.parameters()]
    for _ in range(3):
        optimizer.zero_grad()
        parallel(pyramid(128, 128, batch=4)).square().sum().backward()  # so that softmax has several keys
        optimizer.step()
    return [name for (name, new), old in zip(module.named_parameters(), before) if torch.equal(old, new)]


@pytest.mark.parametrize('query_reduction', [1, 2])
@pytest.mark.parametrize('head', [UMixFormerHead, FeedFormerHead])
def test_trains_under_ddp_without_a_search_for_unused_parameters(head: type, query_reduction: int, tmp_path: Path):
    """DDP says in the second step if a parameter had no part in the first."""
    torch.distributed.init_process_group('gloo', f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        assert unchanged_after_three_steps(build(head, query_reduction=query_reduction, **DROPS).train()) == []
    finally:
        leave_processes()


@pytest.mark.parametrize('head', [UMixFormerHead, FeedFormerHead])
def test_no_normalisation_across_devices_unless_asked_for(head: type):
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in build(head).modules())
    asked = build(head, norm_cfg=dict(type='SyncBN'))
    assert [name for name, module in asked.named_modules() if isinstance(module, nn.SyncBatchNorm)] == ['fuse.bn']


@pytest.mark.parametrize('head', [UMixFormerHead, FeedFormerHead])
def test_every_loss_is_computed_with_its_weight(head: type):
    losses = [
        dict(type='CrossEntropyLoss', loss_name='loss_once', loss_weight=1.0, avg_non_ignore=True),
        dict(type='CrossEntropyLoss', loss_name='loss_thrice', loss_weight=3.0, avg_non_ignore=True),
        dict(type='DiceLoss', loss_name='loss_dice'),
    ]
    module = build(head, loss_decode=losses, dropout_ratio=0, drop_path_rate=0.0)
    found = module.loss(pyramid(64, 96, batch=2), samples(5), {})
    torch.testing.assert_close(found['loss_thrice'], 3 * found['loss_once'])
    assert set(found) == {'loss_once', 'loss_thrice', 'loss_dice', 'acc_seg'}


@pytest.mark.parametrize('head', [UMixFormerHead, FeedFormerHead])
def test_ignored_pixels_and_the_samplers_choice_count(head: type):
    cross_entropy = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    module = build(head, ignore_index=7, loss_decode=cross_entropy, dropout_ratio=0, drop_path_rate=0.0).eval()
    inputs, labels = pyramid(64, 96, batch=2), samples(5)
    for sample in labels:
        sample.gt_sem_seg.data[..., 48:] = 7
    loss = module.loss(inputs, labels, {})['loss_ce']
    with torch.no_grad():
        logits = nn.functional.interpolate(module(inputs), (64, 96), mode='bilinear')[..., :48]
    target = torch.cat([sample.gt_sem_seg.data for sample in labels])[..., :48]
    torch.testing.assert_close(loss, nn.functional.cross_entropy(logits, target))
    kept = 1000  # hardest pixels an image
    module.sampler = TASK_UTILS.build(dict(type='OHEMPixelSampler', min_kept=kept, context=module))
    every = nn.functional.cross_entropy(logits, target, reduction='none').flatten()
    hard = module.loss(inputs, labels, {})['loss_ce']
    torch.testing.assert_close(hard, every.topk(2 * kept).values.sum() / every.numel())


@pytest.mark.parametrize('query_reduction', [1, 2])
@pytest.mark.parametrize('head', [UMixFormerHead, FeedFormerHead])
def test_memory_layout_of_the_levels_changes_nothing(head: type, query_reduction: int):
    module, levels = build(head, query_reduction=query_reduction).eval(), pyramid(101, 77, batch=2)
    expected = module(levels)
    last = module([level.contiguous(memory_format=torch.channels_last) for level in levels])
    torch.testing.assert_close(last, expected, rtol=1e-5, atol=1e-5)
    given = [level.clone() for level in levels]
    module(given)
    assert all(torch.equal(a, b) for a, b in zip(given, levels))


def test_images_of_a_batch_do_not_see_each_other():
    for query_reduction in (1, 2):
        module, levels = build(UMixFormerHead, query_reduction=query_reduction).eval(), pyramid(96, 101, batch=3)
        alone = torch.cat([module([level[i : i + 1] for level in levels]) for i in range(3)])
        torch.testing.assert_close(module(levels), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(('layers', 'size', 'published'), [((3, 8, 27, 3), 4, 93.82), ((3, 6, 40, 3), 6, 130.00)])
def test_parameters_of_the_networks_with_further_maps(layers: tuple[int, ...], size: int, published: float):
    """The published extension of MiT-B4 and B5, whose unused layers are as wide as its keys."""
    channels = (64, 128, 320, 512)
    encoder = dict(type='MixVisionTransformer', embed_dims=64, num_layers=list(layers), num_heads=[1, 2, 5, 8])
    head = dict(type='UMixFormerHead', in_channels=channels, embed_dims=768, num_classes=150, norm_cfg=dict(type='BN'))
    ours = parameters(encoder) + parameters({**head, 'mid_index': list(range(4, 4 + size))})
    total = sum(channels) + size * channels[2]
    unused = (256 + 1) * 150 + 4 * (total * total + 3 * total)
    assert (ours + unused) / 1e6 == pytest.approx(published, abs=0.006)


def test_further_maps_join_every_mixture_and_nothing_else():
    head = build(UMixFormerHead, mid_index=(4, 5), dropout_ratio=0, drop_path_rate=0.0)
    assert [conv.in_channels for conv in head.mixers[0].convs] == [20, 16, 8, 20, 20]
    assert head.fuse.conv.in_channels == sum((8, 16, 20, 32))
    mids = [torch.randn(2, 20, 6, 9, requires_grad=True) for _ in range(2)]
    levels = pyramid(96, 140, batch=2)
    first = head.mixers[0].mix(
        [levels[3], *(torch.zeros(2, c, 3, 5) for c in (20, 16, 8)), *(mids[0][..., :3, :5],) * 2]
    )
    assert first.shape == (2, 32 + 20 + 16 + 8 + 40, 3, 5)
    head([*levels, *mids]).square().sum().backward()
    assert all(mid.grad.abs().sum((0, 2, 3)).all() for mid in mids)


def published_mixture(weights: dict[str, torch.Tensor], index: int, maps: list[torch.Tensor]) -> torch.Tensor:
    """The keys of the published head from its equations: maps deepest first, then the further ones."""
    parts = [maps[0]]
    for conv, (x, ratio) in enumerate(zip(maps[1:], (2, 4, 8, *[2] * (len(maps) - 4)))):
        name = f'cat_key{index + 1}.sr_list.{conv}'
        pooled = F.avg_pool2d(x, ratio, ratio, ceil_mode=True)
        parts.append(F.conv2d(pooled, weights[f'{name}.weight'], weights[f'{name}.bias']))
    return torch.cat(parts, 1).flatten(2).mT


def published_stage(weights: dict[str, torch.Tensor], stage: str, x: torch.Tensor, mixture: torch.Tensor, heads: int):
    """A stage of the published head from its equations."""
    w = {key.removeprefix(f'attn_{stage}.'): value for key, value in weights.items() if f'attn_{stage}.' in key}

    def norm(name: str, tokens: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(tokens, tokens.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'])

    a, keys = norm('norm1', x.flatten(2).mT), F.gelu(norm('norm2', mixture))
    query, key, value = a @ w['attn.q.weight'].T, *(keys @ w['attn.kv.weight'].T).chunk(2, -1)
    split = [t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (query, key, value)]
    weights_ = (split[0] @ split[1].mT / split[0].shape[-1] ** 0.5).softmax(-1)
    found = (weights_ @ split[2]).transpose(1, 2).flatten(2) @ w['attn.proj.weight'].T + w['attn.proj.bias']
    z = norm('norm3', a + found)
    hidden = (z @ w['mlp.fc1.weight'].T + w['mlp.fc1.bias']).mT.unflatten(2, x.shape[2:])
    depthwise = w['mlp.dwconv.dwconv.weight'], w['mlp.dwconv.dwconv.bias']
    hidden = F.gelu(F.conv2d(hidden, *depthwise, padding=1, groups=hidden.shape[1])).flatten(2).mT
    return (z + hidden @ w['mlp.fc2.weight'].T + w['mlp.fc2.bias']).mT.unflatten(2, x.shape[2:])


def published_logits(weights: dict[str, torch.Tensor], levels: list[torch.Tensor], mids: list[torch.Tensor]):
    """The published head, with or without further maps, from its equations and names; no outside weights are read."""
    encoder, decoded = levels[::-1], []
    for index, (stage, heads) in enumerate(zip(('c4', 'c3', 'c2', 'c1'), (8, 5, 2, 1))):
        mixture = published_mixture(weights, index, [*decoded, *encoder[index:], *mids])
        decoded.append(published_stage(weights, stage, encoder[index], mixture, heads))
    large = [F.interpolate(x, levels[0].shape[2:], mode='bilinear', align_corners=False) for x in decoded]
    bn = [weights[f'linear_fuse.bn.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')]
    fused = F.batch_norm(F.conv2d(torch.cat(large, 1), weights['linear_fuse.conv.weight']), *bn).relu()
    return F.conv2d(fused, weights['linear_pred.weight'], weights['linear_pred.bias'])


def with_further_maps(weights: dict[str, torch.Tensor], mids: int) -> dict[str, torch.Tensor]:
    """Widens the published head's weights for further maps of 20 channels, at random."""
    weights, total = dict(weights), 76 + 20 * mids
    for stage in ('c1', 'c2', 'c3', 'c4'):
        for name in ('norm2.weight', 'norm2.bias', 'attn.norm.weight', 'attn.norm.bias', 'attn.sr.bias'):
            weights[f'attn_{stage}.{name}'] = torch.randn(total)
        weights[f'attn_{stage}.attn.kv.weight'] = torch.randn(len(weights[f'attn_{stage}.attn.kv.weight']), total) / 4
        weights[f'attn_{stage}.attn.sr.weight'] = torch.randn(total, total, 1, 1)
    for index in range(1, 5):
        for conv in range(3, 3 + mids):
            weights[f'cat_key{index}.sr_list.{conv}.weight'] = torch.randn(20, 20, 1, 1)
            weights[f'cat_key{index}.sr_list.{conv}.bias'] = torch.randn(20)
    return weights


@pytest.mark.parametrize('mids', [0, 2])
@pytest.mark.parametrize('prefix', ['', 'decode_head.'])
def test_equals_the_published_equations_with_further_maps(mids: int, prefix: str):
    weights, vectors = load_golden('umixformer_ade_tiny')
    levels = [vectors[f'x/{i}'] for i in range(4)]
    torch.testing.assert_close(published_logits(weights, levels, []), vectors['y'], rtol=1e-5, atol=1e-5)
    weights = with_further_maps(weights, mids)
    further = [torch.randn_like(levels[2]) for _ in range(mids)]
    head = build(UMixFormerHead, mid_index=tuple(range(4, 4 + mids))).eval()
    head.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'u-mixformer'))
    expected = published_logits(weights, levels, further)
    torch.testing.assert_close(head([*levels, *further]), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('cat_key2.sr_list.4.bias', r'mixers\.1\.convs\.4\.bias'),
        ('cat_key3.sr_list.3.weight', r'mixers\.2\.convs\.3\.weight'),
    ],
)
def test_a_checkpoint_without_a_convolution_of_a_further_map_is_an_error(gone: str, missing: str):
    weights = with_further_maps(load_golden('umixformer_ade_tiny')[0], 2)
    del weights[gone]
    with pytest.raises(KeyError, match=f'missing {missing}'):
        convert_state_dict(weights, 'u-mixformer')


@pytest.mark.parametrize('value', [4, (4, -1), ('a',), (True,)])
def test_wrong_positions_of_further_maps_are_named(value):
    with pytest.raises(ValueError, match='UMixFormerHead: mid_index must be a list of positions among the encoder'):
        build(UMixFormerHead, mid_index=value)


def test_wrong_further_maps_are_named():
    head, levels = build(UMixFormerHead, mid_index=(4,)), pyramid(64, 64)
    with pytest.raises(ValueError, match=r'UMixFormerHead: mid_index \(4,\) is beyond the 4 outputs of the encoder'):
        head(levels)
    with pytest.raises(ValueError, match=r'UMixFormerHead mid_index: expected a \(B, 20, H, W\) input, got shape'):
        head([*levels, levels[3]])
