"""Averages of predictions."""

import numpy as np
import pytest

from mmattn.studies.ensemble.predictions import Predictions, combine


def predictions(value: float, names: tuple[str, ...] = ('a', 'b', 'c')) -> Predictions:
    tiles = tuple(np.full((4, 5), value, np.float32) for _ in names)
    truth = tuple(np.ones((4, 5), np.uint8) for _ in names)
    return Predictions(names, tiles, truth, ('m1', 'm2', 'm1')[: len(names)])


def test_the_average_is_weighted_and_scored():
    both = combine([predictions(0.2), predictions(0.8)], [0.25, 0.75])
    np.testing.assert_allclose(both.probability[1], 0.65, rtol=1e-6)
    assert both.scores()['salt_iou'] == 1
    assert both.scores(threshold=0.7)['salt_iou'] == 0
    with pytest.raises(ValueError, match='different tiles: 3 from a, 2 from a; weights fitted on validation need one'):
        combine([predictions(0.2), predictions(0.8, ('a', 'b'))], [0.5, 0.5])


def test_halves_keep_mosaics_together():
    first, second = predictions(0.5).halves()
    assert (first, second) == ([0, 2], [1])
    assert predictions(0.5).take(first).names == ('a', 'c')
