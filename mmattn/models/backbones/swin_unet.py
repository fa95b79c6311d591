"""The encoder of Swin-Unet, https://arxiv.org/abs/2105.05537; ``SwinUNetHead`` is its decoder.

It differs from MMSegmentation's ``SwinTransformer`` in what it gives, the maps that enter the stages, unnormalised, and
in that windows are not shifted where one covers the map. Unlike the authors' it takes images of any size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmattn.attention.inputs import check_feature_map
from mmattn.common.checks import check_flag, check_positive_int, check_positive_ints, check_rate
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.swin import PatchMerging, blocks_in, check_blocks, growing_rates, swin_blocks

PATCH = 4  # pixels along a side


class PatchEmbedding(nn.Module):
    """A convolution of 4x4 patches and a normalisation; zeros fill patches that the image does not.

    Args:
        in_channels: channels of the image.
        channels: channels of the result.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, PATCH, stride=PATCH)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, ceil(H / 4), ceil(W / 4), channels)."""
        bottom, right = (blocks_in(length, PATCH) * PATCH - length for length in x.shape[2:])
        return self.norm(self.proj(F.pad(x, (0, right, 0, bottom))).permute(0, 2, 3, 1))


class Stage(nn.Module):
    """Blocks of attention, and the merging that ends all stages but the last.

    Args:
        blocks: take and return maps with the channels last.
        merge_channels: of the maps, if they are merged.
        with_cp: compute the blocks again in the backward pass rather than keep what is in them.
    """

    def __init__(self, blocks: nn.ModuleList, merge_channels: int | None, *, with_cp: bool) -> None:
        super().__init__()
        self.blocks, self.with_cp = blocks, with_cp
        self.merge = None if merge_channels is None else PatchMerging(merge_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, H, W, C), or (B, ceil(H / 2), ceil(W / 2), 2 C) where maps are merged."""
        for block in self.blocks:
            recompute = self.with_cp and self.training and torch.is_grad_enabled()
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
        return x if self.merge is None else self.merge(x)


@MODELS.register_module()
class SwinUNetEncoder(Backbone):
    """The encoder of Swin-Unet; with the defaults the published one, Swin-T with two blocks in each stage.

    Published weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='swin-unet')``, and of a classifier of
    ImageNet, whose tables of relative positions are interpolated for other windows, with ``source='swin'``.

    Args:
        embed_dims: channels of the first map; each further one has twice as many.
        depths: blocks of each stage.
        num_heads: of the attention in each stage; divide the stage's channels.
        window_size: attention is among so many by so many tokens.
        mlp_ratio: width of the feed-forward layers in multiples of the stage's channels.
        in_channels: channels of the image; an image of one channel is repeated where they are 3.
        drop_path_rate: probability, in training, that a branch of the last block is left out; it grows linearly from
            zero at the first.
        drop_rate: dropout after the patches' embedding, in the feed-forward layers and after the attention.
        attn_drop_rate: dropout of the attention's weights.
        frozen_stages: stages up to this one, from 0, are not trained, nor are the patches' embedding before them, the
            mergings after them and, for all stages, the last normalisation; -1 for none.
        with_cp: compute the blocks again in the backward pass rather than keep what is in them.
        init_cfg: for pretrained weights, see ``Backbone``.

    Shape:
        (B, in_channels, H, W) to the maps that enter the stages, but the last, and to the normalised map that the last
        gives: map i has ``embed_dims * 2**i`` channels and a stride of ``4 * 2**i``, sizes rounded up; any H and W.

    Raises:
        TypeError: for a value of a wrong type.
        ValueError: for a wrong value, which the message names.
    """

    def __init__(
        self,
        embed_dims: int = 96,
        depths: Sequence[int] = (2, 2, 2, 2),
        num_heads: Sequence[int] = (3, 6, 12, 24),
        window_size: int = 7,
        mlp_ratio: float = 4.0,
        in_channels: int = 3,
        drop_path_rate: float = 0.2,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        name = type(self).__name__
        check_positive_ints(name, 'depths', depths)
        super().__init__(
            num_stages=len(depths), out_indices=range(len(depths)), frozen_stages=frozen_stages, init_cfg=init_cfg
        )
        check_positive_int(name, 'embed_dims', embed_dims)
        check_positive_int(name, 'in_channels', in_channels)
        check_flag(name, 'with_cp', with_cp)
        widths = [embed_dims * 2**i for i in range(len(depths))]
        check_blocks(name, 'embed_dims', widths, num_heads, window_size, mlp_ratio, drop_path_rate)
        check_rate(name, 'drop_rate', drop_rate)
        check_rate(name, 'attn_drop_rate', attn_drop_rate)
        self.in_channels = in_channels
        self.patch_embed = PatchEmbedding(in_channels, embed_dims)
        self.drop = nn.Dropout(drop_rate)
        rates = growing_rates(drop_path_rate, depths)
        layers = dict(window_size=window_size, mlp_ratio=mlp_ratio, drop_rate=drop_rate, attn_drop_rate=attn_drop_rate)
        self.stages = nn.ModuleList()
        for i, (channels, heads) in enumerate(zip(widths, num_heads)):
            blocks = swin_blocks(channels, rates[i], num_heads=heads, **layers)
            self.stages.append(Stage(blocks, channels if i < len(depths) - 1 else None, with_cp=with_cp))
        self.norm = nn.LayerNorm(widths[-1])
        self.freeze()

    def frozen_modules(self) -> list[nn.Module]:
        """Returns what ``frozen_stages`` keeps from training."""
        if self.frozen_stages < 0:
            return []
        last = [self.norm] if self.frozen_stages == len(self.stages) - 1 else []
        return [self.patch_embed, self.drop, *self.stages[: self.frozen_stages + 1], *last]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns a map for each stage, the shallowest first."""
        if self.in_channels == 3 and x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        check_feature_map(type(self).__name__, x, self.in_channels)
        x, maps = self.drop(self.patch_embed(x)), []
        for stage in self.stages[:-1]:
            maps.append(x)
            x = stage(x)
        maps.append(self.norm(self.stages[-1](x)))
        return tuple(x.permute(0, 3, 1, 2) for x in maps)
