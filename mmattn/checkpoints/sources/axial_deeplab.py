"""csrhddlam/axial-deeplab: an attention layer, or the two of a block (height first)."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group
from mmattn.checkpoints.sources.patterns import BN

_LAYER = rf'(relative|qkv_transform\.weight|bn_(?:qkv|similarity|output)\.{BN})'
_NORMS = ('bn_qkv', 'bn_similarity', 'bn_output')
_PARAMETERS = (
    'relative',
    'qkv_transform.weight',
    *(f'{norm}.{kind}' for norm in _NORMS for kind in ('weight', 'bias')),
)
_BUFFERS = tuple(f'{norm}.{kind}' for norm in _NORMS for kind in ('running_mean', 'running_var'))
_BLOCKS = [f'layer{stage}.{block}.' for stage in range(1, 5) for block in range(36)]

AXIAL_DEEPLAB = Source(
    prefixes=(
        *(f'{block}{axis}_block.' for block in _BLOCKS for axis in ('hight', 'width')),
        *_BLOCKS,
        'hight_block.',
        'width_block.',
    ),
    rules=(
        Rule(_LAYER, r'\1'),
        Rule(rf'hight_block\.{_LAYER}', r'height.\1'),
        Rule(rf'width_block\.{_LAYER}', r'width.\1'),
        Rule(r'(?:(?:hight|width)_block\.|)flatten_index', None),
    ),
    groups=(Group(_PARAMETERS), Group(_BUFFERS, needs=_PARAMETERS)),
)
