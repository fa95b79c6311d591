"""microsoft/Swin-Transformer: the classifiers of ImageNet, for the encoder of Swin-Unet and, copied, for its decoder.

The authors of Swin-Unet start the decoder from the encoder: each stage takes the blocks of the encoder's stage at the
same resolution. Heads of Swin-Unet read that with ``swin-decoder``.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group

_PAIR = ('weight', 'bias')
BUFFERS = Rule(r'layers(?:_up)?\.\d+\.blocks\.\d+\.(?:attn\.relative_position_index|attn_mask)', None)
_BLOCK = (
    'attention.bias_table',
    *(f'{layer}.{kind}' for layer in ('norm1', 'norm2') for kind in _PAIR),
    *(f'{layer}.{kind}' for layer in ('attention.qkv', 'attention.proj', 'ffn.fc1', 'ffn.fc2') for kind in _PAIR),
)
MOST_STAGES = 6


def block_rules(published: str, ours: str) -> tuple[Rule, ...]:
    r"""Rules of a stage's blocks: its published name, a pattern without groups, and ours."""
    block, target = rf'{published}\.blocks\.(\d+)\.', rf'{ours}.blocks.\1.'
    return (
        Rule(rf'{block}attn\.relative_position_bias_table', f'{target}attention.bias_table'),
        Rule(rf'{block}attn\.((?:qkv|proj)\.(?:weight|bias))', rf'{target}attention.\2'),
        Rule(rf'{block}mlp\.(fc[12]\.(?:weight|bias))', rf'{target}ffn.\2'),
        Rule(rf'{block}(norm[12]\.(?:weight|bias))', rf'{target}\2'),
    )


def encoder_rules(ours: str = '') -> tuple[Rule, ...]:
    """Rules of the encoder; ``ours`` goes before our names."""
    stages = [rule for i in range(MOST_STAGES) for rule in block_rules(rf'layers\.{i}', f'{ours}stages.{i}')]
    return (
        BUFFERS,
        Rule(r'(patch_embed\.(?:proj|norm)\.(?:weight|bias))', rf'{ours}\1'),
        *stages,
        Rule(r'layers\.(\d+)\.downsample\.(reduction\.weight|norm\.(?:weight|bias))', rf'{ours}stages.\1.merge.\2'),
        Rule(r'(norm\.(?:weight|bias))', rf'{ours}\1'),
    )


def swin_groups(prefix: str) -> tuple[Group, ...]:
    """Groups of blocks, mergings and the embedding under a prefix of ours, a regular expression."""
    embedding = tuple(f'patch_embed.{layer}.{kind}' for layer in ('proj', 'norm') for kind in _PAIR)
    return (
        Group(_BLOCK, prefix=rf'{prefix}(?:stages|decoder)\.\d+\.blocks\.\d+\.'),
        Group(('reduction.weight', 'norm.weight', 'norm.bias'), prefix=rf'{prefix}stages\.\d+\.merge\.'),
        Group(embedding, prefix=prefix),
        Group(('norm.weight', 'norm.bias'), prefix=prefix),
    )


_CLASSIFIER = Rule(r'head\.(?:weight|bias)', None)
_LAST = 3  # of the published stages, which the decoder has not

SWIN = Source(rules=(*encoder_rules(), _CLASSIFIER), groups=swin_groups(r''))
SWIN_DECODER = Source(
    rules=(
        BUFFERS,
        *(rule for i in range(_LAST) for rule in block_rules(rf'layers\.{i}', f'decoder.{_LAST - 1 - i}')),
        *(Rule(rule.pattern, None) for rule in (*encoder_rules(), _CLASSIFIER)),
    ),
    groups=swin_groups(r''),
)
