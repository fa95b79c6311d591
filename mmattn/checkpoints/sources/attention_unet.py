"""LeeJunHyun/Image_Segmentation: the additive gate of ``AttU_Net``."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

ATTENTION_UNET = Source(
    prefixes=tuple(f'Att{level}.' for level in (5, 4, 3, 2)),
    rules=(
        Rule(r'W_x\.0\.(weight|bias)', r'theta.\1'),
        Rule(rf'W_x\.1\.{BN}', r'theta_norm.\1'),
        Rule(r'W_g\.0\.(weight|bias)', r'phi.\1'),
        Rule(rf'W_g\.1\.{BN}', r'phi_norm.\1'),
        Rule(r'psi\.0\.(weight|bias)', r'psi.\1'),
        Rule(rf'psi\.1\.{BN}', r'psi_norm.\1'),
    ),
    groups=(
        Group(
            tuple(f'{layer}.{kind}' for layer in ('theta', 'phi', 'psi') for kind in ('weight', 'bias')),
            needs=('theta_norm.weight', 'phi_norm.weight', 'psi_norm.weight'),
        ),
        *batch_norm('theta_norm', 'phi_norm', 'psi_norm'),
    ),
)
