"""MMSegmentation's own heads, alone or inside a whole segmentor, and its ``SELayer``: only the attention is renamed."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import QUERY_KEY_VALUE, Group, batch_norm
from mmattn.checkpoints.sources.mmcv import non_local_groups, non_local_rules
from mmattn.checkpoints.sources.patterns import BN, QKV


def as_vector(scale: Tensor) -> Tensor:
    """Our gamma is a vector of one where mmcv has a ``Scale`` without dimensions."""
    return scale.reshape(1)


_HEAD = r'(?:decode_head\.)?'
_CLASSIFIER = 'conv_seg.weight', 'conv_seg.bias'
_PROJECT = r'(query|key|value)_project\.(weight|bias)'
_DUAL_CONVOLUTIONS = tuple(f'{branch}_{place}_conv' for branch in ('pam', 'cam') for place in ('in', 'out'))
_DUAL_HEAD = (
    *(f'{layer}.conv.weight' for layer in _DUAL_CONVOLUTIONS),
    *(f'{branch}_{tensor}' for branch in ('pam', 'cam') for tensor in _CLASSIFIER),
)

MMSEG = Source(
    prefixes=(
        *(f'decode_head.{layer}.' for layer in ('cca', 'pam', 'cam', 'nl_block')),
        'decode_head.',
        *(f'{layer}.' for layer in ('cca', 'pam', 'cam', 'nl_block', 'se')),
    ),
    rules=(
        Rule(QKV, r'\1_conv.\2'),
        Rule(r'gamma\.scale', 'gamma', as_vector),
        Rule(r'conv([12])\.conv\.(weight|bias)', r'fc\1.\2'),
        Rule(rf'(decode_head\.|)cca\.{QKV}', r'\1attention.\2_conv.\3'),
        Rule(r'(decode_head\.|)cca\.gamma\.scale', r'\1attention.gamma', as_vector),
        Rule(rf'((?:decode_head\.|)(?:convs\.[01]|conv_cat)\.(?:conv\.weight|conv\.bias|bn\.{BN}))', r'\1'),
        Rule(r'((?:decode_head\.|)conv_seg\.(?:weight|bias))', r'\1'),
        Rule(_PROJECT, r'\1_conv.\2'),
        Rule(rf'({_HEAD}pam)\.{_PROJECT}', r'\1.\2_conv.\3'),
        Rule(rf'({_HEAD}[pc]am\.gamma)\.scale', r'\1', as_vector),
        Rule(rf'({_HEAD}[pc]am_(?:in|out)_conv\.(?:conv\.weight|conv\.bias|bn\.{BN}))', r'\1'),
        Rule(rf'({_HEAD}[pc]am_conv_seg\.(?:weight|bias))', r'\1'),
        *non_local_rules(),
        *non_local_rules(rf'({_HEAD})nl_block\.', r'\1attention.'),
        Rule(r'((?:backbone|neck|auxiliary_head)\..+)', r'\1'),
        Rule(r'data_preprocessor\..+', None),
    ),
    groups=(
        Group(('fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'), prefix=''),
        Group(QUERY_KEY_VALUE, needs=('gamma',), prefix=r'(?!(?:backbone|neck|auxiliary_head)\.).*'),
        Group(('convs.0.conv.weight', 'convs.1.conv.weight'), needs=_CLASSIFIER, prefix=_HEAD),
        Group(_CLASSIFIER, prefix=_HEAD),
        *batch_norm('convs.0.bn', 'convs.1.bn', 'conv_cat.bn', prefix=_HEAD),
        Group(_DUAL_HEAD, needs=('pam.query_conv.weight', 'pam.gamma', 'cam.gamma', *_CLASSIFIER), prefix=_HEAD),
        *batch_norm(*(f'{layer}.bn' for layer in _DUAL_CONVOLUTIONS), prefix=_HEAD),
        *non_local_groups(rf'{_HEAD}(?:attention\.)?'),
    ),
)
