"""What one threshold on one attribute reaches: a survey on which it does well would be a toy."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.signal import hilbert
from skimage.filters import threshold_otsu


def amplitude(section: np.ndarray) -> np.ndarray:
    """Absolute amplitude, (H, W)."""
    return np.abs(section)


def smoothed_envelope(section: np.ndarray) -> np.ndarray:
    """Instantaneous amplitude along depth, smoothed with a standard deviation of five samples, (H, W)."""
    return gaussian_filter(np.abs(hilbert(section, axis=0)), 5)


def local_variance(section: np.ndarray) -> np.ndarray:
    """Variance in windows of nine by nine samples, (H, W)."""
    return np.maximum(uniform_filter(section**2, 9) - uniform_filter(section, 9) ** 2, 0)


ATTRIBUTES = {'|amplitude|': amplitude, 'smoothed envelope': smoothed_envelope, 'local variance': local_variance}


def otsu_iou(sections: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Splits each section by Otsu's threshold on an attribute and scores either side as salt.

    Args:
        sections: Amplitudes about zero, floating point, (H, W) each.
        masks: Truths, 1 or above is salt, (H, W) each.

    Returns:
        By attribute: salt IoU, intersection and union summed over all sections, for salt above and below the threshold.

    Raises:
        ValueError: No sections, or as many masks as sections are not given.
    """
    if not len(sections):
        raise ValueError('sections must hold at least one section')
    scores = {}
    for name, attribute in ATTRIBUTES.items():
        counts = np.zeros((2, 2))
        for section, mask in zip(sections, masks, strict=True):
            values = attribute(section.astype(np.float64))
            varies = np.ptp(values) > 1e-6
            high = values > threshold_otsu(values) if varies else np.zeros(values.shape, bool)
            for side, salt in enumerate((high, ~high)):
                counts[side] += (salt & (mask > 0)).sum(), (salt | (mask > 0)).sum()
        high_iou, low_iou = counts[:, 0] / np.maximum(counts[:, 1], 1)
        scores[name] = float(high_iou), float(low_iou)
    return scores
