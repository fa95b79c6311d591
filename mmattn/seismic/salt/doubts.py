"""What about a predicted salt volume should make its reader doubt it."""

from collections.abc import Mapping

import numpy as np

_NEAR = 0.1
_MOST_NEAR = 0.5
_NARROW = 0.2
_MIDDLE = 5, 95
_MUCH_SALT = 0.6
_SPECK, _FEW_SPECKS = 27, 20


def probability_doubts(histogram: np.ndarray, threshold: float) -> list[str]:
    """Doubts about the distribution of the probability.

    Args:
        histogram: (N,) samples in equal bins from 0 to 1.
        threshold: above which there is salt.
    """
    total = int(histogram.sum())
    if not total:
        return []
    centers = (np.arange(len(histogram)) + 0.5) / len(histogram)
    shares = np.cumsum(histogram) / total
    low, high = (float(centers[np.searchsorted(shares, percent / 100)]) for percent in _MIDDLE)
    mean = float(centers @ histogram / total)
    near = float(histogram[np.abs(centers - threshold) < _NEAR].sum() / total)
    if near > _MOST_NEAR or (high - low < _NARROW and low - _NEAR < threshold < high + _NEAR):
        return [
            f'probabilities hardly leave the threshold {threshold:g}: {near:.0%} of the samples lie within {_NEAR:g} '
            f'of it, nine in ten from {low:.2f} to {high:.2f} (mean {mean:.2f}). The network knows next to nothing of '
            'this survey, as after a short training; the outline is where noise crosses the threshold'
        ]
    return []


def salt_doubts(share: float, voxels: np.ndarray, traces: Mapping[str, int]) -> list[str]:
    """Doubts about what is salt.

    Args:
        share: of the samples that are salt.
        voxels: (N,) sizes of the bodies.
        traces: ``live`` traces, and those ``with salt``.
    """
    if not traces['live']:
        return ['no trace is live: nothing was predicted']
    said = []
    if not traces['with salt']:
        said.append('no sample is salt: there may be none, or amplitudes, clip or units are not those of the training')
    elif share > _MUCH_SALT:
        said.append(f'{share:.0%} of the samples are salt: rarely so; look at clip and polarity')
    specks = int(np.count_nonzero(voxels < _SPECK))
    if specks >= _FEW_SPECKS and specks > len(voxels) / 2:
        said.append(
            f'{specks} of {len(voxels)} bodies have fewer than {_SPECK} cells: specks of noise, which --min-body drops'
        )
    return said
