"""What brushes and polygons cover, counted cell by cell."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.viewer.strokes import Patch, brush_patch, polygon_patch

SHAPE = 30, 40


def whole(patch: Patch) -> np.ndarray:
    section = np.zeros(SHAPE, bool)
    section[slice(*patch.down), slice(*patch.across)] = patch.mask
    return section


def near(start: tuple, stop: tuple, radii: tuple) -> np.ndarray:
    """Cells within the brush at any of 2000 places on the way."""
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]]
    found = np.zeros(SHAPE, bool)
    for at in np.linspace(start, stop, 2000):
        found |= ((down - at[0]) / radii[0]) ** 2 + ((across - at[1]) / radii[1]) ** 2 <= 1
    return found


@pytest.mark.parametrize('radii', [(3.5, 3.5), (2.0, 6.5)])
def test_a_stroke_covers_what_its_brush_passes(radii: tuple):
    ways = [(5.0, 4.2), (20.3, 30.1), (25.0, 30.1)]
    expected = near(ways[0], ways[1], radii) | near(ways[1], ways[2], radii)
    found = whole(brush_patch(np.array(ways), radii, SHAPE))
    assert (found != expected).sum() <= 2  # the sampled way misses the last bit of a rim
    assert found.sum() >= expected.sum()


def test_a_dot_and_what_lies_beyond_the_section():
    dot = whole(brush_patch(np.array([[2.0, 3.0]]), (1.0, 1.0), SHAPE))
    assert_array_equal(np.argwhere(dot), [[1, 3], [2, 2], [2, 3], [2, 4], [3, 3]])
    assert whole(brush_patch(np.array([[-1.0, 39.4], [50.0, 39.4]]), (0.5, 0.5), SHAPE)).sum() == 30
    assert not whole(brush_patch(np.array([[90.0, 90.0]]), (2.0, 2.0), SHAPE)).any()


def test_a_polygon():
    corners = np.array([[4.6, 9.6], [4.6, 20.4], [12.4, 20.4], [12.4, 9.6]])
    expected = np.zeros(SHAPE, bool)
    expected[5:13, 10:21] = True
    assert_array_equal(whole(polygon_patch(corners, SHAPE)), expected)
    assert_array_equal(whole(polygon_patch(corners - [0, 15], SHAPE))[5:13, :6], True)
    assert not whole(polygon_patch(corners + 100, SHAPE)).any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: brush_patch(np.zeros((0, 2)), (1, 1), SHAPE), 'a stroke has points of two finite numbers'),
        (lambda: brush_patch(np.array([[np.nan, 0]]), (1, 1), SHAPE), 'a stroke has points of two finite numbers'),
        (lambda: brush_patch(np.zeros((1, 2)), (0, 1), SHAPE), 'brush: radius down must be above 0, got 0'),
        (lambda: polygon_patch(np.zeros((2, 2)), SHAPE), 'a polygon has three corners or more'),
    ],
)
def test_wrong_input(call, message: str):
    with pytest.raises(ValueError, match=message):
        call()
