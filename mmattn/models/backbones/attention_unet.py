"""Attention U-Net: Learning Where to Look for the Pancreas, https://arxiv.org/abs/1804.03999.

Two published networks, in two dimensions. ``gate='additive'`` is the one that most people mean by the name: each skip
connection is gated by the map that was enlarged and convolved to its size. ``gate='grid'`` is the authors' network:
gates work on a coarser grid and listen to the decoder's map below, the deepest to a projection of the deepest map; the
shallowest skip connection has no gate; and all maps of the decoder are classified (``MultiScaleHead``).

Both were published for sizes that are multiples of 2^(num_stages - 1). Here sizes are any: maps are halved rounding
up, the last window of an odd axis holding what is left, and enlarged exactly twofold, then cut to the skip
connection's size. No pixel is made up, and nothing changes at the published sizes.
"""

import torch
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmattn.attention.inputs import check_feature_map
from mmattn.common.checks import check_choice, check_positive_int
from mmattn.models.backbones.backbone import Backbone
from mmattn.models.blocks.unet import SkipAttention, build_gate, enlarge, halve

_INIT = (
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
)


class ConvNormAct(nn.Module):
    """Convolution with a bias, as published, normalisation and activation.

    Args:
        in_channels: of the map.
        out_channels: of the result.
        kernel_size: odd; sizes are kept.
        norm_cfg: None for none.
        act_cfg: of the activation.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, norm_cfg: dict | None, act_cfg: dict
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.norm = nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]
        self.act = build_activation_layer(act_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, out_channels, H, W)."""
        return self.act(self.norm(self.conv(x)))


def double_conv(in_channels: int, out_channels: int, **layers: dict | None) -> nn.Sequential:
    """Returns two 3x3 convolutions with what follows them; ``layers`` are norm_cfg and act_cfg."""
    return nn.Sequential(
        ConvNormAct(in_channels, out_channels, 3, **layers), ConvNormAct(out_channels, out_channels, 3, **layers)
    )


class AdditiveStage(nn.Module):
    """Enlarges and convolves, gates the skip connection with the result, joins both and convolves.

    Args:
        in_channels: of the map below.
        channels: of the skip connection and of the result.
        attention: config of another layer on the skip connection, or None for none; the additive gate by default.
        norm_cfg: None for none.
        act_cfg: of the activations.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        attention: dict | str | None = 'additive',
        norm_cfg: dict | None,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        layers = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.up = ConvNormAct(in_channels, channels, 3, **layers)
        if attention == 'additive':
            self.gate = build_gate(channels, channels, norm_cfg=norm_cfg, options=dict(form='additive'))
        else:
            self.gate = SkipAttention(channels, channels, attention=attention, norm_cfg=norm_cfg)
        self.convs = double_conv(2 * channels, channels, **layers)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Returns (B, channels, H, W) from (B, in_channels, h, w) and the skip connection, (B, channels, H, W)."""
        up = self.up(enlarge(below, skip.shape[2:]))
        return self.convs(torch.cat([self.gate(skip, up), up], dim=1))


class GridStage(nn.Module):
    """Gates the skip connection with the map below on its grid, joins it with that map enlarged and convolves.

    Args:
        in_channels: of the map below.
        channels: of the skip connection and of the result.
        gated: False leaves the skip connection as it is.
        project: whether the gate listens to a projection of the map below.
        norm_cfg: None for none.
        act_cfg: of the activations.
    """

    def __init__(
        self, in_channels: int, channels: int, *, gated: bool, project: bool, norm_cfg: dict | None, act_cfg: dict
    ) -> None:
        super().__init__()
        layers = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.gate = None
        if gated:
            self.signal = ConvNormAct(in_channels, in_channels, 1, **layers) if project else nn.Identity()
            options = dict(form='grid', inter_channels=channels)
            self.gate = build_gate(channels, in_channels, norm_cfg=norm_cfg, options=options)
            self.combine = ConvNormAct(channels, channels, 1, **layers)
        self.convs = double_conv(in_channels + channels, channels, **layers)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Returns (B, channels, H, W) from (B, in_channels, h, w) and the skip connection, (B, channels, H, W)."""
        up = enlarge(below, skip.shape[2:], mode='bilinear')
        if self.gate is not None:
            skip = self.combine(self.gate(skip, self.signal(below)))
        return self.convs(torch.cat([skip, up], dim=1))


@MODELS.register_module()
class AttentionUNet(Backbone):
    """A U-Net whose skip connections pass attention gates; a backbone as MMSegmentation's ``UNet`` is.

    With the defaults and ``MultiScaleHead(64, …)`` it is the published additive network, of 34.9 million parameters;
    its weights: ``init_cfg=dict(type='Pretrained', checkpoint=…, source='attention-unet')`` here and, for the
    classifier, in the head. With ``gate='grid'`` and ``MultiScaleHead((512, 256, 128, 64), in_index=(1, 2, 3, 4), …)``
    it is the authors' network with its deep supervision; theirs has ``base_channels=16`` and is three-dimensional.

    Args:
        in_channels: channels of the image.
        base_channels: of the first stage; each further stage has twice as many.
        num_stages: of the encoder, at least 2 for the additive and 3 for the grid network.
        gate: 'additive' or 'grid' (see the module). The config of any attention layer of one input, or of an
            ``AttentionGate``, puts that layer on the skip connections of the additive network; None leaves them as they
            are: a plain U-Net.
        norm_cfg: of the normalisations, the gates' included; None for none.
        act_cfg: of the activations.
        norm_eval: whether batch normalisations keep their statistics in training.
        frozen_stages: stages of the encoder up to this one, from 0, are not trained; -1 for none.
        with_cp: compute the stages again in the backward pass rather than keep what is in them.
        init_cfg: MMEngine's, pretrained weights as ``Backbone`` says; as MMSegmentation's ``UNet`` by default.

    Shape:
        (B, in_channels, H, W) to ``num_stages`` maps, the deepest first and that of full resolution last: map i has
        ``base_channels * 2**(num_stages - 1 - i)`` channels and a stride of ``2**(num_stages - 1 - i)``, sizes
        rounded up; any H and W.

    Raises:
        ValueError: for a wrong value, which the message names.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        base_channels: int = 64,
        num_stages: int = 5,
        gate: str | dict | None = 'additive',
        norm_cfg: dict | None = dict(type='BN'),  # noqa: B006
        act_cfg: dict = dict(type='ReLU'),  # noqa: B006
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        name = type(self).__name__
        self._check(name, in_channels, base_channels, num_stages, gate)
        super().__init__(
            num_stages=num_stages,
            out_indices=range(num_stages),
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            init_cfg=list(_INIT) if init_cfg is None else init_cfg,
        )
        self.in_channels, self.with_cp = in_channels, with_cp
        layers = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        channels = [base_channels * 2**i for i in range(num_stages)]
        self.encoder = nn.ModuleList(
            double_conv(before, after, **layers) for before, after in zip([in_channels, *channels], channels)
        )
        self.decoder = nn.ModuleList()
        for i in reversed(range(num_stages - 1)):
            if gate != 'grid':
                stage = AdditiveStage(channels[i + 1], channels[i], attention=gate, **layers)
            else:
                deepest = i == num_stages - 2
                stage = GridStage(channels[i + 1], channels[i], gated=i > 0, project=deepest, **layers)
            self.decoder.append(stage)
        self.freeze()

    @staticmethod
    def _check(name: str, in_channels: int, base_channels: int, num_stages: int, gate: str | dict | None) -> None:
        if isinstance(gate, str):
            check_choice(name, 'gate', gate, ('additive', 'grid'))
        check_positive_int(name, 'in_channels', in_channels)
        check_positive_int(name, 'base_channels', base_channels)
        check_positive_int(name, 'num_stages', num_stages, minimum=3 if gate == 'grid' else 2)

    def frozen_modules(self) -> list[nn.Module]:
        """Returns the encoder's stages that are not trained."""
        return list(self.encoder[: self.frozen_stages + 1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the encoder's deepest map and those of the decoder, the deepest first."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        skips = []
        for i, stage in enumerate(self.encoder):
            x = self._run(stage, x if i == 0 else halve(x))
            skips.append(x)
        maps = [skips.pop()]
        for stage in self.decoder:
            maps.append(self._run(stage, maps[-1], skips.pop()))
        return tuple(maps)

    def _run(self, stage: nn.Module, *inputs: Tensor) -> Tensor:
        if self.with_cp and self.training and torch.is_grad_enabled():
            return checkpoint(stage, *inputs, use_reentrant=False)
        return stage(*inputs)
