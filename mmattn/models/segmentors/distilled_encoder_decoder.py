"""A segmentor that learns from trained ones too: knowledge distillation."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmattn.common.checks import check_positive
from mmattn.common.resources import find_config

_NORMALISATION = ('mean', 'std', 'channel_conversion')


@MODELS.register_module()
class DistilledEncoderDecoder(EncoderDecoder):
    """MMSegmentation's ``EncoderDecoder``, in training also drawn to what trained networks say, pixel by pixel.

    The teachers see the same augmented batch. Their probabilities, of logits divided by the temperature T, are averaged
    to p; the loss ``loss_distill`` is T^2 KL(p || q) with q of this network's logits / T, the mean over the labelled
    pixels (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2; one channel is two classes).
    It is added to the losses of the labels. Teachers are read when training begins, have no place in checkpoints, and
    are not needed afterwards: a checkpoint is that of an ``EncoderDecoder`` with the same parts.

    Args:
        backbone: config of the backbone.
        decode_head: config of a head that classifies by its ``conv_seg``, as all but a few do.
        teachers: ``dict(config=…, checkpoint=…)`` of each trained network: a config's path or name, and its weights.
            They have the same classes and output channels, and take inputs that are normalised alike.
        distill_weight: of the loss.
        temperature: T; higher ones show more of how unsure the teachers are.
        options: ``neck``, ``auxiliary_head``, ``train_cfg``, ``test_cfg``, ``data_preprocessor``, ``pretrained`` and
            ``init_cfg``, as ``EncoderDecoder`` has them.

    Raises:
        TypeError: if ``teachers`` is something else.
        ValueError: if there is none, or a number is not above 0; when training begins, if a teacher does not fit.
        FileNotFoundError: when training begins, if there is no such config or checkpoint.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        *,
        teachers: Sequence[dict],
        distill_weight: float = 1.0,
        temperature: float = 1.0,
        **options: object,
    ) -> None:
        super().__init__(backbone, decode_head, **options)
        name = type(self).__name__
        self.teachers = _check_teachers(name, teachers)
        self.distill_weight = check_positive(name, 'distill_weight', distill_weight)
        self.temperature = check_positive(name, 'temperature', temperature)
        self._trained: list[nn.Module] = []  # no modules of this one: they are neither trained nor saved
        self._logits: Tensor | None = None
        self.decode_head.conv_seg.register_forward_hook(self._keep)

    def _keep(self, classifier: nn.Module, inputs: tuple, logits: Tensor) -> None:
        self._logits = logits if self.training else None

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Returns the losses of the labels and ``loss_distill``, for preprocessed ``inputs`` (N, C, H, W)."""
        if not self._trained:
            self._trained = [self._read(**teacher).to(inputs.device) for teacher in self.teachers]
            print_log(f'distills {len(self._trained)} trained networks', logger='current')
        losses = super().loss(inputs, data_samples)
        logits, self._logits = self._logits, None
        if logits is None:
            head = type(self.decode_head).__name__
            raise ValueError(f'{type(self).__name__}: decode head {head} does not classify by its conv_seg')
        label = torch.stack([sample.gt_sem_seg.data for sample in data_samples])
        logits = resize(logits, label.shape[2:], mode='bilinear', align_corners=self.align_corners, warning=False)
        known = label.squeeze(1) != self.decode_head.ignore_index
        found = distillation_loss(logits, self._taught(inputs), known, temperature=self.temperature)
        return losses | dict(loss_distill=self.distill_weight * found)

    @torch.no_grad()
    def _taught(self, inputs: Tensor) -> Tensor:
        """The teachers' mean probabilities, (N, out_channels, H, W)."""
        size = inputs.shape[2:]
        metas = [dict(img_shape=size, pad_shape=size, ori_shape=size) for _ in inputs]
        to_probabilities = torch.sigmoid if self.out_channels == 1 else lambda logits: logits.softmax(1)
        each = (teacher.encode_decode(inputs, metas).float() for teacher in self._trained)
        return torch.stack([to_probabilities(logits / self.temperature) for logits in each]).mean(0)

    def _read(self, config: str, checkpoint: str) -> nn.Module:
        from mmseg.apis import init_model

        with torch.random.fork_rng(devices=[]):  # so that a resumed training draws what it would have drawn
            teacher = init_model(str(find_config(config)), checkpoint, device='cpu').requires_grad_(False)
        for option in ('num_classes', 'out_channels'):
            self._check_alike(config, option, getattr(teacher, option), getattr(self, option))
        for option in _NORMALISATION:
            theirs, ours = (getattr(model.data_preprocessor, option, None) for model in (teacher, self))
            theirs, ours = (
                value.flatten().tolist() if isinstance(value, Tensor) else value for value in (theirs, ours)
            )
            self._check_alike(config, f'{option} of data_preprocessor', theirs, ours)
        return teacher.eval()

    def _check_alike(self, config: str, option: str, theirs: object, ours: object) -> None:
        if theirs != ours:
            raise ValueError(f'{type(self).__name__}: {option} of teacher {config!r} must be {ours}, got {theirs}')


def distillation_loss(logits: Tensor, taught: Tensor, known: Tensor, *, temperature: float = 1.0) -> Tensor:
    """T^2 KL(taught || softmax(logits / T)), the mean over known pixels; 0 where all is learnt, or nothing known.

    Args:
        logits: (N, C, H, W); of one channel the sigmoid is class 1, the rest class 0.
        taught: probabilities of that shape.
        known: (N, H, W), whether a pixel counts.
        temperature: T.
    """
    logits = logits.float() / temperature
    if logits.shape[1] == 1:
        learnt = torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], 1)
        taught = torch.cat([1 - taught, taught], 1)
    else:
        learnt = logits.log_softmax(1)
    each = F.kl_div(learnt, taught, reduction='none').sum(1)
    return temperature**2 * (each * known).sum() / known.sum().clamp(min=1)


def _check_teachers(name: str, teachers: object) -> list[dict[str, str]]:
    if isinstance(teachers, str | Mapping) or not isinstance(teachers, Sequence):
        raise TypeError(f'{name}: teachers must be a list of dict(config=…, checkpoint=…), got {teachers!r}')
    for one in teachers:
        if not isinstance(one, Mapping) or set(one) != {'config', 'checkpoint'}:
            raise TypeError(f'{name}: each of teachers must be dict(config=…, checkpoint=…), got {one!r}')
    if not teachers:
        raise ValueError(f'{name}: teachers must name at least one trained network, got []')
    return [{key: str(value) for key, value in one.items()} for one in teachers]
