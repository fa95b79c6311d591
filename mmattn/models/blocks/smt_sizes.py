"""The sizes of the Scale-Aware Modulation Transformer: the four published ones, or one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from mmattn.common.checks import check_positive_int, check_positive_ints, check_rate

STAGES = 4
MODULATED, ATTENDED = 3, 2  # stages with scale-aware modulation (the first three), with self-attention (the last two)


@dataclass(frozen=True, kw_only=True)
class SMTArch:
    """The sizes of one network.

    Args:
        embed_dims: channels of each stage.
        depths: blocks of each stage.
        mlp_ratios: width of the feed-forward layers in each stage, in multiples of its channels.
        modulation_heads: heads of the modulation in stages 1, 2 and 3; divide ``embed_dims``.
        attention_heads: heads of the self-attention in stages 3 and 4; divide ``embed_dims``.
        expand_ratio: width of the modulators' hidden layer, in multiples of the channels.
        stem_kernel_size: of the first convolution; odd.
        layer_scale: what the learned factors on the branches start from; None for branches without them.
        qkv_bias: whether the projections to queries, keys, values and modulators have a bias.
        drop_path_rate: the published rate of stochastic depth in training on ImageNet.

    Raises:
        TypeError, ValueError: for what makes no network; the message names the option.
    """

    embed_dims: Sequence[int]
    depths: Sequence[int]
    mlp_ratios: Sequence[int] = (4, 4, 4, 2)
    modulation_heads: Sequence[int] = (4, 4, 4)
    attention_heads: Sequence[int] = (8, 16)
    expand_ratio: int = 2
    stem_kernel_size: int = 3
    layer_scale: float | None = None
    qkv_bias: bool = True
    drop_path_rate: float = 0.1

    def __post_init__(self) -> None:
        """Checks the sizes."""
        lengths = dict(embed_dims=STAGES, depths=STAGES, mlp_ratios=STAGES)
        for name, wanted in dict(lengths, modulation_heads=MODULATED, attention_heads=ATTENDED).items():
            check_positive_ints('SMT', name, getattr(self, name), wanted)
        check_positive_int('SMT', 'expand_ratio', self.expand_ratio)
        if check_positive_int('SMT', 'stem_kernel_size', self.stem_kernel_size) % 2 == 0:
            raise ValueError(f'SMT: stem_kernel_size must be odd, got {self.stem_kernel_size}')
        for name, dims in (
            ('modulation_heads', self.embed_dims[:MODULATED]),
            ('attention_heads', self.embed_dims[-ATTENDED:]),
        ):
            for channels, heads in zip(dims, getattr(self, name)):
                if channels % heads:
                    raise ValueError(f'SMT: {name} must divide embed_dims, got {heads} for {channels}')
        check_rate('SMT', 'drop_path_rate', self.drop_path_rate)
        if not isinstance(self.layer_scale, Real | None):
            raise TypeError(f'SMT: layer_scale must be None or a number, got {self.layer_scale!r}')


_SMALL = (64, 128, 256, 512)
# 'small' is as the authors' code has it, 22.6 million parameters with a classifier; the 21 million of their README are
# nearer to depths (3, 4, 18, 1), 20.4 million. What a checkpoint of that lacks is reported when it is loaded.
ARCHS = {
    'tiny': SMTArch(embed_dims=_SMALL, depths=(2, 2, 8, 1)),
    'small': SMTArch(embed_dims=_SMALL, depths=(3, 4, 18, 2), drop_path_rate=0.2),
    'base': SMTArch(
        embed_dims=_SMALL, depths=(4, 6, 28, 2), mlp_ratios=(8, 6, 4, 2), stem_kernel_size=7, drop_path_rate=0.3
    ),
    'large': SMTArch(
        embed_dims=(96, 192, 384, 768),
        depths=(4, 6, 28, 4),
        mlp_ratios=(8, 6, 4, 2),
        stem_kernel_size=7,
        layer_scale=1e-4,
        drop_path_rate=0.4,
    ),
}
