"""Outlines lie where a probability crosses the threshold, in positions of the survey."""

import numpy as np
import pytest

from mmattn.seismic import ArrayVolume
from mmattn.viewer.outlines import outline
from mmattn.viewer.sections import Window, read_view, whole_window


def ramp() -> ArrayVolume:
    """A probability of (crossline + 1) / 20 on 3 inlines, 20 crosslines and 8 samples."""
    return ArrayVolume(np.tile(np.arange(1, 21, dtype=np.float32)[:, None] / 20, (3, 1, 8)))


@pytest.mark.parametrize('most', [(100, 100), (10, 4)])
@pytest.mark.parametrize('threshold', [0.31, 0.62])
def test_lies_on_the_threshold(most: tuple[int, int], threshold: float):
    window = Window((2, 8), (3, 20))
    across, down = outline(read_view(ramp(), 'iline', 1, window, most), threshold)
    assert len(across) == len(down) == 1
    np.testing.assert_allclose(across[0], 20 * threshold - 1, atol=1e-5)
    assert down[0].min() >= 2
    assert down[0].max() <= 7


def test_none_where_nothing_crosses():
    volume = ramp()
    assert outline(read_view(volume, 'iline', 1, whole_window(volume, 'iline')), 0.01) == ([], [])
    assert outline(read_view(volume, 'iline', 1, Window((0, 1), (0, 20))), 0.5) == ([], [])


def test_a_threshold_out_of_range():
    view = read_view(ramp(), 'iline', 1, whole_window(ramp(), 'iline'))
    with pytest.raises(ValueError, match='threshold must be from 0 to 1, got 2'):
        outline(view, 2)
