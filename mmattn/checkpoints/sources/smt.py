"""AFeng-x/SMT: the encoder, alone, in a segmentor or with a classifier (dropped), or one scale-aware modulation.

The modulation's linear layers on tokens are 1x1 convolutions here. The depthwise convolution beside self-attention is
``local_conv`` in the authors' code for classification and ``dw_conv`` in that for segmentation.
"""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN

_PAIR = ('weight', 'bias')
_HEADS = 32  # of a modulation, at most
# The published blocks with modulation and with self-attention, which take turns in stage 3: published stage, our
# stage, block.
_MODULATED = (('1', 0, r'\d+'), ('2', 1, r'\d+'), ('3', 2, r'\d*[02468]'))
_ATTENDED = (('3', 2, r'\d*[13579]'), ('4', 3, r'\d+'))


def _as_convolution(weight: Tensor) -> Tensor:
    return weight[:, :, None, None]


def _modulation_rules(published: str, ours: str, group: int) -> tuple[Rule, ...]:
    """Rules of a modulation under a prefix: a pattern, our name, and the number of its first free group."""
    kind = rf'\{group}'
    linear = dict(v='value', s='context', proj='proj')
    return (
        *(Rule(rf'{published}{old}\.weight', f'{ours}{new}.weight', _as_convolution) for old, new in linear.items()),
        *(Rule(rf'{published}{old}\.bias', f'{ours}{new}.bias') for old, new in linear.items()),
        *(
            Rule(rf'{published}local_conv_{i + 1}\.(weight|bias)', f'{ours}local_convs.{i}.{kind}')
            for i in range(_HEADS)
        ),
        Rule(rf'{published}proj0\.(weight|bias)', f'{ours}mix.{kind}'),
        Rule(rf'{published}bn\.{BN}', f'{ours}norm.{kind}'),
        Rule(rf'{published}proj1\.(weight|bias)', f'{ours}reduce.{kind}'),
    )


def _block_rules() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for stage, index, block in _MODULATED:
        rules += _modulation_rules(rf'block{stage}\.({block})\.attn\.', rf'stages.{index}.blocks.\1.attention.', 2)
    for stage, index, block in _ATTENDED:
        published, ours = rf'block{stage}\.({block})\.attn\.', rf'stages.{index}.blocks.\1.attention.'
        rules += [
            Rule(rf'{published}q\.(weight|bias)', rf'{ours}query.\2'),
            Rule(rf'{published}kv\.(weight|bias)', rf'{ours}key_value.\2'),
            Rule(rf'{published}(?:local_conv|dw_conv)\.(weight|bias)', rf'{ours}local_conv.\2'),
            Rule(rf'{published}proj\.(weight|bias)', rf'{ours}proj.\2'),
        ]
    for index in range(4):
        published, ours = rf'block{index + 1}\.(\d+)\.', rf'stages.{index}.blocks.\1.'
        rules += [
            Rule(rf'{published}(norm[12]\.(?:weight|bias))', rf'{ours}\2'),
            Rule(rf'{published}gamma_([12])', rf'{ours}gamma\2'),
            Rule(rf'{published}mlp\.(fc[12]\.(?:weight|bias))', rf'{ours}ffn.\2'),
            Rule(rf'{published}mlp\.dwconv\.(dwconv\.(?:weight|bias))', rf'{ours}ffn.\2'),
        ]
    return tuple(rules)


def _embedding_rules() -> tuple[Rule, ...]:
    rules = [
        Rule(r'patch_embed1\.conv\.0\.weight', 'stages.0.embed.conv.weight'),
        Rule(rf'patch_embed1\.conv\.1\.{BN}', r'stages.0.embed.bn.\1'),
        Rule(r'patch_embed1\.conv\.3\.(weight|bias)', r'stages.0.embed.reduce.\1'),
    ]
    for index in range(4):
        rules += [
            Rule(rf'patch_embed{index + 1}\.proj\.(weight|bias)', rf'stages.{index}.embed.conv.\1'),
            Rule(rf'patch_embed{index + 1}\.norm\.(weight|bias)', rf'stages.{index}.embed.norm.\1'),
            Rule(rf'norm{index + 1}\.(weight|bias)', rf'stages.{index}.norm.\1'),
        ]
    return tuple(rules)


def _pairs(*layers: str) -> tuple[str, ...]:
    return tuple(f'{layer}.{kind}' for layer in layers for kind in _PAIR)


def _modulation_groups(prefix: str, attention: str = '') -> tuple[Group, ...]:
    """Groups of modulations: the prefix of what holds them, and their name in it."""
    paired = ('proj', 'mix', 'reduce', *(f'local_convs.{i}' for i in range(_HEADS)))
    return (
        Group(
            tuple(f'{attention}{layer}.weight' for layer in ('value', 'context', 'local_convs.0', 'mix', 'reduce')),
            needs=(f'{attention}proj.weight', f'{attention}norm.weight'),
            prefix=prefix,
        ),
        *(Group(_pairs(f'{attention}{layer}'), prefix=prefix) for layer in paired),
        *batch_norm(f'{attention}norm', prefix=prefix),
    )


def _encoder_groups() -> tuple[Group, ...]:
    rest = _pairs('norm1', 'norm2', 'ffn.fc1', 'ffn.dwconv', 'ffn.fc2')
    attention = _pairs('attention.local_conv', 'attention.proj')
    attention += tuple(f'attention.{layer}.weight' for layer in ('query', 'key_value'))
    groups: list[Group] = []
    for _, index, block in _MODULATED:
        prefix = rf'stages\.{index}\.blocks\.{block}\.'
        groups += [Group(rest, needs=('attention.value.weight',), prefix=prefix)]
        groups += _modulation_groups(prefix, 'attention.')
    for _, index, block in _ATTENDED:
        prefix = rf'stages\.{index}\.blocks\.{block}\.'
        groups += [Group(rest, needs=('attention.query.weight',), prefix=prefix), Group(attention, prefix=prefix)]
    return (
        *groups,
        Group(('attention.query.bias', 'attention.key_value.bias')),
        Group(('gamma1', 'gamma2')),
        Group((*_pairs('embed.reduce', 'embed.norm'), 'embed.conv.weight'), prefix=r'stages\.0\.'),
        Group(_pairs('embed.conv', 'embed.norm'), prefix=r'stages\.[123]\.'),
        Group(_pairs('norm'), prefix=r'stages\.\d\.'),
        *batch_norm('embed.bn', prefix=r'stages\.0\.'),
    )


_LAYERS = (f'block{stage}.{block}.attn.' for stage in (1, 2, 3) for block in range(40) if stage < 3 or block % 2 == 0)

SMT = Source(
    prefixes=(*_LAYERS,),
    segmentors=True,
    rules=(
        *_embedding_rules(),
        *_block_rules(),
        Rule(r'head\.(?:weight|bias)', None),
        *_modulation_rules('', '', 1),
    ),
    groups=(*_modulation_groups(''), *_encoder_groups()),
)
