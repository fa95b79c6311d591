"""junfu1115/DANet: position attention (PAM_Module), channel attention (CAM_Module) and the head (DANetHead)."""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import QUERY_KEY_VALUE, Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN, QKV

_CONVOLUTIONS = {'conv5a': 'pam_in_conv', 'conv5c': 'cam_in_conv', 'conv51': 'pam_out_conv', 'conv52': 'cam_out_conv'}
_CLASSIFIERS = {'conv6': 'pam_conv_seg', 'conv7': 'cam_conv_seg', 'conv8': 'conv_seg'}

DANET = Source(
    prefixes=('head.sa.', 'head.sc.', 'head.', 'sa.', 'sc.'),
    rules=(
        Rule(QKV, r'\1_conv.\2'),
        Rule('gamma', 'gamma'),
        Rule(rf'sa\.{QKV}', r'pam.\1_conv.\2'),
        Rule(r'sa\.gamma', 'pam.gamma'),
        Rule(r'sc\.gamma', 'cam.gamma'),
        *(Rule(rf'{theirs}\.0\.weight', f'{ours}.conv.weight') for theirs, ours in _CONVOLUTIONS.items()),
        *(Rule(rf'{theirs}\.1\.{BN}', rf'{ours}.bn.\1') for theirs, ours in _CONVOLUTIONS.items()),
        *(Rule(rf'{theirs}\.1\.(weight|bias)', rf'{ours}.\1') for theirs, ours in _CLASSIFIERS.items()),
    ),
    groups=(
        Group(QUERY_KEY_VALUE, needs=('gamma',)),
        Group(
            (
                *(f'{layer}.conv.weight' for layer in _CONVOLUTIONS.values()),
                *(f'{layer}.{kind}' for layer in _CLASSIFIERS.values() for kind in ('weight', 'bias')),
            ),
            needs=('pam.query_conv.weight', 'pam.gamma', 'cam.gamma'),
        ),
        *batch_norm(*(f'{layer}.bn' for layer in _CONVOLUTIONS.values())),
    ),
)
