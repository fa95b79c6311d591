"""Which maps the Triton kernels serve, and the layout of what they take and return."""

from collections.abc import Sequence
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from torch import Tensor

TRITON_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
TRITON_EMBED = 128  # tiles of wider queries and keys exceed the shared memory of some GPUs
MOST_BLOCKS = 65535  # of a launch along its second and third axis
ALIGNED = 16  # queries and keys are as many channels, or a multiple: rows are read 16 bytes and more at a time
_HAS_TRITON = find_spec('triton') is not None


def serves_triton(device: torch.device, dtype: torch.dtype, shape: Sequence[int], embed: int) -> bool:
    """Tells whether the Triton kernels serve maps of a shape (B, C, H, W), with queries of ``embed`` channels.

    They want NVIDIA's Ampere or later, no float64, D up to ``TRITON_EMBED``, an image in 32-bit offsets, and no more
    images and tiles of a line than a launch has blocks.
    """
    batch, channels, height, width = shape
    embed += -embed % ALIGNED
    tiles = -(-max(height, width) // 16) * -(-channels // 64)  # the smallest
    return (
        _HAS_TRITON
        and device.type == 'cuda'
        and torch.version.hip is None
        and dtype in TRITON_DTYPES
        and embed <= TRITON_EMBED
        and max(2 * batch, tiles) <= MOST_BLOCKS
        and height * width * (2 * embed + channels) < 2**31
        and torch.cuda.get_device_properties(device).major >= 8
    )


def empty_map(x: Tensor) -> Tensor:
    """Returns a new map of the shape of ``x`` (B, C, H, W) with the channels last where its own are, else first."""
    last = torch.channels_last if has_channels_last(x) else torch.contiguous_format
    return torch.empty_like(x, memory_format=last)


def has_channels_last(x: Tensor) -> bool:
    """Tells whether a map lies in memory with the channels last, and not at the same time with the channels first."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def align_queries(weight: Tensor, bias: Tensor, embed: int) -> tuple[Tensor, Tensor]:
    """Fills queries and keys up to a multiple of ``ALIGNED`` channels by zeros, which leave their products alone.

    Args:
        weight: (2 D + C, C), the projections to queries, keys and values.
        bias: (2 D + C,).
        embed: D.
    """
    lacking = -embed % ALIGNED
    if not lacking:
        return weight, bias
    weights, biases = (part.tensor_split([embed, 2 * embed]) for part in (weight, bias))
    weight = torch.cat([*(F.pad(part, (0, 0, 0, lacking)) for part in weights[:2]), weights[2]])
    return weight, torch.cat([*(F.pad(part, (0, lacking)) for part in biases[:2]), biases[2]])
