"""What our decode heads share beyond MMSegmentation's base class."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.fcn_head import FCNHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures.sampler import OHEMPixelSampler
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmattn.models.losses.binary import check_sampler, counts_no_pixels, for_one_channel, two_classes


def one_channel_accuracy(logits: Tensor, label: Tensor, threshold: float, ignore_index: int) -> Tensor:
    """Share of valid pixels, in percent, that a one-channel (sigmoid) head classifies right.

    Args:
        logits: (N, 1, H, W).
        label: (N, H, W) of 0 and 1.
        threshold: probability above which a pixel is of class 1.
        ignore_index: label left out.

    Returns:
        A tensor of one number, 0 where no pixel is valid.
    """
    valid = label != ignore_index
    right = ((logits.squeeze(1).sigmoid() > threshold) == (label == 1)) & valid
    return 100.0 * right.sum() / valid.sum().clamp(min=1)


def prepare_for_one_channel(head: BaseDecodeHead, *, own_losses: bool = False) -> None:
    """Gives the losses and the sampler of a head with one output channel what they mean.

    Args:
        head: whose ``loss_decode`` and ``sampler`` are changed.
        own_losses: whether it calls its losses in its own way, not as ``BaseDecodeHead`` does.

    Raises:
        ValueError: if a loss, an option of it, or the sampler has no meaning for one channel.
    """
    name, several = type(head).__name__, isinstance(head.loss_decode, nn.ModuleList)
    losses = [
        for_one_channel(name, loss, called_by_name=not own_losses)
        for loss in (head.loss_decode if several else [head.loss_decode])
    ]
    head.loss_decode = nn.ModuleList(losses) if several else losses[0]
    if isinstance(head.sampler, OHEMPixelSampler):
        check_sampler(name, losses, by_loss=head.sampler.thresh is None)
        if head.sampler.thresh is not None:
            head.sampler = _TwoClassSampler(head.sampler)


class OneChannel:
    """What a decode head of MMSegmentation needs to be right with one output channel (sigmoid); mixed into heads.

    MMSegmentation's losses, samplers and accuracy are those of a channel a class: its arg-max over one channel is
    always class 0. Its losses get what they mean (``mmattn.models.losses.binary``), and hard examples are chosen by the
    sigmoid. A batch without a known pixel has a loss of zero.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if self.out_channels == 1:
            prepare_for_one_channel(self)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Losses of ``seg_logits`` (N, out_channels, h, w), and ``acc_seg``."""
        parent = super().loss_by_feat
        if self.out_channels > 1:
            return parent(seg_logits, batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples)
        losses = list(self.loss_decode) if isinstance(self.loss_decode, nn.ModuleList) else [self.loss_decode]
        # Whether a pixel is known is asked where it costs no waiting for a GPU, or where a loss fails without one.
        asks = not label.is_cuda or not all(map(counts_no_pixels, losses))
        if asks and not (label != self.ignore_index).any():
            nothing = seg_logits.sum() * 0
            return {**{loss.loss_name: nothing for loss in losses}, 'acc_seg': nothing.detach()}
        logits = resize(seg_logits, label.shape[2:], mode='bilinear', align_corners=self.align_corners)
        if getattr(parent, '__func__', None) is BaseDecodeHead.loss_by_feat:
            found = self._losses(losses, logits, label)
        else:  # a head that computes more
            found = parent(seg_logits, batch_data_samples)
        with torch.no_grad():
            found['acc_seg'] = one_channel_accuracy(logits, label.squeeze(1), self.threshold, self.ignore_index)
        return found

    def _losses(self, losses: Sequence[nn.Module], logits: Tensor, label: Tensor) -> dict:
        """What ``BaseDecodeHead`` does, but for its accuracy of a channel a class, for which it waits for a GPU."""
        weight = None if self.sampler is None else self.sampler.sample(logits, label)
        found: dict[str, Tensor] = {}
        for loss in losses:
            value = loss(logits, label.squeeze(1), weight=weight, ignore_index=self.ignore_index)
            found[loss.loss_name] = found[loss.loss_name] + value if loss.loss_name in found else value
        return found


class _TwoClassSampler:
    """Shows a sampler of a channel a class the two that one output channel stands for."""

    def __init__(self, sampler: OHEMPixelSampler) -> None:
        self.sampler = sampler

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor:
        """Returns the weights of the pixels, (N, H, W)."""
        return self.sampler.sample(two_classes(seg_logit), seg_label)


@MODELS.register_module()
class AuxiliaryFCNHead(OneChannel, FCNHead):
    """MMSegmentation's ``FCNHead``, right with one output channel as well."""


class DecodeHead(OneChannel, BaseDecodeHead):
    """BaseDecodeHead that is right with one output channel as well, and which misses maps by name."""

    def _transform_inputs(self, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Selects and joins the maps that ``in_index`` names; ValueError where the encoder gives too few."""
        indices = self.in_index if isinstance(self.in_index, Sequence) else [self.in_index]
        wanted = max(index + 1 if index >= 0 else -index for index in indices)
        if len(inputs) < wanted:
            raise ValueError(f'{type(self).__name__}: in_index {self.in_index} needs {wanted} maps, got {len(inputs)}')
        return super()._transform_inputs(inputs)

    def check_one_map(self) -> None:
        """Raises ValueError if the head would get several maps, where it reads one."""
        if self.input_transform == 'multiple_select':
            raise ValueError(
                f"{type(self).__name__}: input_transform must be None or 'resize_concat', got 'multiple_select'"
            )
