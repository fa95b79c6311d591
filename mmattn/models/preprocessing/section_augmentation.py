"""Random scaling, cropping, flipping and gain of whole batches, on the device that trains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_positive, check_positive_ints


@dataclass(frozen=True)
class Views:
    """What is drawn for a batch of N sections: the rectangle of the scaled section that each becomes, and its gain.

    Args:
        size: (N, 2) height and width that a section is scaled to, in samples.
        offset: (N, 2) row and column of the rectangle's first sample there; negative where it is larger.
        flip: (N,) whether columns are reversed.
        gain: (N,) factor of the amplitudes.
    """

    size: Tensor
    offset: Tensor
    flip: Tensor
    gain: Tensor


@MODELS.register_module()
class SectionAugmentation(nn.Module):
    """Draws another view of each section of a batch: scaled, cropped, flipped horizontally, amplified.

    It does to a batch, in a few operations on its device, what ``RandomResize``, ``RandomCrop``, ``RandomFlip`` and
    ``RandomAmplitude`` do to one section after another in the processes that load: for machines whose GPU is faster
    than their processors can feed. Sections are interpolated bilinearly without rounding, labels take the nearest
    sample. A section that is scaled below ``crop_size`` is padded by reflection, its labels with the ignored one.
    Random numbers are PyTorch's, drawn on the CPU, so they are the same on every device.

    The default of each option changes nothing. There is no vertical flip: time does not run backwards.

    Args:
        scale: width and height that a section is fitted into, its aspect kept, before it is multiplied by the ratio;
            None is its own size.
        ratio_range: range of the ratio, uniform, both positive.
        crop_size: height and width of the view; None is the section's own size.
        flip_prob: probability that columns are reversed.
        gain: range of the gain, log-uniform, both positive.
        polarity_prob: probability that the polarity is reversed.
        center: value of zero amplitude in the image (128 in 8-bit sections, 0 in amplitudes).

    Raises:
        TypeError: if an option is no number.
        ValueError: if an option is out of its range.
    """

    def __init__(
        self,
        *,
        scale: tuple[int, int] | None = None,
        ratio_range: tuple[float, float] = (1.0, 1.0),
        crop_size: tuple[int, int] | None = None,
        flip_prob: float = 0.0,
        gain: tuple[float, float] = (1.0, 1.0),
        polarity_prob: float = 0.0,
        center: float = 128.0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.scale = None if scale is None else check_positive_ints(name, 'scale', scale, 2)
        self.ratio_range = _check_range(name, 'ratio_range', ratio_range)
        self.crop_size = None if crop_size is None else check_positive_ints(name, 'crop_size', crop_size, 2)
        self.flip_prob = _check_number(name, 'flip_prob', flip_prob, 0.0, 1.0)
        self.gain = _check_range(name, 'gain', gain)
        self.polarity_prob = _check_number(name, 'polarity_prob', polarity_prob, 0.0, 1.0)
        self.center = _check_number(name, 'center', center, -math.inf, math.inf)

    def forward(self, images: Tensor, labels: Tensor, *, ignore_index: int = 255) -> tuple[Tensor, Tensor]:
        """Draws a view of each section.

        Args:
            images: (N, C, H, W) floating amplitudes.
            labels: (N, 1, H, W) integers.
            ignore_index: label of what lies outside of a section.

        Returns:
            Images and labels of the views, (N, C, h, w) and (N, 1, h, w).
        """
        views = self.draw(len(images), (images.shape[2], images.shape[3]))
        return self.apply_views(images, labels, views, ignore_index=ignore_index)

    def draw(self, count: int, size: tuple[int, int]) -> Views:
        """Draws the views of ``count`` sections of one height and width."""
        drawn = torch.rand(6, count, dtype=torch.float64)
        own = torch.tensor(size, dtype=torch.float64)
        low, high = self.ratio_range
        fitted = torch.tensor(self.scale or (size[1], size[0]), dtype=torch.float64)
        fitted = (fitted * (low + (high - low) * drawn[0])[:, None]).floor()  # as mmcv's RandomResize rounds
        factor = torch.minimum(fitted.amax(1) / own.max(), fitted.amin(1) / own.min())
        scaled = (own * factor[:, None] + 0.5).floor().clamp(min=1)
        room = scaled - torch.tensor(self.crop_size or size, dtype=torch.float64)
        offset = torch.where(room < 0, (room / 2).ceil(), (drawn[1:3].T * (room + 1)).floor())
        low, high = torch.tensor(self.gain, dtype=torch.float64).log()
        gain = (low + (high - low) * drawn[4]).exp()
        gain = torch.where(drawn[5] < self.polarity_prob, -gain, gain)
        return Views(scaled.long(), offset.long(), drawn[3] < self.flip_prob, gain)

    def apply_views(
        self, images: Tensor, labels: Tensor, views: Views, *, ignore_index: int = 255
    ) -> tuple[Tensor, Tensor]:
        """Takes given views of sections; arguments and result as of ``forward``."""
        count, _, *size = images.shape
        height, width = self.crop_size or size
        axes = [
            _axis(height, size[0], views.size[:, 0], views.offset[:, 0], torch.zeros_like(views.flip)),
            _axis(width, size[1], views.size[:, 1], views.offset[:, 1], views.flip),
        ]
        # one copy to the device
        table = torch.cat([views.gain[:, None], *(part for axis in axes for part in axis)], 1).float()
        gain, *parts = table.to(images.device).split([1, height, height, width, width], 1)
        grid = torch.stack(torch.broadcast_tensors(parts[2][:, None, :], parts[0][:, :, None]), -1)
        images = F.grid_sample(images, grid, mode='bilinear', padding_mode='border', align_corners=True)
        images = self.center + gain[:, :, None, None] * (images - self.center)
        rows, columns = parts[1].long()[:, :, None], parts[3].long()[:, None, :]
        section = torch.arange(count, device=labels.device)[:, None, None]
        taken = labels[section, 0, rows.clamp(min=0), columns.clamp(min=0)]
        return images, torch.where((rows < 0) | (columns < 0), ignore_index, taken)[:, None]


def _axis(length: int, source: int, scaled: Tensor, offset: Tensor, flip: Tensor) -> tuple[Tensor, Tensor]:
    """Returns where the samples of a view's axis come from.

    Args:
        length: samples of the view.
        source: samples of the section.
        scaled: (N,) samples of the scaled section.
        offset: (N,) of the view in the scaled section.
        flip: (N,) whether the view is reversed.

    Returns:
        (N, length) coordinates in the section, -1 its first sample and 1 its last, and (N, length) nearest samples,
        -1 for what is outside of it.
    """
    index = torch.arange(length)
    index = torch.where(flip[:, None], length - 1 - index, index) + offset[:, None]
    scaled = scaled[:, None]
    period = (2 * (scaled - 1)).clamp(min=1)
    inner = index % period
    inner = torch.minimum(torch.minimum(inner, period - inner), scaled - 1)  # reflected about the end samples
    center = (inner + 0.5) * (source / scaled)  # in samples, from the edge of the first
    nearest = torch.where((index >= 0) & (index < scaled), center.floor().clamp(0, source - 1), -1)
    coordinate = (center - 0.5).clamp(0, source - 1)
    return coordinate * (2 / max(source - 1, 1)) - 1, nearest


def _check_range(owner: str, option: str, value: Sequence[float]) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f'{owner}: {option} must be two numbers, the lower first, got {value!r}')
    low, high = (check_positive(owner, option, one) for one in value)
    if not low <= high < math.inf:
        raise ValueError(f'{owner}: {option} must be two finite numbers, the lower first, got {value!r}')
    return low, high


def _check_number(owner: str, option: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f'{owner}: {option} must be a number, got {value!r}')
    if not (math.isfinite(value) and low <= value <= high):
        allowed = 'finite' if math.isinf(high) else f'from {low:g} to {high:g}'
        raise ValueError(f'{owner}: {option} must be {allowed}, got {value!r}')
    return value
