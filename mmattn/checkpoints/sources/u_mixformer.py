"""julian-klitzing/u-mixformer: the heads for ADE20K and for Cityscapes, alone or in a segmentor.

Both have tensors that reach no output; they are dropped. The head for large encoders, which mixes further maps of the
third stage (``UMixFormerHead(mid_index=…)``), has a convolution for each of them after the others. Encoders of a
segmentor are MMSegmentation's and keep their names, but for LVT.
"""

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.lvt import lvt_groups, lvt_rules
from mmattn.checkpoints.sources.patterns import BN

_PAIR = ('weight', 'bias')
HEAD = r'(?:decode_head\.)?'
_MOST_CONVS = 16  # of a mixture: one a pooled level and one a further map, of which MiT-B5 has six


def block_rules(published: str, ours: str) -> tuple[Rule, ...]:
    """Rules of what the stages of U-MixFormer and FeedFormer have in common.

    Args:
        published: pattern of a stage, its last dot included, with one group.
        ours: our name for it.
    """
    return (
        Rule(rf'{published}norm1\.(weight|bias)', rf'{ours}query_norm.\2'),
        Rule(rf'{published}norm2\.(weight|bias)', rf'{ours}key_norm.\2'),
        Rule(rf'{published}norm3\.(weight|bias)', rf'{ours}out_norm.\2'),
        Rule(rf'{published}attn\.q\.weight', f'{ours}attention.query.weight'),
        Rule(rf'{published}attn\.kv\.weight', f'{ours}attention.key_value.weight'),
        Rule(rf'{published}attn\.(proj\.(?:weight|bias))', rf'{ours}attention.\2'),
        Rule(rf'{published}attn\.sr1\.(weight|bias)', rf'{ours}attention.query_conv.\2'),
        Rule(rf'{published}attn\.norm1\.(weight|bias)', rf'{ours}attention.query_norm.\2'),
        Rule(rf'{published}attn\.norm2\.(weight|bias)', rf'{ours}attention.key_norm.\2'),
        Rule(rf'{published}mlp\.(fc[12]\.(?:weight|bias))', rf'{ours}ffn.\2'),
        Rule(rf'{published}mlp\.dwconv\.(dwconv\.(?:weight|bias))', rf'{ours}ffn.\2'),
    )


def fusion_rules() -> tuple[Rule, ...]:
    """Rules of the layers that join and classify the levels."""
    return (
        Rule(r'(decode_head\.|)linear_fuse\.conv\.weight', r'\1fuse.conv.weight'),
        Rule(rf'(decode_head\.|)linear_fuse\.bn\.{BN}', r'\1fuse.bn.\2'),
        Rule(r'(decode_head\.|)linear_pred\.(weight|bias)', r'\1conv_seg.\2'),
        Rule(r'(?:decode_head\.|)conv_seg\.(?:weight|bias)', None),
    )


def block_names(blocks: int) -> tuple[str, ...]:
    """Our names of what every stage has, and of the layers after them."""
    layers = ('query_norm', 'key_norm', 'out_norm', 'attention.proj', 'ffn.fc1', 'ffn.dwconv', 'ffn.fc2')
    names = [f'blocks.{i}.{layer}.{kind}' for i in range(blocks) for layer in layers for kind in _PAIR]
    names += [f'blocks.{i}.attention.{layer}.weight' for i in range(blocks) for layer in ('query', 'key_value')]
    return (*names, 'fuse.conv.weight', 'conv_seg.weight', 'conv_seg.bias')


def _stages() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for i, stage in enumerate(('c4', 'c3', 'c2', 'c1')):
        published = rf'(decode_head\.|)attn_{stage}\.'
        rules += [
            *block_rules(published, rf'\1blocks.{i}.'),
            Rule(rf'{published}attn\.(?:sr|norm|sr2)\.(?:weight|bias)', None),
            Rule(rf'(decode_head\.|)cat_key{i + 1}\.sr_list\.(\d+\.(?:weight|bias))', rf'\1mixers.{i}.convs.\2'),
        ]
    return tuple(rules)


def _mixer_names(convs: range) -> tuple[str, ...]:
    return tuple(f'mixers.{i}.convs.{conv}.{kind}' for i in range(4) for conv in convs for kind in _PAIR)


_CITYSCAPES = tuple(
    f'blocks.{i}.attention.{layer}.{kind}'
    for i in range(4)
    for layer in ('query_conv', 'query_norm', 'key_norm')
    for kind in _PAIR
)

U_MIXFORMER = Source(
    prefixes=('decode_head.',),
    rules=(
        *_stages(),
        *fusion_rules(),
        *lvt_rules(r'backbone\.backbone\.', 'backbone.'),
        Rule(r'((?:backbone|auxiliary_head)\.(?![0-3]\.).+)', r'\1'),
        Rule(r'data_preprocessor\..+', None),
    ),
    groups=(
        Group((*block_names(4), *_mixer_names(range(3))), prefix=HEAD),
        Group(_CITYSCAPES, needs=_mixer_names(range(3, 4)), prefix=HEAD),
        *(
            Group(_mixer_names(range(conv, conv + 1)), needs=_mixer_names(range(conv - 1, conv)), prefix=HEAD)
            for conv in range(3, _MOST_CONVS)
        ),
        *batch_norm('fuse.bn', prefix=HEAD),
        *lvt_groups(r'backbone\.'),
    ),
)
