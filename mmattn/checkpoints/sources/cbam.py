r"""Jongchan/attention-module: one CBAM layer, or a whole ResNet of its ``model_resnet.py``.

A whole network becomes the backbone ``ResNet(plugins=[dict(cfg=dict(type='CBAM'), position='after_conv3')])``.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

_CHANNEL_GATE = 'fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'
_BLOCK = r'layer[1-4]\.\d+\.'

CBAM = Source(
    prefixes=tuple(f'layer{stage}.{block}.cbam.' for stage in range(1, 5) for block in range(36)),
    rules=(
        Rule(rf'((?:{_BLOCK}cbam\.)?)ChannelGate\.mlp\.1\.(weight|bias)', r'\1fc1.\2'),
        Rule(rf'((?:{_BLOCK}cbam\.)?)ChannelGate\.mlp\.3\.(weight|bias)', r'\1fc2.\2'),
        Rule(rf'((?:{_BLOCK}cbam\.)?)SpatialGate\.spatial\.conv\.weight', r'\1conv.weight'),
        Rule(rf'((?:{_BLOCK}cbam\.)?)SpatialGate\.spatial\.bn\.{BN}', r'\1norm.\2'),
        Rule(rf'((?:conv1|{_BLOCK}conv[123]|{_BLOCK}downsample\.0)\.weight)', r'\1'),
        Rule(rf'((?:bn1|{_BLOCK}bn[123]|{_BLOCK}downsample\.1)\.{BN})', r'\1'),
        Rule(r'fc\.(weight|bias)', None),
    ),
    groups=(
        Group(_CHANNEL_GATE),
        Group(('conv.weight', 'norm.weight'), needs=_CHANNEL_GATE),
        *batch_norm('norm'),
    ),
)
