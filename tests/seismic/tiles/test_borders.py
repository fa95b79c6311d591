"""Evidence for seams: true neighbours stand out, scaling and offset do not matter."""

import numpy as np
import pytest

from mmattn.seismic.tiles.borders import fit_borders
from tests.seismic.tgs_files import as_grey, cut, texture


@pytest.fixture(scope='module')
def tiles() -> np.ndarray:
    """32 pairs of neighbours: tile 2k + 1 lies right of tile 2k."""
    return np.stack([tile for k in range(32) for tile in cut(texture((40, 80), k), 40)])


def test_true_neighbours_have_the_highest_evidence(tiles):
    borders = fit_borders(tiles, axis=1)
    evidence = borders.first @ borders.second.T
    np.fill_diagonal(evidence, -np.inf)
    np.testing.assert_array_equal(evidence[::2].argmax(axis=1), np.arange(1, 64, 2))
    true = evidence[np.arange(0, 64, 2), np.arange(1, 64, 2)]
    assert true.min() > 5
    assert np.median(evidence[np.isfinite(evidence)]) < -5
    assert borders.evidence(4, 5) == pytest.approx(evidence[4, 5], rel=1e-4)


def test_axis_0_is_axis_1_turned(tiles):
    sideways = fit_borders(tiles, axis=1)
    upright = fit_borders(np.ascontiguousarray(tiles.transpose(0, 2, 1)), axis=0)
    np.testing.assert_allclose(upright.first @ upright.second.T, sideways.first @ sideways.second.T, atol=1e-3)


def test_brightness_and_contrast_do_not_matter(tiles):
    changed = tiles.copy()
    changed[1] = tiles[1] // 2 + 60
    before, after = fit_borders(tiles, axis=1), fit_borders(changed, axis=1)
    assert after.evidence(0, 1) == pytest.approx(before.evidence(0, 1), abs=2.0)


def test_constant_borders_tell_nothing(tiles):
    tiles = tiles.copy()
    tiles[3] = 128
    borders = fit_borders(tiles, axis=1)
    assert not borders.valid[3]
    assert borders.evidence(2, 3) == 0.0
    assert np.isfinite(borders.first).all()
    assert np.isfinite(borders.second).all()


def test_refused_arguments():
    with pytest.raises(ValueError, match=r'H and W from 16, got \(2, 8, 40\)'):
        fit_borders(np.zeros((2, 8, 40), np.uint8), axis=1)
    with pytest.raises(ValueError, match='axis must be 0 or 1, got 2'):
        fit_borders(as_grey(texture((64, 32), 0)).reshape(2, 32, 32), axis=2)
