"""EfficientNet-Lite 0 to 4 as PyTorch ports of TensorFlow's files name them, for timm's ``tf_efficientnet_lite``.

The ports (``_blocks.7._expand_conv.weight``) number their blocks through; timm numbers stages and the blocks in each.
How many blocks a stage has follows from the network's depth, so each has a source of its own. What belongs to the
classifier is dropped.
"""

from math import ceil

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

# Blocks of EfficientNet-B0's stages (table 1 of https://arxiv.org/abs/1905.11946) and the factors of Lite 0 to 4 on
# them; Lite leaves the first and the last stage at one block.
_BLOCKS = (1, 2, 2, 3, 3, 4, 1)
_DEPTHS = (1.0, 1.1, 1.2, 1.4, 1.8)
# convolution and normalisation, published and ours: those of the first stage do not widen
_PLAIN = (('depthwise_conv', 'bn1', 'conv_dw', 'bn1'), ('project_conv', 'bn2', 'conv_pw', 'bn2'))
_WIDENING = (
    ('expand_conv', 'bn0', 'conv_pw', 'bn1'),
    ('depthwise_conv', 'bn1', 'conv_dw', 'bn2'),
    ('project_conv', 'bn2', 'conv_pwl', 'bn3'),
)


def _places(depth: float) -> list[tuple[int, int]]:
    """Stage and block of each block, in order."""
    last = len(_BLOCKS) - 1
    counts = (blocks if stage in (0, last) else ceil(depth * blocks) for stage, blocks in enumerate(_BLOCKS))
    return [(stage, block) for stage, count in enumerate(counts) for block in range(count)]


def _source(depth: float) -> Source:
    rules, layers = [Rule(r'_conv_stem\.weight', 'conv_stem.weight'), Rule(rf'_bn0\.{BN}', r'bn1.\1')], ['conv_stem']
    norms = ['bn1']
    for index, (stage, block) in enumerate(_places(depth)):
        published, ours = rf'_blocks\.{index}\._', f'blocks.{stage}.{block}.'
        for convolution, norm, our_convolution, our_norm in _WIDENING if stage else _PLAIN:
            rules.append(Rule(rf'{published}{convolution}\.weight', f'{ours}{our_convolution}.weight'))
            rules.append(Rule(rf'{published}{norm}\.{BN}', rf'{ours}{our_norm}.\1'))
            layers.append(ours + our_convolution)
            norms.append(ours + our_norm)
    rules += [Rule(rf'_conv_head\.weight|_bn1\.{BN}', None), Rule(r'_fc\.(?:weight|bias)', None)]
    groups = (Group(tuple(f'{name}.weight' for name in (*layers, *norms)), prefix=''), *batch_norm(*norms, prefix=''))
    return Source(rules=tuple(rules), groups=groups)


EFFICIENTNET_LITE = {f'efficientnet-lite{number}': _source(depth) for number, depth in enumerate(_DEPTHS)}
