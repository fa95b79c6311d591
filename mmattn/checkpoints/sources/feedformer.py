"""jhshim1995/FeedFormer: the heads for ADE20K and for Cityscapes, alone or in a segmentor on LVT.

Segmentors on MiT have an encoder of the authors' names, which no module of ours has: convert the head alone.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.lvt import lvt_groups, lvt_rules
from mmattn.checkpoints.sources.u_mixformer import HEAD, block_names, block_rules, fusion_rules

_PAIR = ('weight', 'bias')
_STAGES = ('c4_c1', 'c3_c1', 'c2_c1')


def _stage(index: int, name: str) -> tuple[Rule, ...]:
    published, ours = rf'(decode_head\.|)attn_{name}\.', rf'\1blocks.{index}.'
    return (
        *block_rules(published, ours),
        Rule(rf'{published}attn\.sr2?\.(weight|bias)', rf'{ours}key_conv.\2'),
        Rule(rf'{published}attn\.norm\.(weight|bias)', rf'{ours}attention.key_norm.\2'),
    )


def _names(*layers: str) -> tuple[str, ...]:
    return tuple(f'blocks.{i}.{layer}.{kind}' for i in range(len(_STAGES)) for layer in layers for kind in _PAIR)


FEEDFORMER = Source(
    prefixes=('decode_head.',),
    rules=(
        *(rule for i, name in enumerate(_STAGES) for rule in _stage(i, name)),
        *fusion_rules(),
        *lvt_rules(r'backbone\.backbone\.', 'backbone.'),
    ),
    groups=(
        Group((*block_names(len(_STAGES)), *_names('key_conv', 'attention.key_norm')), prefix=HEAD),
        Group(_names('attention.query_conv', 'attention.query_norm'), prefix=HEAD),
        *batch_norm('fuse.bn', prefix=HEAD),
        *lvt_groups(r'backbone\.'),
    ),
)
