"""The decode head of FeedFormer (AAAI 2023), https://github.com/jhshim1995/FeedFormer."""

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_positive_int, check_rate
from mmattn.models.blocks.mix import LowLevelBlock
from mmattn.models.decode_heads.fusion_head import LEVELS, FusionHead, check_levels

POOL_RATIOS = (2, 4, 8)  # windows of the first level as each of the others sees it


@MODELS.register_module()
class FeedFormerHead(FusionHead):
    """The three deeper levels attend to the first level, which is joined to them as it is.

    With the defaults it is the published head for ADE20K, with ``query_reduction=2`` that for Cityscapes; unlike them
    it has no unused parameters and takes images of any size.

    Args:
        in_channels: channels of the four levels, shallowest first.
        embed_dims: channels that the classifier sees.
        num_heads: of the attention at levels 2, 3 and 4.
        query_reduction: queries are taken from windows of that size, keys from windows that many times larger.
        drop_path_rate: probability that a branch is left out in training.
        **kwargs: ``FusionHead``'s options, and with it MMSegmentation's.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        embed_dims: int = 128,
        num_heads: Sequence[int] = (2, 5, 8),
        query_reduction: int = 1,
        drop_path_rate: float = 0.1,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        check_positive_int(name, 'embed_dims', embed_dims)
        check_positive_int(name, 'query_reduction', query_reduction)
        check_rate(name, 'drop_path_rate', drop_path_rate)
        super().__init__(in_channels, embed_dims=embed_dims, **kwargs)
        heads = check_levels(name, 'num_heads', num_heads, LEVELS - 1)
        first, *others = in_channels
        blocks = [
            LowLevelBlock(
                channels,
                first,
                num_heads=level_heads,
                pool_ratio=ratio * query_reduction,
                query_reduction=query_reduction,
                drop_path_rate=drop_path_rate,
                align_corners=self.align_corners,
            )
            for channels, level_heads, ratio in zip(others, heads, POOL_RATIOS)
        ]
        self.blocks = nn.ModuleList(blocks[::-1])

    def forward_feature(self, inputs: list[Tensor]) -> Tensor:
        """Returns the (B, embed_dims, H, W) map that the classifier sees."""
        *deeper, first = self.select_levels(inputs)[::-1]
        return self.fuse_levels([*(block(level, first) for block, level in zip(self.blocks, deeper)), first])
