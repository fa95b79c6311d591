"""Which maps the Triton kernels serve, and the layout of what they return."""

from importlib.util import find_spec

import torch
from torch import Tensor

TRITON_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
TRITON_EMBED = 128  # tiles of wider queries and keys exceed the shared memory of some GPUs
_HAS_TRITON = find_spec('triton') is not None


def serves_triton(device: torch.device, dtype: torch.dtype, positions: int, embed: int, channels: int) -> bool:
    """Tells whether the Triton kernels serve images of so many positions, with D ``embed`` and C ``channels``.

    They want NVIDIA's Ampere or later, no float64, D up to ``TRITON_EMBED`` and an image in 32-bit offsets.
    """
    return (
        _HAS_TRITON
        and device.type == 'cuda'
        and torch.version.hip is None
        and dtype in TRITON_DTYPES
        and embed <= TRITON_EMBED
        and positions * (2 * embed + channels) < 2**31
        and torch.cuda.get_device_properties(device).major >= 8
    )


def empty_map(x: Tensor) -> Tensor:
    """Returns a new map of the shape of ``x`` (B, C, H, W) with the channels last where its own are, else first."""
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.empty_like(x, memory_format=torch.channels_last if last else torch.contiguous_format)
