"""csrhddlam/axial-deeplab: a network, one of its blocks, the two attention layers of a block (height first), or one."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN
from mmattn.checkpoints.sources.stages import MOST_BLOCKS, STAGES, no_gaps, whole_network

_LAYER = rf'(relative|qkv_transform\.weight|bn_(?:qkv|similarity|output)\.{BN})'
_NORMS = ('bn_qkv', 'bn_similarity', 'bn_output')
_PARAMETERS = (
    'relative',
    'qkv_transform.weight',
    *(f'{norm}.{kind}' for norm in _NORMS for kind in ('weight', 'bias')),
)
_BUFFERS = tuple(f'{norm}.{kind}' for norm in _NORMS for kind in ('running_mean', 'running_var'))

_IN_BLOCK = r'((?:layer[1-4]\.\d+\.)?)'
_BLOCKS = [f'layer{stage}.{block}.' for stage in STAGES for block in range(MOST_BLOCKS)]
_BLOCK_ONLY = ('conv_down.weight', 'conv_up.weight', 'bn2.weight', 'bn2.bias')
_BLOCK_TOO = ('bn1.weight', 'bn1.bias', 'height.relative', 'width.relative')  # found elsewhere as well
_DOWNSAMPLE = ('downsample.0.weight', 'downsample.1.weight', 'downsample.1.bias')

AXIAL_DEEPLAB = Source(
    prefixes=(
        *(f'{block}{axis}_block.' for block in _BLOCKS for axis in ('hight', 'width')),
        *_BLOCKS,
        'hight_block.',
        'width_block.',
    ),
    rules=(
        Rule(_LAYER, r'\1'),
        Rule(rf'{_IN_BLOCK}hight_block\.{_LAYER}', r'\1height.\2'),
        Rule(rf'{_IN_BLOCK}width_block\.{_LAYER}', r'\1width.\2'),
        Rule(rf'{_IN_BLOCK}(?:(?:hight|width)_block\.|)flatten_index', None),
        Rule(rf'{_IN_BLOCK}(conv_(?:down|up)\.weight|bn[12]\.{BN})', r'\1\2'),
        Rule(rf'{_IN_BLOCK}(downsample\.(?:0\.weight|1\.{BN}))', r'\1\2'),
        Rule(r'conv1\.weight', 'conv1.weight'),
        Rule(r'fc\.(?:weight|bias)', None),
    ),
    groups=(
        Group(_PARAMETERS),
        Group(_BUFFERS, needs=_PARAMETERS),
        Group(_BLOCK_ONLY, needs=_BLOCK_TOO),
        Group(_BLOCK_TOO, needs=_BLOCK_ONLY, prefix=r'layer[1-4]\.\d+\.'),
        Group(_DOWNSAMPLE),
        Group(('conv_down.weight',), needs=_DOWNSAMPLE[:1], prefix=r'layer[1-4]\.0\.'),
        *batch_norm('bn1', 'bn2', 'downsample.1'),
        whole_network(('conv1.weight', 'bn1.weight', 'bn1.bias'), 'conv_down.weight'),
        *no_gaps('conv_down.weight'),
    ),
)
