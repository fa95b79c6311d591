"""houqb/CoordAttention: the layer of ``coordatt.py``, and that of ``mbv2_ca.py``, whose branches are conv2, conv3."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

COORDATTENTION = Source(
    rules=(
        Rule(r'((?:conv1|conv_h|conv_w)\.(?:weight|bias))', r'\1'),
        Rule(r'conv2\.(weight|bias)', r'conv_h.\1'),
        Rule(r'conv3\.(weight|bias)', r'conv_w.\1'),
        Rule(rf'bn1\.{BN}', r'bn1.\1'),
    ),
    groups=(
        Group(
            tuple(f'{conv}.{kind}' for conv in ('conv1', 'conv_h', 'conv_w') for kind in ('weight', 'bias')),
            needs=('bn1.weight',),
        ),
        *batch_norm('bn1'),
    ),
)
