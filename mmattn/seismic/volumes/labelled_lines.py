"""Which lines of a volume somebody labelled."""

import numpy as np

from mmattn.seismic.volumes.labels import IGNORED, LabelValues
from mmattn.seismic.volumes.volume import Volume

_WIDTH = 3
"""Adjacent labelled traces that make a line labelled: a labelled inline crosses every crossline in one trace."""


def labelled_lines(label: Volume, values: LabelValues) -> dict[str, np.ndarray]:
    """Finds lines with a label other than unknown; reads the label once, inline by inline.

    A line counts where three traces beside each other are labelled at one sample, so that the crosslines of a labelled
    inline do not.

    Args:
        label: the label.
        values: what its values mean.

    Returns:
        Positions (n,) int64 of the 'iline' and of the 'xline' sections; of a 2-D line 'iline' alone.

    Raises:
        ValueError: if the label holds a value that is not accounted for.
    """
    ilines, xlines = [], np.zeros(label.shape[1], bool)
    width = min(_WIDTH, label.shape[1])
    last: list[np.ndarray] = []
    for index in range(label.shape[0]):
        section = label.section('iline', index)
        known = values.to_mask(label.name, section, label.not_finite('iline', index)) != IGNORED
        known &= label.present[index][:, None]
        run = np.all([known[shift : len(known) - width + 1 + shift] for shift in range(width)], axis=0)
        ilines += [index] if run.any() else []
        last = [*last, known][-_WIDTH:]
        if len(last) == _WIDTH:
            xlines |= np.all(last, axis=0).any(axis=1)
    found = dict(iline=np.array(ilines, np.int64))
    return found if label.is_2d else found | dict(xline=np.flatnonzero(xlines))


def runs(positions: np.ndarray) -> list[tuple[int, int]]:
    """Adjacent positions as (first, last)."""
    parts = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1) if len(positions) else []
    return [(int(part[0]), int(part[-1])) for part in parts]
