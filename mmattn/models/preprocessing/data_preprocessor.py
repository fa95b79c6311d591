"""Normalises sections with their survey's statistics and pads them by reflection to a size the network takes."""

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from mmattn.common.checks import check_flag

SMALLEST_DEVIATION = 1e-3  # grey values; what varies less counts as constant


def reflect_indices(size: int, before: int, after: int, *, device: torch.device | str = 'cpu') -> Tensor:
    """Returns the source index of each sample of an axis that is padded by reflection about its end samples.

    Unlike ``torch.nn.functional.pad`` the padding may be longer than the axis: the reflection goes back and forth.

    Args:
        size: samples of the axis, at least 1.
        before: samples added before it.
        after: samples added after it.
        device: of the indices.

    Returns:
        (before + size + after,) integers in [0, size).
    """
    period = max(2 * (size - 1), 1)
    position = torch.arange(-before, size + after, device=device) % period
    return torch.minimum(position, (period - position) % period) if size > 1 else torch.zeros_like(position)


def standardised(sections: Tensor) -> Tensor:
    """Returns sections (N, C, H, W) less their mean, over their standard deviation or 1e-3 if that is more."""
    centred = sections - sections.mean((1, 2, 3), keepdim=True)
    return centred / centred.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=SMALLEST_DEVIATION)


@MODELS.register_module()
class SaltDataPreProcessor(BaseDataPreprocessor):
    """Normalisation by survey and exact reflect padding.

    ``mean`` and ``std`` belong to the survey that a model was trained on. They are saved in its checkpoints and come
    back with them, whatever the config that is loaded says; a difference is logged.

    With ``per_section`` each section, or window of one, is normalised by its own mean and standard deviation instead:
    for networks that must not depend on a survey's gain. A constant one becomes zero.

    Images of one batch may differ in size. Each is padded by reflection, evenly on both sides, to the batch's largest
    height and width rounded up to ``size_divisor``. The padding is told to MMSegmentation by ``img_padding_size``,
    which takes it off the prediction again. Labels are padded with ``seg_pad_val``, so the padding is not learnt.

    With ``enlarge`` the network sees sections at a multiple of their resolution. That belongs to the model rather than
    to a pipeline: whatever predicts with it, volumes included, gets predictions at the sections' own resolution.

    Args:
        mean: amplitude of zero, a number or one a channel.
        std: amplitude's standard deviation, a number or one a channel, positive.
        per_section: use each section's own mean and standard deviation; ``mean`` and ``std`` stay 0 and 1.
        size_divisor: height and width, enlarged, are padded to multiples of it.
        enlarge: sections, and in training their labels, are enlarged this many times before they are padded.
        seg_pad_val: label of the padding.
        augment: a module that draws another view of a batch in training, as ``SectionAugmentation`` does: it takes and
            returns images (N, C, H, W), not normalised yet, and labels (N, 1, H, W).
        non_blocking: copy to the device asynchronously.
    """

    def __init__(
        self,
        *,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
        per_section: bool = False,
        size_divisor: int = 32,
        enlarge: int = 1,
        seg_pad_val: int = 255,
        augment: dict | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        mean, std = (torch.atleast_1d(torch.as_tensor(value, dtype=torch.float32)) for value in (mean, std))
        if mean.shape != std.shape or not (std > 0).all():
            raise ValueError(
                'SaltDataPreProcessor: std must be positive, and mean and std of one length, '
                f'got mean={mean.tolist()}, std={std.tolist()}'
            )
        self.per_section = check_flag('SaltDataPreProcessor', 'per_section', per_section)
        if per_section and ((mean != 0).any() or (std != 1).any()):
            raise ValueError(
                'SaltDataPreProcessor: per_section=True takes no mean and std, '
                f'got mean={mean.tolist()}, std={std.tolist()}'
            )
        if size_divisor < 1:
            raise ValueError(f'SaltDataPreProcessor: size_divisor must be at least 1, got {size_divisor}')
        if isinstance(enlarge, bool) or not isinstance(enlarge, int) or enlarge < 1:
            raise ValueError(f'SaltDataPreProcessor: enlarge must be a whole number from 1, got {enlarge!r}')
        self._told = False
        self.size_divisor = size_divisor
        self.enlarge = enlarge
        self.seg_pad_val = seg_pad_val
        self.augment = None if augment is None else MODELS.build(augment)
        self.register_buffer('mean', mean.view(-1, 1, 1))
        self.register_buffer('std', std.view(-1, 1, 1))

    def forward(self, data: dict, training: bool = False) -> dict:
        """Casts to the device, augments in training, enlarges, pads and normalises.

        Args:
            data: ``inputs``: list of (C, H, W) tensors or one (N, C, H, W); ``data_samples``: their samples, or None.
            training: whether sections are augmented, and labels padded too.

        Returns:
            ``inputs`` (N, C, H', W') and ``data_samples``, with ``img_padding_size`` (left, right, top, bottom) and
            ``pad_shape`` in their meta information.
        """
        images, samples = data['inputs'], data.get('data_samples')
        labels = [sample.gt_sem_seg.data for sample in samples] if training and samples else None
        if len({image.shape for image in images}) == 1:  # one copy to the device, then all at once
            images = [self.cast_data(images if torch.is_tensor(images) else torch.stack(images))]
            labels = labels and [self.cast_data(torch.stack(labels))]
        else:  # made of one size where they are, then copied at once
            if not training:
                self._tell_of_sizes(images)
            images = [image[None] for image in images]
            labels = labels and [label[None] for label in labels]
        images = [image.float() for image in images]
        if labels and self.augment is not None:
            views = [self.augment(*pair, ignore_index=self.seg_pad_val) for pair in zip(images, labels)]
            images, labels = [view[0] for view in views], [view[1] for view in views]
        if self.per_section:
            images = [standardised(image) for image in images]
        images = [self._enlarged(image) for image in images]
        height, width = (self._padded(max(image.shape[axis] for image in images)) for axis in (2, 3))
        paddings = [self._padding(image, height, width) for image in images]
        padded = [self._pad_images(image, padding) for image, padding in zip(images, paddings)]
        inputs = (self.cast_data(torch.cat(padded)) - self.mean) / self.std
        paddings = [padding for image, padding in zip(images, paddings) for _ in image]
        if labels:
            padded = [self._pad_labels(label, padding) for label, padding in zip(labels, paddings)]
            labels = self.cast_data(torch.cat(padded))
        samples = self._samples(samples, labels, paddings, (height, width))
        return dict(inputs=inputs, data_samples=samples)

    def _tell_of_sizes(self, images: Sequence[Tensor]) -> None:
        """Says, once, that sections of several sizes are predicted as one batch, which changes the smaller ones."""
        if not self._told:
            self._told = True
            sizes = sorted({tuple(image.shape[1:]) for image in images})
            print_log(
                f'sections of {len(sizes)} sizes, {sizes[0]} to {sizes[-1]}, are in one batch: the smaller are padded '
                'to the largest, and pixels near the padding may differ from a prediction one by one (batch_size=1)',
                logger='current',
                level=logging.WARNING,
            )

    def _samples(
        self,
        samples: SampleList | None,
        labels: Tensor | None,
        paddings: list[tuple[int, int, int, int]],
        size: tuple[int, int],
    ) -> SampleList | None:
        """Returns copies of the samples on the device, told of their padding and with the padded labels."""
        if samples is None:
            return None
        moved = []
        for index, sample in enumerate(samples):
            # A sample may be seen again (a cached batch): its own label must stay as it is.
            own = sample.new()
            if labels is not None:
                own.gt_sem_seg = type(sample.gt_sem_seg)(data=labels[index])
            if labels is None or len(own.keys()) > 1:
                own = self.cast_data(own)
            own.set_metainfo(dict(img_padding_size=paddings[index], pad_shape=size))
            if labels is not None:
                left, right, top, bottom = paddings[index]
                shape = (size[0] - top - bottom) // self.enlarge, (size[1] - left - right) // self.enlarge
                own.set_metainfo(dict(img_shape=shape))
            moved.append(own)
        return moved

    def _enlarged(self, images: Tensor) -> Tensor:
        if self.enlarge == 1:
            return images
        return F.interpolate(images, scale_factor=float(self.enlarge), mode='bilinear', align_corners=False)

    def _padded(self, size: int) -> int:
        return -(-size // self.size_divisor) * self.size_divisor

    @staticmethod
    def _padding(images: Tensor, height: int, width: int) -> tuple[int, int, int, int]:
        rows, columns = height - images.shape[2], width - images.shape[3]
        return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2

    @staticmethod
    def _pad_images(images: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
        left, right, top, bottom = padding
        rows = reflect_indices(images.shape[2], top, bottom, device=images.device)
        columns = reflect_indices(images.shape[3], left, right, device=images.device)
        return images[:, :, rows][:, :, :, columns]

    def _pad_labels(self, labels: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
        if self.enlarge > 1:
            labels = labels.repeat_interleave(self.enlarge, 2).repeat_interleave(self.enlarge, 3)
        return F.pad(labels, padding, value=self.seg_pad_val)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        """Loads the statistics saved with the weights, and says so where they differ from the config's."""
        for name in ('mean', 'std'):
            own, loaded = getattr(self, name), state_dict.get(prefix + name)
            if loaded is not None and own.shape == loaded.shape and not torch.allclose(own.cpu(), loaded.float().cpu()):
                print_log(
                    f"Amplitude {name} {own.flatten().tolist()} of the config gives way to the checkpoint's "
                    f'{loaded.flatten().tolist()}: the survey that the weights were trained on.',
                    logger='current',
                )
        super()._load_from_state_dict(state_dict, prefix, *args)
