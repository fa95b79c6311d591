"""MMSegmentation's own heads, alone or inside a whole segmentor: only the attention is named otherwise."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.sources.patterns import BN, QKV


def as_vector(scale: Tensor) -> Tensor:
    """Our gamma is a vector of one where mmcv has a ``Scale`` without dimensions."""
    return scale.reshape(1)


MMSEG = Source(
    prefixes=('decode_head.cca.', 'decode_head.', 'cca.'),
    rules=(
        Rule(QKV, r'\1_conv.\2'),
        Rule(r'gamma\.scale', 'gamma', as_vector),
        Rule(rf'(decode_head\.|)cca\.{QKV}', r'\1attention.\2_conv.\3'),
        Rule(r'(decode_head\.|)cca\.gamma\.scale', r'\1attention.gamma', as_vector),
        Rule(rf'((?:decode_head\.|)(?:convs\.[01]|conv_cat)\.(?:conv\.weight|conv\.bias|bn\.{BN}))', r'\1'),
        Rule(r'((?:decode_head\.|)conv_seg\.(?:weight|bias))', r'\1'),
        Rule(r'((?:backbone|neck|auxiliary_head)\..+)', r'\1'),
        Rule(r'data_preprocessor\..+', None),
    ),
)
