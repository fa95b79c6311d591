"""Beckschen/TransUNet: the network of ``HybridViT`` and ``CascadedUpsamplerHead``, or one of both alone.

Where both are there, their names begin with ``backbone.`` and ``decode_head.``.
"""

import re
from collections.abc import Callable

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

_PAIR = ('weight', 'bias')
_BACKBONE, _HEAD = 'backbone.', 'decode_head.'
_OUR_BACKBONE, _OUR_HEAD = rf'(?:{re.escape(_BACKBONE)})?', rf'(?:{re.escape(_HEAD)})?'
_BLOCKS = 4  # of the published decoder
MOST_LAYERS = 40  # of a transformer or of a stage; the largest published one has 24
_ATTENTION = dict(query='query', key='key', value='value', out='proj')
_NORMS = dict(attention_norm='norm1', ffn_norm='norm2')


def in_unit(name: str) -> Callable[[re.Match], str]:
    r"""Returns what makes our name of a tensor in a unit, of a match whose first groups are stage and unit, from 1.

    Args:
        name: in the unit, with ``\3`` and so on for further groups.
    """
    return lambda match: f'stages.{match[1]}.{int(match[2]) - 1}.{match.expand(name)}'


def _in_backbone_unit(name: str) -> Callable[[re.Match], str]:
    inner = in_unit(name)
    return lambda match: _BACKBONE + inner(match)


def _encoder_rules() -> tuple[Rule, ...]:
    embeddings, unit = r'(?:transformer\.)?embeddings\.', r'body\.block(\d)\.unit(\d+)\.'
    resnet, layer = rf'{embeddings}hybrid_model\.', r'(?:transformer\.)?encoder\.layer\.(\d+)\.'
    vit = f'{_BACKBONE}vit.'
    return (
        Rule(rf'{embeddings}position_embeddings', f'{vit}pos_embed'),
        Rule(rf'{embeddings}patch_embeddings\.(weight|bias)', rf'{vit}patch_embed.\1'),
        Rule(rf'{resnet}root\.conv\.weight', f'{_BACKBONE}stages.0.conv.weight'),
        Rule(rf'{resnet}root\.gn\.(weight|bias)', rf'{_BACKBONE}stages.0.norm.\1'),
        Rule(rf'{resnet}{unit}conv([123])\.weight', _in_backbone_unit(r'conv\3.weight')),
        Rule(rf'{resnet}{unit}gn([123])\.(weight|bias)', _in_backbone_unit(r'norm\3.\4')),
        Rule(rf'{resnet}{unit}downsample\.weight', _in_backbone_unit('shortcut.weight')),
        Rule(rf'{resnet}{unit}gn_proj\.(weight|bias)', _in_backbone_unit(r'shortcut_norm.\3')),
        *(Rule(rf'{layer}{old}\.(weight|bias)', rf'{vit}layers.\1.{new}.\2') for old, new in _NORMS.items()),
        Rule(rf'{layer}(ffn\.fc[12]\.(?:weight|bias))', rf'{vit}layers.\1.\2'),
        *(
            Rule(rf'{layer}attn\.{old}\.(weight|bias)', rf'{vit}layers.\1.attention.{new}.\2')
            for old, new in _ATTENTION.items()
        ),
        Rule(r'(?:transformer\.)?encoder\.encoder_norm\.(weight|bias)', rf'{vit}norm.\1'),
    )


def _decoder_rules() -> tuple[Rule, ...]:
    rules = [
        Rule(r'(?:decoder\.)?conv_more\.0\.weight', f'{_HEAD}bridge.conv.weight'),
        Rule(rf'(?:decoder\.)?conv_more\.1\.{BN}', rf'{_HEAD}bridge.bn.\1'),
        Rule(r'segmentation_head\.0\.(weight|bias)', rf'{_HEAD}conv_seg.\1'),
    ]
    for conv in (1, 2):
        published, ours = rf'(?:decoder\.)?blocks\.(\d)\.conv{conv}\.', rf'{_HEAD}blocks.\1.convs.{conv - 1}.'
        rules += [Rule(rf'{published}0\.weight', f'{ours}conv.weight'), Rule(rf'{published}1\.{BN}', rf'{ours}bn.\2')]
    return tuple(rules)


def _pairs(*layers: str) -> tuple[str, ...]:
    return tuple(f'{layer}.{kind}' for layer in layers for kind in _PAIR)


def _no_gaps(place: str, member: str) -> tuple[Group, ...]:
    """Groups in which what has a number calls for what has the one before it, under our backbone's prefix."""
    return tuple(
        Group((f'{place}.{i}.{member}',), needs=(f'{place}.{i - 1}.{member}',), prefix=_OUR_BACKBONE)
        for i in range(1, MOST_LAYERS)
    )


def encoder_groups() -> tuple[Group, ...]:
    """Groups of ``HybridViT``, with or without ``backbone.`` in front."""
    layer = _pairs('norm1', 'norm2', 'ffn.fc1', 'ffn.fc2', *(f'attention.{name}' for name in _ATTENTION.values()))
    unit = (*(f'conv{i}.weight' for i in (1, 2, 3)), *_pairs('norm1', 'norm2', 'norm3'))
    first = 'conv1.weight'
    resnet = ('stages.0.conv.weight', *_pairs('stages.0.norm'), *(f'stages.{i}.0.{first}' for i in (1, 2, 3)))
    return (
        Group(('vit.pos_embed', *_pairs('vit.patch_embed', 'vit.norm')), prefix=_OUR_BACKBONE),
        Group(layer, prefix=rf'{_OUR_BACKBONE}vit\.layers\.\d+\.'),
        *_no_gaps('vit.layers', 'norm1.weight'),
        Group(('vit.layers.0.norm1.weight',), needs=('vit.pos_embed',), prefix=_OUR_BACKBONE),
        Group(('vit.pos_embed',), needs=('vit.layers.0.norm1.weight',), prefix=_OUR_BACKBONE),
        Group(resnet, needs=('vit.pos_embed',), prefix=_OUR_BACKBONE),
        Group(unit, prefix=rf'{_OUR_BACKBONE}stages\.[123]\.\d+\.'),
        Group(('shortcut.weight', *_pairs('shortcut_norm')), prefix=rf'{_OUR_BACKBONE}stages\.[123]\.0\.'),
        *(
            Group((f'stages.{i}.0.{first}',), needs=(f'stages.{i}.0.shortcut.weight',), prefix=_OUR_BACKBONE)
            for i in (1, 2, 3)
        ),
        *(group for i in (1, 2, 3) for group in _no_gaps(f'stages.{i}', first)),
    )


def _decoder_groups() -> tuple[Group, ...]:
    units = ('bridge', *(f'blocks.{i}.convs.{conv}' for i in range(_BLOCKS) for conv in (0, 1)))
    convolutions = tuple(f'{unit}.conv.weight' for unit in units)
    norms = tuple(f'{unit}.bn.weight' for unit in units)
    return (
        Group(convolutions, needs=norms, prefix=_OUR_HEAD),
        *batch_norm(*(f'{unit}.bn' for unit in units), prefix=_OUR_HEAD),
        Group(_pairs('conv_seg'), needs=convolutions, prefix=_OUR_HEAD),
    )


TRANSUNET = Source(
    rules=(*_encoder_rules(), *_decoder_rules()),
    groups=(*encoder_groups(), *_decoder_groups()),
    parts=(_BACKBONE.removesuffix('.'), _HEAD.removesuffix('.')),
)
