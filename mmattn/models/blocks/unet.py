"""What the Attention U-Net and the U-Net decoder share: halving, enlarging, and attention on skip connections."""

from collections.abc import Sequence
from math import gcd

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmattn.attention import AttentionGate
from mmattn.models.layers import build_layer


def halve(x: Tensor) -> Tensor:
    """Takes the maximum of 2x2 windows; the last window of an odd axis holds the one row or column that is left.

    Args:
        x: (B, C, H, W).

    Returns:
        (B, C, ceil(H / 2), ceil(W / 2)).
    """
    if torch.compiler.is_compiling():  # with dynamic sizes: rounding up would ask for even ones
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode='replicate'), 2)
    return F.max_pool2d(x, 2, ceil_mode=True)


def enlarge(x: Tensor, size: Sequence[int], *, mode: str = 'nearest') -> Tensor:
    """Enlarges a map to the size of one that it was halved from: exactly twofold, then cut to ``size``.

    So positions 2i and 2i + 1 of the result lie where position i of ``x`` does, at odd sizes too; resizing to ``size``
    would shift them. Nearest neighbours are the same either way, and may be enlarged more than twofold.

    Args:
        x: (B, C, h, w); h = ceil(H / 2) and w = ceil(W / 2) for 'bilinear'.
        size: H and W.
        mode: 'nearest' or 'bilinear'.

    Returns:
        (B, C, H, W).
    """
    if mode == 'nearest':
        return F.interpolate(x, size=tuple(size), mode=mode)
    return cut(F.interpolate(x, scale_factor=2.0, mode=mode, align_corners=False), size)


def cut(x: Tensor, size: Sequence[int]) -> Tensor:
    """Returns the first rows and columns of a map, (B, C, *size); a slice would ask for even sizes in export."""
    return F.pad(x, (0, size[1] - x.shape[3], 0, size[0] - x.shape[2]))


def build_gate(in_channels: int, gate_channels: int, *, norm_cfg: dict | None, options: dict) -> AttentionGate:
    """Builds an attention gate whose normalisations are those of the network around it.

    Args:
        in_channels: channels of the skip connection.
        gate_channels: channels of the gating signal.
        norm_cfg: None for none. Groups of a group normalisation are as many of ``num_groups`` as divide the gate's
            channels; its score, of one channel, is normalised by batch normalisation only.
        options: of ``AttentionGate``.
    """
    gate = AttentionGate(in_channels, gate_channels, **options)
    if gate.form == 'grid':
        gate.out[1] = _norm(norm_cfg, in_channels)
        gate.reset_parameters()
        return gate
    width = gate.theta.out_channels
    gate.theta_norm, gate.phi_norm = _norm(norm_cfg, width), _norm(norm_cfg, width)
    gate.psi_norm = _norm(norm_cfg, 1) if isinstance(gate.theta_norm, _BatchNorm) else nn.Identity()
    return gate


def _norm(config: dict | None, channels: int) -> nn.Module:
    if config is None:
        return nn.Identity()
    if 'num_groups' in config:
        config = dict(config, num_groups=gcd(config['num_groups'], channels))
    return build_norm_layer(config, channels)[1]


class SkipAttention(nn.Module):
    """Attention on a skip connection: an attention gate, any layer of one input, or none.

    Args:
        in_channels: channels of the skip connection.
        gate_channels: channels of the coarser map that an ``AttentionGate`` listens to.
        attention: config of the layer, which may not have ``in_channels`` or ``gate_channels``; None for none.
        norm_cfg: of the gate (``build_gate``); other layers keep their own.
        align_corners: of the gate's resizings, unless its config says otherwise.

    Raises:
        TypeError: if attention is neither None nor a config with a type.
        ValueError: if it has channels of its own.
    """

    def __init__(
        self,
        in_channels: int,
        gate_channels: int,
        *,
        attention: dict | None,
        norm_cfg: dict | None,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.gated = is_gate(attention)
        if self.gated:
            options = {'align_corners': align_corners, **attention}
            given = sorted({'in_channels', 'gate_channels'} & options.keys())
            if given:
                raise ValueError(f'skip_attention may not have {" and ".join(given)}, the network has them')
            options.pop('type')
            self.layer = build_gate(in_channels, gate_channels, norm_cfg=norm_cfg, options=options)
        else:
            self.layer = build_layer('skip_attention', attention, in_channels)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Returns the skip connection, (B, in_channels, H, W), after attention.

        Args:
            skip: (B, in_channels, H, W).
            below: (B, gate_channels, h, w), the coarser map.
        """
        return self.layer(skip, below) if self.gated else self.layer(skip)


def is_gate(attention: dict | None) -> bool:
    """Whether a config names the attention gate, by name or by class."""
    kind = attention.get('type') if isinstance(attention, dict) else None
    return kind is AttentionGate or (isinstance(kind, str) and MODELS.get(kind) is AttentionGate)
