"""Convolutional block attention: a gate by channel, then a gate by position.

CBAM: Convolutional Block Attention Module, https://arxiv.org/abs/1807.06521.

As in the authors' code, the spatial gate has batch normalisation and takes the maximum before the mean, which the
paper does not say. Unlike it, pooling fixes no size, few channels keep one hidden channel, and the channel gate is
computed in float32 or wider and the spatial gate in the parameters' dtype, whatever the dtype of the features.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmattn.attention.gating import channel_logits, channel_means, scale_channels, scale_own, squeezed_width
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_choice, check_flag, check_positive, check_positive_int
from mmattn.kernels.context import is_exporting

Pool = Literal['avg', 'max', 'lp', 'lse']


def _largest(x: Tensor) -> Tensor:
    """Maximum over positions, (B, C); of several largest the first has the gradient, as in the published code."""
    if (
        x.requires_grad and not is_exporting()
    ):  # backward scatters to one index; that of amax compares the whole map again
        return x.flatten(2).max(2).values
    return x.amax((2, 3))


_POOLS: dict[str, Callable[[Tensor, torch.dtype], Tensor]] = {
    'avg': lambda x, wide: channel_means(x),
    'max': lambda x, wide: _largest(x).to(wide),
    'lp': lambda x, wide: torch.linalg.vector_norm(x, dim=(2, 3), dtype=wide),
    'lse': lambda x, wide: x.to(wide).logsumexp((2, 3)),
}


def gate_channels(
    x: Tensor, squeeze: nn.Linear, excite: nn.Linear, *, pool_types: Sequence[Pool] = ('avg', 'max')
) -> Tensor:
    """Scales each channel by the sigmoid of the summed logits of several poolings (equation 2 of the paper).

    Args:
        x: (B, C, H, W).
        squeeze: linear layer from C channels to fewer, shared by the poolings.
        excite: linear layer back to C channels, shared likewise.
        pool_types: over all positions: 'avg', 'max', 'lp' (root of the sum of squares), 'lse' (log of the sum of
            exponentials).

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    with torch.autocast(x.device.type, enabled=False):
        pooled = torch.stack([_POOLS[kind](x, wide) for kind in pool_types])
        scale = channel_logits(pooled, squeeze, excite).sum(0).sigmoid()
        return scale_channels(x, scale)


def describe_positions(x: Tensor) -> Tensor:
    """Returns the maximum and the mean over channels, (B, 2, H, W), of a (B, C, H, W) map."""
    by_index = x.requires_grad and not is_exporting()  # as in _largest
    largest = x.max(1, keepdim=True).values if by_index else x.amax(1, keepdim=True)
    return torch.cat([largest, x.mean(1, keepdim=True)], dim=1)


@mechanism(short='cbam', cost='98*N + C**2/4')
class CBAM(nn.Module):
    """Channel gate, then spatial gate.

    Args:
        in_channels: channels of the feature map.
        reduction: the channel gate's hidden layer has ``in_channels // reduction`` channels, at least one.
        pool_types: poolings of the channel gate, of 'avg', 'max', 'lp' and 'lse'.
        no_spatial: leave the spatial gate out.
        kernel_size: of the spatial gate's convolution, odd.
        norm_eps: of the spatial gate's batch normalisation.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        reduction: int = 16,
        pool_types: Sequence[Pool] = ('avg', 'max'),
        no_spatial: bool = False,
        kernel_size: int = 7,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        if not isinstance(pool_types, Sequence) or isinstance(pool_types, str) or not pool_types:
            raise ValueError(f'{name}: pool_types must be a sequence of at least one pooling, got {pool_types!r}')
        self.pool_types = tuple(check_choice(name, 'pool_types', kind, _POOLS) for kind in pool_types)
        if check_positive_int(name, 'kernel_size', kernel_size) % 2 == 0:
            raise ValueError(f'{name}: kernel_size must be odd, got {kernel_size}')
        check_positive(name, 'norm_eps', norm_eps)
        hidden = squeezed_width(in_channels, check_positive_int(name, 'reduction', reduction))
        self.fc1 = nn.Linear(in_channels, hidden)
        self.fc2 = nn.Linear(hidden, in_channels)
        self.no_spatial = check_flag(name, 'no_spatial', no_spatial)
        if not no_spatial:
            self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
            self.norm = nn.BatchNorm2d(1, eps=norm_eps, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the map gated by channel, then by position."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        x = gate_channels(x, self.fc1, self.fc2, pool_types=self.pool_types)
        if self.no_spatial:
            return x
        with torch.autocast(x.device.type, enabled=False):
            logits = self.norm(self.conv(describe_positions(x).to(self.conv.weight.dtype)))
            return scale_own(x, logits.sigmoid().to(x.dtype))

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'pool_types={self.pool_types}, no_spatial={self.no_spatial}'
