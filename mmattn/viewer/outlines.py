"""Where a probability crosses a threshold, as lines on the picture of a section."""

import numpy as np
from skimage.measure import find_contours

from mmattn.common.checks import check_number
from mmattn.viewer.sections import View


def outline(view: View, threshold: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Traces a threshold through what was read of a probability.

    Args:
        view: of the probability.
        threshold: 0 to 1.

    Returns:
        Positions across and down of the points of each line; lines end at the edges of the view.

    Raises:
        ValueError: if the threshold is out of range.
    """
    check_number('threshold', threshold, low=0, high=1)
    if min(view.values.shape) < 2:
        return [], []
    lines = find_contours(view.values, threshold)
    down, across = view.down, view.across
    return (
        [across.start + across.step * line[:, 1] for line in lines],
        [down.start + down.step * line[:, 0] for line in lines],
    )
