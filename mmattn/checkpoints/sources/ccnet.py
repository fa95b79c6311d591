"""speedinghzl/CCNet: the attention layer (CrissCrossAttention) and the head (RCCAModule)."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import QUERY_KEY_VALUE, Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN, QKV


def _in_place_abn_scale(weight: Tensor) -> Tensor:
    """InPlaceABN scales by |weight| + eps where batch normalisation scales by weight."""
    return weight.abs() + 1e-5


def _abn(published: str, ours: str) -> tuple[Rule, Rule]:
    """Rules of one InPlaceABN layer."""
    return (
        Rule(rf'{published}\.weight', f'{ours}.weight', _in_place_abn_scale),
        Rule(rf'{published}\.{BN}', rf'{ours}.\1'),
    )


CCNET = Source(
    prefixes=('head.cca.', 'head.', 'cca.'),
    rules=(
        Rule(QKV, r'\1_conv.\2'),
        Rule('gamma', 'gamma'),
        Rule(rf'cca\.{QKV}', r'attention.\1_conv.\2'),
        Rule(r'cca\.gamma', 'attention.gamma'),
        Rule(r'conva\.0\.weight', 'convs.0.conv.weight'),
        *_abn(r'conva\.1', 'convs.0.bn'),
        Rule(r'convb\.0\.weight', 'convs.1.conv.weight'),
        *_abn(r'convb\.1', 'convs.1.bn'),
        Rule(r'bottleneck\.0\.weight', 'conv_cat.conv.weight'),
        *_abn(r'bottleneck\.1', 'conv_cat.bn'),
        Rule(r'bottleneck\.3\.(weight|bias)', r'conv_seg.\1'),
    ),
    groups=(
        Group((*QUERY_KEY_VALUE, 'gamma')),
        Group(
            ('convs.0.conv.weight', 'convs.1.conv.weight', 'conv_cat.conv.weight', 'conv_seg.weight', 'conv_seg.bias'),
            needs=('attention.gamma',),
        ),
        *batch_norm('convs.0.bn', 'convs.1.bn', 'conv_cat.bn'),
    ),
)
