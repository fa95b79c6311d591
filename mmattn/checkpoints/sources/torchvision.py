"""torchvision: its ImageNet classifiers ResNet and MobileNetV2, as MMSegmentation's `ResNet` and `MobileNetV2`.

ResNet's names are the same in both; ResNeXt and wide ResNet have them too. What belongs to the classifier is dropped:
of MobileNetV2 also the last convolution, which MMSegmentation's backbone has not.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN
from mmattn.checkpoints.sources.stages import no_gaps, whole_network

_BLOCK = r'layer[1-4]\.\d+\.'
_BASIC = ('conv1.weight', 'conv2.weight', 'bn1.weight', 'bn2.weight')
_BOTTLENECK = ('conv3.weight', 'bn3.weight')
_DOWNSAMPLE = ('downsample.0.weight', 'downsample.1.weight')

_RESNET_RULES = (
    Rule(rf'((?:{_BLOCK})?(?:conv[1-3]\.weight|bn[1-3]\.{BN}))', r'\1'),
    Rule(rf'({_BLOCK}downsample\.(?:0\.weight|1\.{BN}))', r'\1'),
    Rule(r'fc\.(?:weight|bias)', None),
)
_RESNET_GROUPS = (
    whole_network(('conv1.weight', 'bn1.weight'), 'conv2.weight'),
    *no_gaps('conv2.weight'),
    Group(_BASIC, prefix=_BLOCK),
    Group(_BOTTLENECK, needs=_BASIC[:1], prefix=_BLOCK),
    Group(tuple(f'layer{stage}.0.conv3.weight' for stage in range(1, 5)), prefix=''),
    Group(_DOWNSAMPLE, prefix=_BLOCK),
    Group(('conv2.weight',), needs=_DOWNSAMPLE[:1], prefix=r'layer[2-4]\.0\.'),
    Group(('conv3.weight',), needs=_DOWNSAMPLE[:1], prefix=r'layer1\.0\.'),
    *batch_norm('bn1', 'bn2', 'bn3', 'downsample.1', prefix=rf'(?:{_BLOCK})?'),
)

_MOBILE_BLOCKS = (1, 2, 3, 4, 3, 3, 1)  # of the stages; torchvision numbers the blocks through, from 1
_PLACES = [(stage, block) for stage, blocks in enumerate(_MOBILE_BLOCKS, 1) for block in range(blocks)]


def _layer(published: str, convolution: str, norm: str, ours: str) -> tuple[Rule, Rule]:
    """Rules of one convolution, without bias, and its normalisation."""
    return (
        Rule(rf'{published}{convolution}\.weight', f'{ours}.conv.weight'),
        Rule(rf'{published}{norm}\.{BN}', rf'{ours}.bn.\1'),
    )


def _mobile_block(index: int, stage: int, block: int) -> tuple[Rule, ...]:
    """Rules of one block: all but its last layer are in sequences of their own."""
    layers = _layers(stage)
    published, ours = rf'features\.{index}\.conv\.', f'layer{stage}.{block}.conv.'
    rules = [rule for i in range(layers - 1) for rule in _layer(published, rf'{i}\.0', rf'{i}\.1', f'{ours}{i}')]
    return (*rules, *_layer(published, f'{layers - 1}', f'{layers}', f'{ours}{layers - 1}'))


def _layers(stage: int) -> int:
    """Returns how many layers a block has: those of the first stage do not widen."""
    return 2 if stage == 1 else 3


_MOBILE_RULES = (
    *_layer(r'features\.0\.', '0', '1', 'conv1'),
    *(rule for index, place in enumerate(_PLACES, 1) for rule in _mobile_block(index, *place)),
    Rule(rf'features\.18\.(?:0\.weight|1\.{BN})', None),
    Rule(r'classifier\.1\.(?:weight|bias)', None),
)
_MOBILE_LAYERS = (
    'conv1',
    *(f'layer{stage}.{block}.conv.{i}' for stage, block in _PLACES for i in range(_layers(stage))),
)
_MOBILE_GROUPS = (
    Group(tuple(f'{layer}.{kind}.weight' for layer in _MOBILE_LAYERS for kind in ('conv', 'bn')), prefix=''),
    *batch_norm(*(f'{layer}.bn' for layer in _MOBILE_LAYERS), prefix=''),
)

TORCHVISION = Source(
    rules=(*_RESNET_RULES, *_MOBILE_RULES),
    groups=(*_RESNET_GROUPS, *_MOBILE_GROUPS),
)
