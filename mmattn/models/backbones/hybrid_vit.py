"""The encoder of TransUNet (https://arxiv.org/abs/2102.04306): a residual network, and a Vision Transformer on its map.

Unlike the authors' code it takes images of any size, and keeps no attention matrix.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.utils import to_2tuple
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_flag, check_positive_int, check_positive_ints, check_rate
from mmattn.kernels.context import is_exporting
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.resnet_v2 import EXPANSION, GROUPS, Root, Stage
from mmattn.models.blocks.unet import cut
from mmattn.models.blocks.vit import VisionTransformer, fit_positions
from mmattn.models.weights.one_channel import PretrainedOneChannel

PATCH = 16  # stride of the tokens
RESNET_STRIDES = (2, 4, 8, PATCH)
_POSITIONS = 'vit.pos_embed'


def _ceil_divide(length: int, stride: int) -> int:
    return (length + stride - 1) // stride  # of positive numbers: ONNX rounds negative ones to zero


@MODELS.register_module()
class HybridViT(Backbone):
    """The TransUNet encoder; with the defaults the published R50-ViT-B/16.

    ``embed_dims=1024, num_layers=24, num_heads=16`` is R50-ViT-L/16; ``resnet_depths=None`` the pure ViT, on patches of
    16x16 pixels. Weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='transunet')`` of a TransUNet, or
    Google's ``R50+ViT-B_16.npz`` and ``ViT-B_16.npz`` of ImageNet-21k with ``source='vit-imagenet21k'``. As published
    the network is not quite the one that Google trained (``blocks.resnet_v2``).

    Args:
        img_size: height and width, or both at once, of the images whose position embeddings are stored: one each 16
            pixels, rounded down. Those of other images, and of files, are interpolated.
        in_channels: channels of the image. With 3 an image of one channel is repeated, as published.
        embed_dims: channels of the tokens.
        num_layers: blocks of the transformer.
        num_heads: of its attention; divides ``embed_dims``.
        mlp_ratio: width of its feed-forward layers' hidden layers in multiples of ``embed_dims``.
        resnet_depths: units of the three stages of the residual network; None for none of it.
        resnet_channels: of its first map; the stages have 4, 8 and 16 times as many. A multiple of 32.
        drop_rate: of the dropout, in training, of the embeddings and in the feed-forward layers.
        attn_drop_rate: of the dropout of the attention, in training.
        out_indices: maps that are returned, 0 to 3, or 0 without the residual network; all for None. What is after the
            last of them is not built.
        frozen_stages: maps up to this one, from 0, are of layers that are not trained; -1 for none. The transformer
            belongs to the last.
        with_cp: whether, in training, units and blocks keep only what goes in, and compute the rest again for the
            backward pass.
        init_cfg: for pretrained weights, see ``Backbone``.

    Raises:
        TypeError, ValueError: for a wrong value; the message names the option.

    Shape:
        (B, in_channels, H, W) to maps of strides 2, 4, 8 and 16 with resnet_channels, 4 and 8 times as many, and
        embed_dims channels, sizes rounded up; without the residual network the last alone. Any H and W: zeros fill the
        image at its right and bottom to a multiple of 16, and to 32 with the residual network.
    """

    def __init__(
        self,
        img_size: int | Sequence[int] = 224,
        in_channels: int = 3,
        embed_dims: int = 768,
        num_layers: int = 12,
        num_heads: int = 12,
        mlp_ratio: int = 4,
        resnet_depths: Sequence[int] | None = (3, 4, 9),
        resnet_channels: int = 64,
        drop_rate: float = 0.1,
        attn_drop_rate: float = 0.0,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        strides = (PATCH,) if resnet_depths is None else RESNET_STRIDES
        out_indices = range(len(strides)) if out_indices is None else out_indices
        outer = dict(out_indices=out_indices, frozen_stages=frozen_stages, init_cfg=init_cfg)
        super().__init__(num_stages=len(strides), **outer)
        sizes = dict(in_channels=in_channels, embed_dims=embed_dims, num_layers=num_layers, num_heads=num_heads)
        for name, value in dict(sizes, mlp_ratio=mlp_ratio, resnet_channels=resnet_channels).items():
            check_positive_int('HybridViT', name, value)
        if embed_dims % num_heads:
            raise ValueError(f'HybridViT: num_heads must divide embed_dims, got {num_heads} for {embed_dims}')
        for name, rate in dict(drop_rate=drop_rate, attn_drop_rate=attn_drop_rate).items():
            check_rate('HybridViT', name, rate)
        check_flag('HybridViT', 'with_cp', with_cp)
        img_size = check_positive_ints('HybridViT', 'img_size', to_2tuple(img_size), 2, minimum=PATCH)
        if resnet_depths is not None:
            self._check_resnet(resnet_depths, resnet_channels)
        self.in_channels, self.strides, last = in_channels, strides, max(self.out_indices)
        self.stages = nn.ModuleList()
        if resnet_depths is not None:
            self.stages.extend(self._resnet(in_channels, resnet_channels, resnet_depths, with_cp)[: last + 1])
        self.vit = None
        if last == len(strides) - 1:
            self.vit = VisionTransformer(
                in_channels if resnet_depths is None else 4 * EXPANSION * resnet_channels,
                embed_dims,
                patch_size=PATCH if resnet_depths is None else 1,
                grid=[side // PATCH for side in img_size],
                num_layers=num_layers,
                num_heads=num_heads,
                mlp_ratio=mlp_ratio,
                drop_rate=drop_rate,
                attn_drop_rate=attn_drop_rate,
                with_cp=with_cp,
            )
        self.freeze()

    def _check_resnet(self, depths: Sequence[int], channels: int) -> None:
        check_positive_ints('HybridViT', 'resnet_depths', depths, 3)
        if channels % GROUPS:
            raise ValueError(f'HybridViT: resnet_channels must be a multiple of {GROUPS}, got {channels}')
        configs = [self.init_cfg] if isinstance(self.init_cfg, dict) else self.init_cfg or []
        if any(config['type'] in ('PretrainedOneChannel', PretrainedOneChannel) for config in configs):
            raise ValueError(
                'HybridViT: init_cfg may not be PretrainedOneChannel: it sums the first kernels over their channels, '
                'but they are standardised, and sums of standardised kernels are not standardised sums. With '
                'Pretrained and in_channels=3 a grey section is repeated, which is what the sum would stand for'
            )

    @staticmethod
    def _resnet(in_channels: int, channels: int, depths: Sequence[int], with_cp: bool) -> list[nn.Module]:
        one, two, three = depths
        return [
            Root(in_channels, channels),
            Stage(channels, channels, one, stride=1, pool=True, with_cp=with_cp),
            Stage(EXPANSION * channels, 2 * channels, two, stride=2, with_cp=with_cp),
            Stage(2 * EXPANSION * channels, 4 * channels, three, stride=2, with_cp=with_cp),
        ]

    def frozen_modules(self) -> list[nn.Module]:
        """Returns what ``frozen_stages`` keeps from training."""
        modules = list(self.stages[: self.frozen_stages + 1])
        return modules + [self.vit] * (self.vit is not None and self.frozen_stages == len(self.strides) - 1)

    def fit_tensors(self, tensors: dict[str, Tensor], prefix: str) -> list[str]:
        """Fits the position embeddings to this network's grid (``blocks.vit``), in place; returns their name if so.

        Args:
            tensors: under our names.
            prefix: before each of them.
        """
        name = prefix + _POSITIONS
        if self.vit is None or name not in tensors:
            return []
        before = tensors[name].shape
        tensors[name] = fit_positions(tensors[name], self.vit.grid, self.vit.pos_embed.shape[2])
        return [name] if tensors[name].shape != before else []

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        self.fit_tensors(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps of ``out_indices``; ValueError for an image of other channels."""
        size = x.shape[2:]
        x, maps = self._fill(self._channels(x)), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        if self.vit is not None:
            maps = [*maps[:-1], self.vit(x)]
        if len(self.stages) > 1:
            maps[1] = F.pad(maps[1], (0, 1, 0, 1))  # what the pool without padding leaves out
        return tuple(cut(maps[i], [_ceil_divide(side, self.strides[i]) for side in size]) for i in self.out_indices)

    def _channels(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1 and self.in_channels == 3:
            return x.expand(-1, 3, -1, -1)
        if x.shape[1] != self.in_channels:
            allowed = '3 channels, or 1' if self.in_channels == 3 else f'in_channels={self.in_channels}'
            raise ValueError(f'HybridViT: an image must have {allowed}, got {x.shape[1]}')
        return x

    def _fill(self, x: Tensor) -> Tensor:
        least = 2 * PATCH if len(self.strides) > 1 else PATCH  # shortcuts of the last stage need two positions
        height, width = (_ceil_divide(side, PATCH) * PATCH for side in x.shape[2:])
        if not is_exporting():  # a graph of any size takes sides of ``least`` and more
            height, width = max(height, least), max(width, least)
        return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))
