"""Small bodies of a mask."""

import numpy as np

from mmattn.evaluation import remove_small_bodies


def test_small_bodies_go():
    mask = np.zeros((6, 6), bool)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = True  # one body by its corners
    mask[4:, 4:] = True
    np.testing.assert_array_equal(remove_small_bodies(mask, 3), mask)
    kept = remove_small_bodies(mask, 4)
    assert kept.sum() == 4
    assert kept[4:, 4:].all()
    assert not remove_small_bodies(mask, 5).any()
