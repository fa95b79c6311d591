"""Lite Vision Transformer with Enhanced Self-Attention (LVT), https://arxiv.org/abs/2112.10809.

Convolutional self-attention in the first of four stages, recursive atrous self-attention in the others.
"""

from collections.abc import Sequence

from mmcv.cnn.bricks import DropPath
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.attention.tokens import to_map, to_tokens
from mmattn.common.checks import check_positive_int, check_positive_ints, check_rate
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.lvt import ConvolutionalSelfAttention, RecursiveAtrousSelfAttention
from mmattn.models.blocks.transformer import ConvFFN, init_convolution

STAGES = 4


class Block(nn.Module):
    """Attention and feed-forward layer, each behind a normalisation and with a residual.

    Args:
        attention: takes and returns tokens, (B, H W, C), with the size of their map.
        channels: C.
        mlp_ratio: width of the feed-forward layer's hidden layer in multiples of C.
        depthwise: whether the feed-forward layer has a convolution.
        drop_path_rate: probability that a branch is left out in training.
    """

    def __init__(
        self, attention: nn.Module, channels: int, *, mlp_ratio: int, depthwise: bool, drop_path_rate: float
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = attention
        self.ffn = ConvFFN(channels, expand_ratio=mlp_ratio, depthwise=depthwise)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Returns tokens of the same shape; ``size`` is H and W."""
        tokens = tokens + self.drop_path(self.attention(self.norm1(tokens), size))
        return tokens + self.drop_path(self.ffn(self.norm2(tokens), size))


class Stage(nn.Module):
    """A strided convolution with normalisation, then blocks.

    Args:
        in_channels: channels of the map.
        channels: channels of the tokens and of the result.
        kernel_size: of the convolution, which has a stride of half of that, rounded up.
        blocks: of the stage.
    """

    def __init__(self, in_channels: int, channels: int, kernel_size: int, blocks: Sequence[Block]) -> None:
        super().__init__()
        stride, padding = (kernel_size + 1) // 2, kernel_size // 2
        self.embed = nn.Conv2d(in_channels, channels, kernel_size, stride=stride, padding=padding)
        self.embed_norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(blocks)
        init_convolution(self.embed)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, ceil(H / stride), ceil(W / stride))."""
        x = self.embed(x)
        tokens, size = self.embed_norm(to_tokens(x)), x.shape[2:]
        for block in self.blocks:
            tokens = block(tokens, size)
        return to_map(tokens, size)


@MODELS.register_module()
class LVT(Backbone):
    """The LVT encoder; with the defaults the published one, of 3.4 million parameters.

    Published weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='lvt')``.

    Args:
        in_channels: channels of the image.
        embed_dims: channels of each stage.
        depths: blocks of each stage.
        num_heads: of the attention in each stage; divide ``embed_dims``.
        mlp_ratios: width of the feed-forward layers in each stage.
        reductions: of keys and values in stages 2, 3 and 4.
        dilations: of the queries' kernel in stages 2, 3 and 4.
        recursion: how often the attention of stages 2, 3 and 4 is applied.
        drop_path_rate: probability, in training, that a branch of the last block is left out; it grows linearly
            from zero at the first.
        out_indices: stages whose maps are returned, 0 to 3; there are none after the last of them.
        frozen_stages: stages up to this one, from 0, are not trained; -1 for none.
        init_cfg: for pretrained weights, see ``Backbone``.

    Shape:
        (B, in_channels, H, W) to maps of strides 4, 8, 16 and 32, sizes rounded up; any H and W.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        embed_dims: Sequence[int] = (64, 64, 160, 256),
        depths: Sequence[int] = (2, 2, 2, 2),
        num_heads: Sequence[int] = (2, 2, 5, 8),
        mlp_ratios: Sequence[int] = (4, 8, 4, 4),
        reductions: Sequence[int] = (4, 2, 1),
        dilations: Sequence[int] = (1, 3, 5),
        recursion: int = 2,
        drop_path_rate: float = 0.0,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(num_stages=STAGES, out_indices=out_indices, frozen_stages=frozen_stages, init_cfg=init_cfg)
        self._check(in_channels, embed_dims, depths, num_heads, mlp_ratios, reductions, dilations, recursion)
        check_rate('LVT', 'drop_path_rate', drop_path_rate)
        rates = [drop_path_rate * i / max(sum(depths) - 1, 1) for i in range(sum(depths))]
        self.stages = nn.ModuleList()
        for i, channels in enumerate(embed_dims[: max(out_indices) + 1]):
            blocks = []
            for rate in rates[sum(depths[:i]) : sum(depths[: i + 1])]:
                if i == 0:
                    attention = ConvolutionalSelfAttention(channels, num_heads=num_heads[i])
                else:
                    recursive = dict(reduction=reductions[i - 1], dilations=dilations, recursion=recursion)
                    attention = RecursiveAtrousSelfAttention(channels, num_heads=num_heads[i], **recursive)
                blocks.append(Block(attention, channels, mlp_ratio=mlp_ratios[i], depthwise=i > 0, drop_path_rate=rate))
            self.stages.append(Stage(embed_dims[i - 1] if i else in_channels, channels, 3 if i else 7, blocks))
        self.freeze()

    @staticmethod
    def _check(in_channels, embed_dims, depths, num_heads, mlp_ratios, reductions, dilations, recursion) -> None:
        check_positive_int('LVT', 'in_channels', in_channels)
        check_positive_int('LVT', 'recursion', recursion)
        a_stage = dict(embed_dims=embed_dims, depths=depths, num_heads=num_heads, mlp_ratios=mlp_ratios)
        for name, values in a_stage.items():
            check_positive_ints('LVT', name, values, STAGES)
        check_positive_ints('LVT', 'reductions', reductions, STAGES - 1)
        check_positive_ints('LVT', 'dilations', dilations)
        for channels, heads in zip(embed_dims, num_heads):
            if channels % heads:
                raise ValueError(f'LVT: num_heads must divide embed_dims, got {heads} for {channels}')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps of ``out_indices``."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
