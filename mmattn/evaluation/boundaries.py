"""Scores of the salt boundary: how much of it lies within a tolerance, and how far it lies off on average.

Both measures compare two thin lines of pixels. They see what overlap scores hide on large bodies: an outline that is
ragged, or shifted by a few pixels, hardly changes the IoU of a body that fills the tile.
"""

import numpy as np
from scipy.spatial import KDTree


def salt_boundary(salt: np.ndarray, *, valid: np.ndarray | None = None) -> np.ndarray:
    """Marks the salt pixels that touch sediment.

    A boundary pixel is a valid salt pixel with at least one valid sediment pixel among its four neighbours. The edge
    of the tile is no boundary, nor is the edge of an ignored area: what lies beyond is unknown, not sediment.

    Args:
        salt: (H, W) bool, True where salt is.
        valid: (H, W) bool, False where pixels are ignored; None means all are valid.

    Returns:
        (H, W) bool. Without ignored pixels it equals ``skimage.segmentation.find_boundaries(mode='inner')`` of salt.
    """
    sediment = ~salt
    if valid is not None:
        salt, sediment = salt & valid, sediment & valid
    touches = np.zeros_like(salt)
    touches[1:] |= sediment[:-1]
    touches[:-1] |= sediment[1:]
    touches[:, 1:] |= sediment[:, :-1]
    touches[:, :-1] |= sediment[:, 1:]
    return touches & salt


def boundary_distances(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measures how far each boundary pixel lies from the other boundary.

    Args:
        first: (H, W) bool, N boundary pixels, at least one.
        second: (H, W) bool, M boundary pixels, at least one.

    Returns:
        Euclidean distances in pixels: (N,) from first to second, (M,) from second to first, each in row-major order.

    Raises:
        ValueError: if one of them has no boundary pixel, where no distance exists.
    """
    first_points, second_points = np.argwhere(first), np.argwhere(second)
    if not len(first_points) or not len(second_points):
        raise ValueError(f'both boundaries need a pixel, got {len(first_points)} and {len(second_points)}')
    return KDTree(second_points).query(first_points)[0], KDTree(first_points).query(second_points)[0]


def boundary_scores(
    prediction: np.ndarray, truth: np.ndarray, *, valid: np.ndarray | None = None, tolerance: float = 2.0
) -> tuple[float, float]:
    """Compares the predicted with the true salt boundary of one tile.

    Boundary F1 (Csurka et al., What is a good evaluation measure for semantic segmentation?, BMVC 2013, after Martin
    et al., PAMI 2004): precision is the share of predicted boundary pixels within the tolerance of the true boundary,
    recall the share of true ones within the tolerance of the predicted boundary, F1 their harmonic mean.

    Boundary distance (average symmetric surface distance; Heimann et al., IEEE TMI 28(8), 2009): the distances of all
    predicted boundary pixels to the true boundary and of all true ones to the predicted boundary, summed, over their
    number.

    Where no tile boundary exists (no salt, or salt all over):

    ============  =======  ========
    boundary in   F1       distance
    ============  =======  ========
    both          defined  defined
    one only      0        nan
    neither       nan      nan
    ============  =======  ========

    nan means: this tile has nothing to compare and is left out of the average. A boundary that is missed or invented
    costs in F1; it has no finite distance, and any stand-in (such as the tile's diagonal) would drown the real ones.

    Args:
        prediction: (H, W) bool, predicted salt.
        truth: (H, W) bool, true salt.
        valid: (H, W) bool, False where pixels are ignored; None means all are valid.
        tolerance: in pixels, at least 0; a distance equal to it still matches.

    Returns:
        F1 from 0 to 1, and distance in pixels.
    """
    predicted_line, true_line = salt_boundary(prediction, valid=valid), salt_boundary(truth, valid=valid)
    has_predicted, has_true = predicted_line.any(), true_line.any()
    if not has_predicted or not has_true:
        return (0.0 if has_predicted or has_true else np.nan), np.nan
    from_predicted, from_true = boundary_distances(predicted_line, true_line)
    precision, recall = np.mean(from_predicted <= tolerance), np.mean(from_true <= tolerance)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    distance = (from_predicted.sum() + from_true.sum()) / (from_predicted.size + from_true.size)
    return float(f1), float(distance)
