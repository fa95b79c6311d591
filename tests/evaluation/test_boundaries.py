"""Boundary scores against hand-counted cases, brute force and scikit-image."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from mmattn.evaluation import boundary_distances, boundary_scores, salt_boundary


def blobs(seed: int, shape: tuple[int, int] = (60, 47), level: float = 0.0) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 4)
    return field / field.std() > level


@pytest.mark.parametrize('seed', range(5))
def test_boundary_equals_scikit_image(seed):
    salt = blobs(seed)
    assert salt_boundary(salt).sum() > 50
    expected = find_boundaries(salt, connectivity=1, mode='inner', background=0)
    np.testing.assert_array_equal(salt_boundary(salt), expected)


def test_edge_of_the_tile_is_no_boundary():
    salt = np.zeros((5, 6), bool)
    salt[:, 2:] = True
    expected = np.zeros_like(salt)
    expected[:, 2] = True
    np.testing.assert_array_equal(salt_boundary(salt), expected)
    assert not salt_boundary(np.ones((5, 6), bool)).any()
    assert not salt_boundary(np.zeros((5, 6), bool)).any()


def test_edge_of_an_ignored_area_is_no_boundary():
    salt = np.zeros((1, 6), bool)
    salt[:, 3:] = True
    valid = np.array([[True, True, False, True, True, True]])
    assert not salt_boundary(salt, valid=valid).any()
    valid = np.array([[True, True, True, True, False, False]])
    np.testing.assert_array_equal(salt_boundary(salt, valid=valid), [[False, False, False, True, False, False]])


@pytest.mark.parametrize('seed', range(5))
def test_distances_equal_brute_force(seed):
    first, second = salt_boundary(blobs(seed)), salt_boundary(blobs(seed + 100, level=0.5))
    table = cdist(np.argwhere(first), np.argwhere(second))
    from_first, from_second = boundary_distances(first, second)
    np.testing.assert_allclose(from_first, table.min(axis=1), atol=1e-12)
    np.testing.assert_allclose(from_second, table.min(axis=0), atol=1e-12)


def test_distances_need_two_boundaries():
    with pytest.raises(ValueError, match='both boundaries need a pixel, got 0 and 4'):
        boundary_distances(np.zeros((2, 2), bool), np.ones((2, 2), bool))


def test_flat_interface_three_pixels_too_deep():
    truth, prediction = np.zeros((20, 10), bool), np.zeros((20, 10), bool)
    truth[8:], prediction[11:] = True, True
    assert boundary_scores(prediction, truth, tolerance=2) == (0.0, 3.0)
    assert boundary_scores(prediction, truth, tolerance=3) == (1.0, 3.0)
    assert boundary_scores(truth, truth, tolerance=0) == (1.0, 0.0)


def test_hand_counted_precision_and_recall():
    # True top at row 4 in ten columns; predicted top there in the first four columns only, sediment elsewhere.
    truth, prediction = np.zeros((8, 10), bool), np.zeros((8, 10), bool)
    truth[4:], prediction[4:, :4] = True, True
    # Predicted boundary: row 4 of columns 0 to 3, column 3 of rows 5 to 7: 7 pixels, at distances 0 x4, 1, 2, 3.
    # True boundary: row 4 of columns 0 to 9: at distances 0 x4, 1, 2, 3, 4, 5, 6.
    precision, recall = 6 / 7, 6 / 10
    f1, distance = boundary_scores(prediction, truth, tolerance=2)
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert distance == pytest.approx((1 + 2 + 3 + 1 + 2 + 3 + 4 + 5 + 6) / 17)


def test_tiles_without_a_boundary():
    empty, full, some = np.zeros((6, 6), bool), np.ones((6, 6), bool), np.eye(6, dtype=bool)
    for prediction, truth in ((empty, some), (some, empty), (full, some), (some, full)):
        f1, distance = boundary_scores(prediction, truth)
        assert f1 == 0
        assert np.isnan(distance)
    for prediction, truth in ((empty, empty), (full, full), (empty, full)):
        assert np.isnan(boundary_scores(prediction, truth)).all()


def test_ignored_pixels_do_not_count():
    truth, prediction = np.zeros((20, 10), bool), np.zeros((20, 10), bool)
    truth[8:], prediction[8:] = True, True
    prediction[:3, :3] = True
    valid = np.ones_like(truth)
    valid[:4, :4] = False
    assert boundary_scores(prediction, truth)[0] < 1
    assert boundary_scores(prediction, truth, valid=valid) == (1.0, 0.0)
