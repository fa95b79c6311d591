"""Chenglin-Yang/LVT: the encoder. Where a segmentor holds it, its names begin with ``backbone.backbone.``."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group

_PAIR = ('weight', 'bias')
_PLACES = 9  # in the 3x3 windows of the first stage


def _pairs(*layers: str) -> tuple[str, ...]:
    return tuple(f'{layer}.{kind}' for layer in layers for kind in _PAIR)


def _as_matrices(weight: Tensor) -> Tensor:
    """The kernel of a grouped 1x1 convolution as one matrix for each group."""
    return weight.reshape(_PLACES, -1, weight.shape[1])


def _as_matrix(weight: Tensor) -> Tensor:
    """The kernel of a 1x1 convolution as a linear layer's matrix; a matrix stays as it is."""
    return weight.flatten(1)


def lvt_rules(published: str, ours: str) -> tuple[Rule, ...]:
    """Rules of the encoder under a prefix: a pattern without groups, and our name for it."""
    block, target = rf'{published}([0-3])\.1\.(\d+)\.', rf'{ours}stages.\1.blocks.\2.'
    attention, our_attention = rf'{block}attn\.', f'{target}attention.'
    return (
        Rule(rf'{published}([0-3])\.0\.proj\.(weight|bias)', rf'{ours}stages.\1.embed.\2'),
        Rule(rf'{published}([0-3])\.0\.norm\.(weight|bias)', rf'{ours}stages.\1.embed_norm.\2'),
        Rule(rf'{block}(norm[12]\.(?:weight|bias))', rf'{target}\3'),
        Rule(rf'{attention}attn\.(weight|bias)', rf'{our_attention}logits.\3'),
        Rule(rf'{attention}weight\.weight', f'{our_attention}value', _as_matrices),
        Rule(rf'{attention}(proj\.(?:weight|bias))', rf'{our_attention}\3'),
        Rule(rf'{attention}q\.weight', f'{our_attention}query.weight'),
        Rule(rf'{attention}kv\.weight', f'{our_attention}key_value.weight'),
        Rule(rf'{attention}sr\.(weight|bias)', rf'{our_attention}reduce.\3'),
        Rule(rf'{attention}norm\.(weight|bias)', rf'{our_attention}reduce_norm.\3'),
        Rule(rf'{attention}ds\.weight', f'{our_attention}atrous.weight'),
        Rule(rf'{block}mlp\.(fc[12])\.weight', rf'{target}ffn.\3.weight', _as_matrix),
        Rule(rf'{block}mlp\.(fc[12])\.bias', rf'{target}ffn.\3.bias'),
        Rule(rf'{block}mlp\.depconv\.(weight|bias)', rf'{target}ffn.dwconv.\3'),
    )


def lvt_groups(prefix: str) -> tuple[Group, ...]:
    """Groups of the encoder under a prefix of ours, a regular expression."""
    stage = rf'{prefix}stages\.\d\.'
    block = rf'{stage}blocks\.\d+\.'
    every_block = _pairs('norm1', 'norm2', 'attention.proj', 'ffn.fc1', 'ffn.fc2')
    recursive = tuple(f'attention.{layer}.weight' for layer in ('query', 'key_value', 'atrous'))
    return (
        Group(_pairs('embed', 'embed_norm'), prefix=stage),
        Group(every_block, prefix=block),
        Group((*_pairs('attention.logits'), 'attention.value'), prefix=block),
        Group((*recursive, *_pairs('ffn.dwconv')), prefix=block),
        Group(_pairs('attention.reduce', 'attention.reduce_norm'), needs=recursive, prefix=block),
    )


LVT = Source(rules=lvt_rules(r'', ''), groups=lvt_groups(r''))
