"""Scale-Aware Modulation Transformer (SMT), https://arxiv.org/abs/2307.08579.

Unlike the authors' code for segmentation it has stochastic depth as in their training on ImageNet (there branches go
through dropout), layer scale and any width (the large network), and keeps no attention matrix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.attention.tokens import to_map, to_tokens
from mmattn.common.checks import check_choice, check_positive_int
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.smt import Block, SelfAttention, TokenModulation
from mmattn.models.blocks.smt_sizes import ARCHS, MODULATED, STAGES, SMTArch
from mmattn.models.blocks.transformer import init_convolution


class Stem(nn.Module):
    """Two convolutions of stride 2 and a normalisation; an odd last row or column of the first is left out.

    Args:
        in_channels: channels of the image.
        channels: channels of the result.
        kernel_size: of the first convolution; the second has 2.
    """

    def __init__(self, in_channels: int, channels: int, *, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel_size, stride=2, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.reduce = nn.Conv2d(channels, channels, 2, stride=2)
        self.norm = nn.LayerNorm(channels)
        init_convolution(self.conv)
        init_convolution(self.reduce)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, H', W') with H' = ceil(H / 2) // 2; zeros fill images of one or two pixels."""
        x = F.relu(self.bn(self.conv(x)))
        lacking = [max(2 - axis, 0) for axis in x.shape[2:]]
        if any(lacking):
            x = F.pad(x, (0, lacking[1], 0, lacking[0]))
        x = self.reduce(x)
        return to_map(self.norm(to_tokens(x)), x.shape[2:])


class Downsample(nn.Module):
    """A convolution of stride 2 and a normalisation; the size is halved and rounded up.

    Args:
        in_channels: channels of the map.
        channels: channels of the result.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(channels)
        init_convolution(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, ceil(H / 2), ceil(W / 2))."""
        x = self.conv(x)
        return to_map(self.norm(to_tokens(x)), x.shape[2:])


class Stage(nn.Module):
    """A reduction, blocks, and a normalisation.

    Args:
        embed: reduces the map.
        blocks: of the stage.
        channels: after ``embed``.
    """

    def __init__(self, embed: nn.Module, blocks: Sequence[Block], channels: int) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the stage's map."""
        x = self.embed(x)
        tokens, size = to_tokens(x), x.shape[2:]
        for block in self.blocks:
            tokens = block(tokens, size)
        return to_map(self.norm(tokens), size)


@MODELS.register_module()
class SMT(Backbone):
    """The SMT encoder: modulation in stages 1 and 2, in turn with self-attention in stage 3, self-attention in stage 4.

    Published weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='smt')``.

    Args:
        arch: 'tiny', 'small', 'base' or 'large', the published networks, or a dict of the arguments of ``SMTArch``.
        in_channels: channels of the image.
        drop_path_rate: probability, in training, that a branch of the last block is left out; it grows linearly from
            zero at the first. None for that of ``arch``.
        out_indices: stages whose maps are returned, 0 to 3; there are none after the last of them.
        frozen_stages: stages up to this one, from 0, are not trained; -1 for none.
        norm_eval: whether batch normalisation keeps its statistics in training.
        init_cfg: for pretrained weights, see ``Backbone``.

    Shape:
        (B, in_channels, H, W) to normalised maps of strides 4, 8, 16 and 32; any H and W. The first has
        ceil(H / 2) // 2 rows, 1 at least; each further one half of that, rounded up.
    """

    def __init__(
        self,
        arch: str | Mapping = 'tiny',
        *,
        in_channels: int = 3,
        drop_path_rate: float | None = None,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        outer = dict(out_indices=out_indices, frozen_stages=frozen_stages, norm_eval=norm_eval, init_cfg=init_cfg)
        super().__init__(num_stages=STAGES, **outer)
        check_positive_int('SMT', 'in_channels', in_channels)
        sizes = SMTArch(**arch) if isinstance(arch, Mapping) else ARCHS[check_choice('SMT', 'arch', arch, ARCHS)]
        if drop_path_rate is not None:
            sizes = replace(sizes, drop_path_rate=drop_path_rate)
        self.stages = nn.ModuleList(self._stage(sizes, i, in_channels) for i in range(max(out_indices) + 1))
        self.freeze()

    @staticmethod
    def _stage(sizes: SMTArch, i: int, in_channels: int) -> Stage:
        channels, before, blocks = sizes.embed_dims[i], sum(sizes.depths[:i]), []
        for block in range(sizes.depths[i]):
            if i == STAGES - 1 or (i == MODULATED - 1 and block % 2):
                heads = sizes.attention_heads[i - MODULATED + 1]
                attention = SelfAttention(channels, num_heads=heads, qkv_bias=sizes.qkv_bias)
            else:
                options = dict(expand_ratio=sizes.expand_ratio, qkv_bias=sizes.qkv_bias)
                attention = TokenModulation(channels, num_heads=sizes.modulation_heads[i], **options)
            rate = sizes.drop_path_rate * (before + block) / max(sum(sizes.depths) - 1, 1)
            options = dict(mlp_ratio=sizes.mlp_ratios[i], layer_scale=sizes.layer_scale, drop_path_rate=rate)
            blocks.append(Block(attention, channels, **options))
        if i == 0:
            return Stage(Stem(in_channels, channels, kernel_size=sizes.stem_kernel_size), blocks, channels)
        return Stage(Downsample(sizes.embed_dims[i - 1], channels), blocks, channels)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps of ``out_indices``."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
