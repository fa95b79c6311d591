"""From shot gathers to velocity and salt, as an MMSegmentation segmentor."""

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor

from mmattn.common.checks import check_flag


@MODELS.register_module()
class VelocityEstimator(EncoderDecoder):
    """An encoder of gathers and a ``VelocityHead``; the result lies on the model's grid, whatever the gathers' size.

    ``predict`` gives each sample ``pred_velocity`` in m/s, ``pred_sem_seg`` (salt 1) and ``seg_logits`` (probability of
    salt), each (1, H, W). ``test_cfg=dict(flip=True)`` averages with the reversed line: shots and receivers reversed,
    the result reversed back. That is exact for geometries that are symmetric, and refused for others.

    Args:
        backbone: config of ``ShotEncoder``, or of a backbone with ``grid`` and ``num_shots``, as ``InversionNet``.
        decode_head: config of ``VelocityHead``.
        options: ``neck``, ``auxiliary_head``, ``train_cfg``, ``test_cfg``, ``data_preprocessor``, ``pretrained`` and
            ``init_cfg``, as MMSegmentation's ``EncoderDecoder`` has them.

    Raises:
        ValueError: if backbone and head do not fit, or ``test_cfg`` has other keys than flip and mode='whole'.
    """

    def __init__(self, backbone: dict, decode_head: dict, **options: object) -> None:
        super().__init__(backbone, decode_head, **options)
        if not hasattr(self.backbone, 'grid'):
            raise ValueError(
                f'VelocityEstimator: backbone {type(self.backbone).__name__} has no grid; wrap it: '
                "dict(type='ShotEncoder', num_shots=…, grid=(H, W), backbone=dict(…))"
            )
        settings = dict(self.test_cfg or {})
        if settings.pop('mode', 'whole') != 'whole':
            raise ValueError("VelocityEstimator: test_cfg.mode must be 'whole': gathers cannot be cut into windows")
        self.flip = check_flag('VelocityEstimator', 'test_cfg.flip', settings.pop('flip', False))
        if settings:
            raise ValueError(f'VelocityEstimator: test_cfg has {", ".join(settings)}; allowed are flip and mode')
        bounds = getattr(self.data_preprocessor, 'velocity_range', None)
        if bounds is not None and tuple(bounds.tolist()) != tuple(self.decode_head.velocity_range):
            raise ValueError(
                f'VelocityEstimator: velocity_range of the head is {self.decode_head.velocity_range}, the '
                f"preprocessor's {tuple(bounds.tolist())}; give both the same"
            )

    def _forward(self, inputs: Tensor, data_samples: SampleList | None = None) -> Tensor:
        """Returns velocities (B, 1, H, W) in m/s."""
        return self.decode_head.to_velocity(self.estimate(inputs))

    def estimate(self, inputs: Tensor) -> Tensor:
        """Returns the head's output (B, out_channels, H, W) on the grid."""
        return self.decode_head(self.extract_feat(inputs), self.backbone.grid)

    def predict(self, inputs: Tensor, data_samples: SampleList | None = None) -> SampleList:
        """Returns the samples with their predictions; ValueError if ``flip`` meets an asymmetric geometry."""
        samples = [SegDataSample() for _ in inputs] if data_samples is None else data_samples
        output = self.estimate(inputs)
        if self.flip:
            self._check_symmetry(samples)
            output = (output + self.estimate(inputs.flip((1, 3))).flip(3)) / 2
        velocity, salt = self.decode_head.to_velocity(output), self.decode_head.salt_probability(output)
        for index, sample in enumerate(samples):
            sample.pred_velocity = PixelData(data=velocity[index])
            sample.seg_logits = PixelData(data=salt[index])
            sample.pred_sem_seg = PixelData(data=(salt[index] > self.decode_head.threshold).to(torch.int64))
        return samples

    @staticmethod
    def _check_symmetry(samples: Sequence[SegDataSample]) -> None:
        for sample in samples:
            if not sample.metainfo.get('symmetric', False):
                raise ValueError(
                    'VelocityEstimator: flip needs sources and receivers that are symmetric about the middle of the '
                    f'line; those of {sample.metainfo.get("img_id", "a sample")!r} are not, or are not known'
                )
