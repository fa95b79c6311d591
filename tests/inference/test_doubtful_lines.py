"""Lines to label next: entropy, spread and spacing, each on its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmattn.inference.doubtful_lines import doubtful_lines
from mmattn.seismic.volumes.arrays import ArrayVolume

SHAPE = 20, 30, 10


def volume(level: float) -> np.ndarray:
    return np.full(SHAPE, level, np.float32)


def choose(probability: np.ndarray, std: np.ndarray | None = None, **options) -> list:
    spread = None if std is None else ArrayVolume(std)
    labelled = options.pop('labelled', dict(iline=np.array([0]), xline=np.array([0])))
    return doubtful_lines(ArrayVolume(probability), spread, labelled, **options)


def test_by_entropy():
    probability = volume(0.01)
    probability[14] = 0.5
    best = choose(probability, count=1)[0]
    assert (best.direction, best.position, best.distance, best.spread) == ('iline', 14, 14, 0)
    assert_allclose(best.entropy, 1)


def test_by_spread():
    std = volume(0.0)
    std[:, 21] = 0.3
    best = choose(volume(0.1), std, count=1)[0]
    assert (best.direction, best.position) == ('xline', 21)
    assert_allclose(best.spread, 0.3, rtol=1e-6)
    assert_allclose(best.entropy, 0.468996, rtol=1e-5)


def test_by_spacing():
    found = choose(volume(0.5), labelled=dict(iline=np.array([3])), count=3)
    positions = [one.position for one in found]
    assert len({*positions, 3}) == 4
    assert min(abs(a - b) for a in [*positions, 3] for b in [*positions, 3] if a != b) >= 3
    assert {one.direction for one in found} == {'iline'}
    assert choose(volume(0.5), labelled=dict(xline=np.array([], np.int64)), count=1)[0].distance == 30


def test_dead_traces_and_too_many():
    live = np.zeros(SHAPE[:2], bool)
    live[:, 4:] = True
    probability = volume(0.5)
    probability[:, :4] = 0
    best = choose(probability, live=live, labelled=dict(iline=np.array([0])), count=1)[0]
    assert_allclose(best.entropy, 1)
    assert len(choose(volume(0.5), labelled=dict(iline=np.arange(18)), count=9)) == 2
    with pytest.raises(ValueError, match='count must be'):
        choose(probability, count=0)
