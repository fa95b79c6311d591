"""Adaptive average pooling that traces and exports at any size."""

import torch
from torch import Tensor, nn


class TraceablePool(nn.AdaptiveAvgPool2d):
    """``nn.AdaptiveAvgPool2d``; where it is traced, by slices and means, whose places follow the size of the input.

    The older ONNX exporter takes PyTorch's own only where the output's sides divide the input's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, C, h, w) for (B, C, H, W): the mean of the pixels that each of the h x w cells touches."""
        if not torch.jit.is_tracing():
            return super().forward(x)
        size = self.output_size
        height, width = (size, size) if isinstance(size, int) else size
        return _means(_means(x, 2, height), 3, width)


def _means(x: Tensor, axis: int, cells: int | None) -> Tensor:
    if cells is None:
        return x
    length = x.shape[axis]
    starts = [cell * length // cells for cell in range(cells)]
    ends = [((cell + 1) * length + cells - 1) // cells for cell in range(cells)]
    if axis == 2:
        parts = [x[:, :, start:end] for start, end in zip(starts, ends)]
    else:
        parts = [x[:, :, :, start:end] for start, end in zip(starts, ends)]
    return torch.cat([part.mean(axis, keepdim=True) for part in parts], axis)
