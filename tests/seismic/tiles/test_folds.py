"""Folds keep groups whole and balance tiles and coverage classes."""

import numpy as np
import pytest

from mmattn.seismic.tiles.folds import coverage_class, make_folds


def _tiles(count: int = 600, mosaics: int = 30) -> tuple[dict[str, str], dict[str, float]]:
    rng = np.random.default_rng(5)
    groups = {f't{k:03}': f'm{k % mosaics}' if k < 200 else f's{k}' for k in range(count)}
    coverage = {tile: float(max(0.0, rng.uniform(-0.6, 1))) for tile in groups}
    return groups, coverage


def test_coverage_classes():
    assert [coverage_class(c) for c in (0, 1e-4, 0.1, 0.11, 0.95, 1.0)] == [0, 1, 1, 2, 10, 10]


def test_groups_stay_whole():
    groups, coverage = _tiles()
    folds = make_folds(groups, coverage)
    assert list(folds) == sorted(groups)
    of_group = {}
    for tile, row in folds.items():
        assert row.group == groups[tile]
        assert row.coverage == coverage[tile]
        assert of_group.setdefault(row.group, row.fold) == row.fold


@pytest.mark.parametrize('num_folds', [2, 5, 10])
def test_tiles_and_coverage_classes_are_balanced(num_folds):
    groups, coverage = _tiles()
    folds = make_folds(groups, coverage, num_folds=num_folds)
    classes = np.zeros((num_folds, 11))
    for row in folds.values():
        classes[row.fold, coverage_class(row.coverage)] += 1
    assert np.ptp(classes.sum(axis=1)) <= 2
    assert np.ptp(classes, axis=0).max() <= 3


def test_seed_decides_and_order_does_not():
    groups, coverage = _tiles()
    assert make_folds(groups, coverage, seed=1) == make_folds(dict(reversed(groups.items())), coverage, seed=1)
    assert make_folds(groups, coverage, seed=1) != make_folds(groups, coverage, seed=2)


def test_refused_arguments():
    groups, coverage = _tiles(10, 3)
    with pytest.raises(ValueError, match='whole number from 2 to the 3 groups, got 4'):
        make_folds(groups, coverage, num_folds=4)
    with pytest.raises(ValueError, match='got 1'):
        make_folds(groups, coverage, num_folds=1)
    with pytest.raises(ValueError, match='both must hold the same ids'):
        make_folds(groups, {})
