"""How a predicted volume compares with a label."""

from typing import NamedTuple

import numpy as np

from mmattn.seismic import Volume
from mmattn.seismic.volumes.labels import IGNORED, LabelValues


class VolumeScore(NamedTuple):
    """Intersection over union of salt (NaN where neither holds salt), and how many cells were compared."""

    iou: float
    cells: int


def score_volume(
    probability: Volume, label: Volume, values: LabelValues, *, live: np.ndarray, threshold: float = 0.5
) -> VolumeScore:
    """Scores a probability against a label, inline by inline.

    Args:
        probability: of salt.
        label: of the same shape.
        values: what the label's values mean; ignored samples and those without a trace do not count.
        live: (I, X) bool, traces that were predicted.
        threshold: above which a probability is salt.

    Raises:
        ValueError: if the shapes differ, or the label holds a value that is not accounted for.
    """
    if probability.shape != label.shape:
        raise ValueError(f'{probability.name} {probability.shape} and {label.name} {label.shape} differ in shape')
    both = either = cells = 0
    for index in range(label.shape[0]):
        truth = values.to_mask(label.name, label.section('iline', index), label.not_finite('iline', index))
        counted = (truth != IGNORED) & (label.present[index] & live[index])[:, None]
        salt, predicted = truth == 1, probability.section('iline', index) > threshold
        both += int(np.count_nonzero(salt & predicted & counted))
        either += int(np.count_nonzero((salt | predicted) & counted))
        cells += int(np.count_nonzero(counted))
    return VolumeScore(both / either if either else float('nan'), cells)
