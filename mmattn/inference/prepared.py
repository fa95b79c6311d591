"""The network that predicts a volume, as its options ask for it and checked on the volume itself."""

import numpy as np
from torch import nn

from mmattn.inference.plan import VolumeOptions, VolumePlan, axis_of
from mmattn.inference.predictor import TilePredictor
from mmattn.seismic import Volume, scale_amplitude, to_grey


def make_predictor(model: nn.Module, volume: Volume, plan: VolumePlan, options: VolumeOptions) -> TilePredictor:
    """Prepares a segmentor; a backend other than PyTorch is compared with it on the windows of the middle line.

    Args:
        model: the segmentor.
        volume: that is to be predicted.
        plan: how.
        options: what the user said.

    Raises:
        ValueError: if the backend that was named cannot compute the network.
    """
    given = dict(batch_size=options.batch_size, flip=options.flip, amp=options.amp, backend=options.backend)
    predictor = TilePredictor(model, **given)
    if predictor.backend != 'torch':
        predictor.check(_middle_windows(volume, plan)[: options.batch_size])
    return predictor


def _middle_windows(volume: Volume, plan: VolumePlan) -> np.ndarray:
    """The windows of the middle line of the first direction, (N, num_traces, num_samples) grey values."""
    direction = plan.directions[0]
    middle = plan.shape[axis_of(direction)] // 2
    slab, _ = volume.slab_and_null(direction, middle, middle + 1)
    line = to_grey(scale_amplitude(slab[0], plan.clip))
    across, down = plan.windows.grid(*line.shape)
    return np.stack(
        [
            line[column : column + across.length, row : row + down.length]
            for column in across.starts
            for row in down.starts
        ]
    ).astype(np.float32)
