"""The decode head of U-MixFormer, https://arxiv.org/abs/2312.06272."""

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.attention import FeatureMixer
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.mix import pool_to_grid
from mmattn.common.checks import check_positive_int, check_rate
from mmattn.models.blocks.mix import MixBlock
from mmattn.models.decode_heads.fusion_head import FusionHead, check_levels


@MODELS.register_module()
class UMixFormerHead(FusionHead):
    """A U-Net of mix-attention: each level, from the deepest up, attends to a mixture of all levels as they then are.

    With the defaults it is the published head for ADE20K, with ``query_reduction=2`` that for Cityscapes. Unlike
    them it has no unused parameters, takes images of any size (equal numbers at multiples of 64, where the published
    head for Cityscapes works), any encoder of four levels, and all options of MMSegmentation's heads.

    Args:
        in_channels: channels of the four levels, shallowest first.
        embed_dims: channels that the classifier sees.
        num_heads: of the attention at each level, shallowest first.
        pool_ratios: how many times finer than the deepest level each level is, deepest first.
        query_reduction: queries are taken from windows of that size, keys from windows that many times larger.
        mid_index: which of the encoder's outputs are further maps of its third level, of the same channels and size
            (features before the last of its blocks). They join the mixture that is attended to, as in the authors'
            extension for large encoders, and nothing else.
        drop_path_rate: probability that a branch is left out in training.
        **kwargs: ``FusionHead``'s options, and with it MMSegmentation's.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        embed_dims: int = 128,
        num_heads: Sequence[int] = (1, 2, 5, 8),
        pool_ratios: Sequence[int] = (1, 2, 4, 8),
        query_reduction: int = 1,
        mid_index: Sequence[int] = (),
        drop_path_rate: float = 0.1,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        check_positive_int(name, 'embed_dims', embed_dims)
        check_positive_int(name, 'query_reduction', query_reduction)
        check_rate(name, 'drop_path_rate', drop_path_rate)
        super().__init__(in_channels, embed_dims=embed_dims, **kwargs)
        heads = check_levels(name, 'num_heads', num_heads)[::-1]
        self.pool_ratios = tuple(ratio * query_reduction for ratio in check_levels(name, 'pool_ratios', pool_ratios))
        channels = tuple(in_channels)[::-1]
        self.mid_index = check_mid_index(name, mid_index)
        mids = len(self.mid_index)
        self.pool_ratios += self.pool_ratios[1:2] * mids
        mixed = channels + channels[1:2] * mids
        self.mixers = nn.ModuleList(FeatureMixer(mixed, pool_ratios=self.pool_ratios) for _ in channels)
        self.blocks = nn.ModuleList(
            MixBlock(
                level_channels,
                sum(mixed),
                num_heads=level_heads,
                query_reduction=query_reduction,
                drop_path_rate=drop_path_rate,
                align_corners=self.align_corners,
            )
            for level_channels, level_heads in zip(channels, heads)
        )

    def forward_feature(self, inputs: list[Tensor]) -> Tensor:
        """Returns the (B, embed_dims, H, W) map that the classifier sees."""
        levels, mids = self.select_levels(inputs)[::-1], self._further_maps(inputs)
        grid = pool_to_grid(levels[0], self.pool_ratios[0]).shape[2:]
        pooled = [pool_to_grid(x, ratio, grid) for x, ratio in zip([*levels, *mids], self.pool_ratios)]
        for i, (mixer, block) in enumerate(zip(self.mixers, self.blocks)):
            if i > 0:  # the last level decoded replaces the encoder's
                pooled[i - 1] = pool_to_grid(levels[i - 1], self.pool_ratios[i - 1], grid)
            levels[i] = block(levels[i], mixer.mix(pooled))
        return self.fuse_levels(levels)

    def _further_maps(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Returns the maps at ``mid_index``."""
        name = type(self).__name__
        if max(self.mid_index, default=0) >= len(inputs):
            raise ValueError(f'{name}: mid_index {self.mid_index} is beyond the {len(inputs)} outputs of the encoder')
        mids = [inputs[i] for i in self.mid_index]
        for mid in mids:
            check_feature_map(f'{name} mid_index', mid, self.in_channels[2])
        return mids


def check_mid_index(owner: str, value: Sequence[int]) -> tuple[int, ...]:
    """Returns ``value`` as a tuple, or raises ValueError unless it is a sequence of positions from 0 on."""
    if not isinstance(value, Sequence) or any(type(i) is not int or i < 0 for i in value):
        raise ValueError(f"{owner}: mid_index must be a list of positions among the encoder's outputs, got {value!r}")
    return tuple(value)
