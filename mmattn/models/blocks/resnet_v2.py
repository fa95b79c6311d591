"""The residual network before the transformer of TransUNet and of Google's hybrid ViT.

Big Transfer's ResNet (https://arxiv.org/abs/1912.11370): standardised kernels (https://arxiv.org/abs/1903.10520) and
group normalisation. Unlike BiT's its units normalise after the convolutions. As published with TransUNet, and unlike
Google's, the normalisation of a unit's shortcut has a group a channel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.models.blocks.recompute import apply_each

GROUPS = 32
_EPS = 1e-6  # of the normalisations, but for the shortcut's
_KERNEL_EPS, _SHORTCUT_EPS = 1e-5, 1e-5
EXPANSION = 4  # channels of a stage's map in multiples of those inside its units


class StdConv2d(nn.Conv2d):
    """Convolution whose kernels are standardised: each output channel's has mean 0 and variance 1.

    They are computed at every call, in float32 at least, from the weights as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, out_channels, H', W') for (B, in_channels, H, W)."""
        weight = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        variance, mean = torch.var_mean(weight, dim=(1, 2, 3), correction=0, keepdim=True)
        weight = (weight - mean) * (variance + _KERNEL_EPS).rsqrt()
        return self._conv_forward(x, weight.to(self.weight.dtype), self.bias)


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> StdConv2d:
    padding = kernel_size // 2
    return StdConv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)


class Root(nn.Module):
    """The first convolution, 7x7 with stride 2, a group normalisation and ReLU.

    Args:
        in_channels: channels of the image.
        channels: of the result; a multiple of 32.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = _conv(in_channels, channels, 7, 2)
        self.norm = nn.GroupNorm(GROUPS, channels, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, ceil(H / 2), ceil(W / 2))."""
        return F.relu(self.norm(self.conv(x)))


class BottleneckUnit(nn.Module):
    """1x1, 3x3 and 1x1 convolution, each with a group normalisation, beside a shortcut.

    Args:
        in_channels: channels of the map.
        channels: inside; a multiple of 32.
        out_channels: of the result; a multiple of 32.
        stride: of the 3x3 convolution and of the shortcut.
    """

    def __init__(self, in_channels: int, channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.norm1 = _conv(in_channels, channels, 1), nn.GroupNorm(GROUPS, channels, eps=_EPS)
        self.conv2, self.norm2 = _conv(channels, channels, 3, stride), nn.GroupNorm(GROUPS, channels, eps=_EPS)
        self.conv3, self.norm3 = _conv(channels, out_channels, 1), nn.GroupNorm(GROUPS, out_channels, eps=_EPS)
        self.shortcut = self.shortcut_norm = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = _conv(in_channels, out_channels, 1, stride)
            self.shortcut_norm = nn.GroupNorm(out_channels, out_channels, eps=_SHORTCUT_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, out_channels, ceil(H / stride), ceil(W / stride)).

        Raises:
            ValueError: where a shortcut's map is one pixel: it is normalised over the pixels of a channel.
        """
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut_norm(self.shortcut(x))))


class Stage(nn.Sequential):
    """Units, of which the first changes the channels and may have a stride.

    Args:
        in_channels: channels of the map.
        channels: inside the units.
        depth: how many units.
        stride: of the first.
        pool: whether 3x3 maxima with stride 2, without padding, are taken before: n to (n - 1) // 2.
        with_cp: whether the units compute again what the backward pass needs.
    """

    def __init__(
        self, in_channels: int, channels: int, depth: int, *, stride: int, pool: bool = False, with_cp: bool = False
    ) -> None:
        out_channels = EXPANSION * channels
        units = [BottleneckUnit(in_channels, channels, out_channels, stride=stride)]
        units += [BottleneckUnit(out_channels, channels, out_channels) for _ in range(depth - 1)]
        super().__init__(*units)
        self.pool, self.with_cp = pool, with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Returns the (B, 4 channels, H', W') map of the last unit."""
        return apply_each(self, F.max_pool2d(x, 3, 2) if self.pool else x, with_cp=self.with_cp)
