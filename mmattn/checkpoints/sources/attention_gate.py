"""ozan-oktay/Attention-Gated-Networks: the grid attention gate, in two or three dimensions."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

ATTENTION_GATE = Source(
    rules=(
        Rule(r'(theta\.weight|(?:phi|psi)\.(?:weight|bias))', r'\1'),
        Rule(r'W\.0\.(weight|bias)', r'out.0.\1'),
        Rule(rf'W\.1\.{BN}', r'out.1.\1'),
    ),
    groups=(
        Group(
            ('theta.weight', 'phi.weight', 'phi.bias', 'psi.weight', 'psi.bias', 'out.0.weight', 'out.0.bias'),
            needs=('out.1.weight',),
        ),
        *batch_norm('out.1'),
    ),
)
