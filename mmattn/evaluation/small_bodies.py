"""Removal of small bodies from a predicted mask."""

import numpy as np
from skimage.measure import label


def remove_small_bodies(mask: np.ndarray, size: int) -> np.ndarray:
    """Removes bodies of fewer than ``size`` pixels, connected by edges or corners, from a boolean mask."""
    if size <= 1 or not mask.any():
        return mask
    bodies = label(mask)
    keep = np.bincount(bodies.ravel()) >= size
    keep[0] = False
    return keep[bodies]
