"""LeeJunHyun/Image_Segmentation: ``AttU_Net``, whole or its additive gate alone.

The network's tensors get the names of our ``AttentionUNet``; those of its last layer are ``conv_seg``, the classifier
of any head of MMSegmentation's. So one converted file serves backbone and head.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

_PAIR = ('weight', 'bias')
_STAGES = 5
_LEVELS = tuple(range(_STAGES, 1, -1))  # of the decoder, deepest first


def _conv_norm(published: str, conv: int, ours: str) -> tuple[Rule, Rule]:
    """Rules of a convolution at place ``conv`` of a sequence and of the normalisation after it."""
    return (
        Rule(rf'{published}\.{conv}\.(weight|bias)', rf'{ours}.conv.\1'),
        Rule(rf'{published}\.{conv + 1}\.{BN}', rf'{ours}.norm.\1'),
    )


def _double_conv(published: str, ours: str) -> tuple[Rule, ...]:
    return (*_conv_norm(published, 0, f'{ours}.0'), *_conv_norm(published, 3, f'{ours}.1'))


def _gate(published: str, ours: str) -> tuple[Rule, ...]:
    layers = {'W_x': 'theta', 'W_g': 'phi', 'psi': 'psi'}
    rules: list[Rule] = []
    for theirs, name in layers.items():
        rules += [
            Rule(rf'{published}{theirs}\.0\.(weight|bias)', rf'{ours}{name}.\1'),
            Rule(rf'{published}{theirs}\.1\.{BN}', rf'{ours}{name}_norm.\1'),
        ]
    return tuple(rules)


def _network() -> tuple[Rule, ...]:
    rules = [rule for i in range(_STAGES) for rule in _double_conv(rf'Conv{i + 1}\.conv', f'encoder.{i}')]
    for i, level in enumerate(_LEVELS):
        rules += _conv_norm(rf'Up{level}\.up', 1, f'decoder.{i}.up')
        rules += _gate(rf'Att{level}\.', f'decoder.{i}.gate.')
        rules += _double_conv(rf'Up_conv{level}\.conv', f'decoder.{i}.convs')
    return (*rules, Rule(r'Conv_1x1\.(weight|bias)', r'conv_seg.\1'))


def _units() -> tuple[str, ...]:
    """Our names of all convolutions of the network but the gates' and the classifier."""
    encoder = [f'encoder.{i}.{conv}' for i in range(_STAGES) for conv in range(2)]
    decoder = [f'decoder.{i}.{unit}' for i in range(len(_LEVELS)) for unit in ('up', 'convs.0', 'convs.1')]
    return (*encoder, *decoder)


_GATE_NORMS = ('theta_norm', 'phi_norm', 'psi_norm')
_CONVOLUTIONS = tuple(f'{unit}.conv.{kind}' for unit in _units() for kind in _PAIR)

ATTENTION_UNET = Source(
    prefixes=tuple(f'Att{level}.' for level in _LEVELS),
    rules=(*_network(), *_gate('', '')),
    groups=(
        Group(
            _CONVOLUTIONS,
            needs=(
                *(f'{unit}.norm.weight' for unit in _units()),
                *(f'decoder.{i}.gate.theta.weight' for i in range(len(_LEVELS))),
            ),
            prefix='',
        ),
        *batch_norm(*(f'{unit}.norm' for unit in _units()), prefix=''),
        Group(('conv_seg.weight', 'conv_seg.bias'), prefix=''),
        Group(
            tuple(f'{layer}.{kind}' for layer in ('theta', 'phi', 'psi') for kind in _PAIR),
            needs=tuple(f'{norm}.weight' for norm in _GATE_NORMS),
        ),
        *batch_norm(*_GATE_NORMS),
    ),
)
