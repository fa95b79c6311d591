"""AFeng-x/SMT: its scale-aware modulation, whose linear layers on tokens are 1x1 convolutions here."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN


def _as_convolution(weight: Tensor) -> Tensor:
    return weight[:, :, None, None]


def _linear(published: str, ours: str) -> tuple[Rule, Rule]:
    """Rules of one linear layer."""
    return (
        Rule(rf'{published}\.weight', f'{ours}.weight', _as_convolution),
        Rule(rf'{published}\.bias', f'{ours}.bias'),
    )


SMT = Source(
    prefixes=(*(f'block{stage}.{block}.attn.' for stage in range(1, 5) for block in range(40)), 'attn.'),
    rules=(
        *_linear('v', 'value'),
        *_linear('s', 'context'),
        *_linear('proj', 'proj'),
        *(Rule(rf'local_conv_{i + 1}\.(weight|bias)', rf'local_convs.{i}.\1') for i in range(32)),
        Rule(r'proj0\.(weight|bias)', r'mix.\1'),
        Rule(rf'bn\.{BN}', r'norm.\1'),
        Rule(r'proj1\.(weight|bias)', r'reduce.\1'),
    ),
    groups=(
        Group(
            ('value.weight', 'context.weight', 'local_convs.0.weight', 'mix.weight', 'reduce.weight'),
            needs=('proj.weight', 'norm.weight'),
            prefix='',
        ),
        *(
            Group((f'{layer}.weight', f'{layer}.bias'), prefix='')
            for layer in ('proj', 'mix', 'reduce', *(f'local_convs.{i}' for i in range(32)))
        ),
        *batch_norm('norm', prefix=''),
    ),
)
