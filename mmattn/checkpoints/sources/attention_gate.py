"""ozan-oktay/Attention-Gated-Networks: the grid attention gate, in two or three dimensions."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

ATTENTION_GATE = Source(
    prefixes=(
        *(f'attentionblock{level}.gate_block_{gate}.' for level in range(1, 5) for gate in (1, 2)),
        'gate_block_1.',
        'gate_block_2.',
    ),
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
