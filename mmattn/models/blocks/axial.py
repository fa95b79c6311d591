"""The bottleneck block of Axial-ResNet: 1x1 convolution, attention along both axes, 1x1 convolution."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.utils.checkpoint
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmattn.attention import SingleAxisAttention

_NORM_TYPES = ('BN', 'BN2d', 'SyncBN')
_NORM_OPTIONS = ('type', 'requires_grad', 'eps', 'momentum')


def check_norm_cfg(owner: str, norm_cfg: dict) -> None:
    """Raises ValueError unless ``norm_cfg`` is of a batch normalisation and has the options that blocks can apply."""
    if not isinstance(norm_cfg, dict) or norm_cfg.get('type') not in _NORM_TYPES:
        raise ValueError(f'{owner}: norm_cfg must have a type of {_NORM_TYPES}, got {norm_cfg!r}')
    if unknown := [name for name in norm_cfg if name not in _NORM_OPTIONS]:
        raise ValueError(f'{owner}: norm_cfg may have the options {_NORM_OPTIONS}, got {unknown[0]!r} too')


def normalisation(channels: int, norm_cfg: dict) -> nn.Module:
    """Builds the normalisation of a map with ``channels`` channels."""
    return build_norm_layer(norm_cfg, channels)[1]


def apply_norm_cfg(attention: nn.Module, norm_cfg: dict) -> nn.Module:
    """Gives the normalisations inside an attention layer the options of ``norm_cfg``, and returns the layer."""
    for norm in attention.modules():
        if isinstance(norm, _BatchNorm):
            norm.eps = norm_cfg.get('eps', norm.eps)
            norm.momentum = norm_cfg.get('momentum', norm.momentum)
            norm.requires_grad_(norm_cfg.get('requires_grad', True))
    return nn.SyncBatchNorm.convert_sync_batchnorm(attention) if norm_cfg['type'] == 'SyncBN' else attention


@contextmanager
def kept_buffers(module: nn.Module) -> Iterator[None]:
    """Puts the buffers of ``module``, as running statistics, back at the end to what they were."""
    kept = [buffer.clone() for buffer in module.buffers()]
    try:
        yield
    finally:  # computing again ends by an exception as soon as it has what it needs
        for buffer, value in zip(module.buffers(), kept):
            buffer.data.copy_(value)


class AxialBlock(nn.Module):
    """Reduces the channels, attends along the height and then along the width, widens the channels; with a residual.

    Args:
        in_channels: channels of the map.
        channels: channels of the attention; the result has twice as many.
        num_heads: heads of the attention.
        kernel_size: positions on an axis up to which attention along it is global.
        span: positions that each one sees around it on longer axes; None for all that ``kernel_size`` tells apart.
        stride: of an average pooling after the attention along the width.
        norm_cfg: of all normalisations, those inside the attention included.
        with_cp: computes the block again in the backward pass instead of keeping what is inside it.

    Shape:
        (B, in_channels, H, W) to (B, 2 channels, ceil(H / stride), ceil(W / stride)); any H and W.
    """

    expansion = 2

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        num_heads: int = 8,
        kernel_size: int = 56,
        span: int | None = None,
        stride: int = 1,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        norm_cfg = dict(type='BN') if norm_cfg is None else norm_cfg
        self.with_cp = with_cp
        out_channels = self.expansion * channels
        self.conv_down = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = normalisation(channels, norm_cfg)
        options = dict(num_heads=num_heads, kernel_size=kernel_size, span=span)
        self.height = SingleAxisAttention(channels, axis='height', **options)
        self.width = SingleAxisAttention(channels, axis='width', stride=stride, **options)
        self.height, self.width = (apply_norm_cfg(layer, norm_cfg) for layer in (self.height, self.width))
        self.conv_up = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn2 = normalisation(out_channels, norm_cfg)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, normalisation(out_channels, norm_cfg))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the convolutions; the block begins as its shortcut."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode='fan_out', nonlinearity='relu')
        nn.init.zeros_(self.bn2.weight)

    def _forward(self, x: Tensor) -> Tensor:
        hidden = self.relu(self.bn1(self.conv_down(x)))
        hidden = self.relu(self.width(self.height(hidden)))
        return self.relu(self.bn2(self.conv_up(hidden)) + self.downsample(x))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the block's map."""
        if not (self.with_cp and self.training and torch.is_grad_enabled()):
            return self._forward(x)
        return torch.utils.checkpoint.checkpoint(
            self._forward, x, use_reentrant=False, context_fn=lambda: (nullcontext(), kept_buffers(self))
        )
