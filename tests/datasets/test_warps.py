"""Sections that are bent, with their labels."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from mmattn.datasets import RandomWarp

STILL = dict(prob=1.0, dip=0.0, tilt=0.0, elastic=0.0)


def section(shape: tuple[int, ...] = (41, 61), dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('shape', [(41, 61), (41, 61, 3), (1, 1), (2, 5)])
def test_nothing_changes_without_strength(shape: tuple[int, ...], dtype: type):
    image = section(shape, dtype)
    result = RandomWarp(**STILL)(dict(img=image.copy()))['img']
    assert result.dtype == dtype
    np.testing.assert_allclose(result, image, atol=1e-3)
    assert RandomWarp(prob=0.0)(dict(img=image))['img'] is image


def test_layers_dip_from_the_middle_column_on():
    """A row becomes a line of the slope that was drawn, through the middle."""
    image = np.zeros((81, 81), np.float32)
    image[40] = 1
    transform = RandomWarp(**STILL | dict(dip=0.3))
    slopes = []
    for seed in range(20):
        np.random.seed(seed)
        bent = transform(dict(img=image))['img']
        rows = (bent * np.arange(81)[:, None]).sum(0) / bent.sum(0)
        slope, middle = np.polyfit(np.arange(81) - 40, rows, 1)
        np.testing.assert_allclose(rows, middle + slope * (np.arange(81) - 40), atol=0.05)
        assert middle == pytest.approx(40, abs=0.02)
        slopes.append(slope)
    assert -0.3 <= min(slopes) < -0.15
    assert 0.15 < max(slopes) <= 0.3


def test_sections_turn_about_their_middle():
    image = np.zeros((61, 61), np.float32)
    image[30, 50] = 1  # 20 pixels from the middle
    for seed in range(5):
        np.random.seed(seed)
        row, column = center_of_mass(RandomWarp(**STILL | dict(tilt=30.0))(dict(img=image))['img'])
        assert np.hypot(row - 30, column - 30) == pytest.approx(20, abs=0.1)
        assert abs(np.degrees(np.arctan2(row - 30, column - 30))) <= 30


def test_the_smooth_field_is_no_larger_than_asked_for():
    transform = RandomWarp(**STILL | dict(elastic=4.0, smoothness=6.0))
    rows, columns = np.mgrid[:41, :61]
    largest = []
    for seed in range(20):
        np.random.seed(seed)
        shift = transform.draw(41, 61) - np.stack([columns, rows])
        largest.append(np.abs(shift).max())
        assert np.abs(np.diff(shift, axis=2)).max() < 4.0 / 6.0  # smooth
    assert 3 < max(largest) <= 4 + 1e-5


def test_labels_follow_their_section_and_stay_labels():
    image = np.zeros((61, 61), np.float32)
    image[20:40, 15:45] = 200
    label = (image > 0).astype(np.uint8)
    label[:5] = 255
    for seed in range(10):
        np.random.seed(seed)
        result = RandomWarp(prob=1.0)(dict(img=image, gt_seg_map=label, seg_fields=['gt_seg_map']))
        bent = result['gt_seg_map']
        assert set(np.unique(bent)) <= {0, 1, 255}
        far = (result['img'] == 0) | (result['img'] == 200)  # not along an edge, where both are between
        assert ((bent == 1) == (result['img'] == 200))[far].all()
    np.random.seed(3)
    again = RandomWarp(prob=1.0)(dict(img=image))['img']
    np.random.seed(3)
    np.testing.assert_array_equal(again, RandomWarp(prob=1.0)(dict(img=image))['img'])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(prob=1.5), 'RandomWarp: prob must be from 0 to 1, got 1.5'),
        (dict(dip=-1), 'RandomWarp: dip must be from 0 to 2, got -1'),
        (dict(tilt=90), 'RandomWarp: tilt must be from 0 to 45, got 90'),
        (dict(elastic=-1), 'RandomWarp: elastic must be at least 0, got -1'),
        (dict(smoothness=0), 'RandomWarp: smoothness must be above 0, got 0'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RandomWarp(**options)


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r'RandomWarp: expected a section .* got shape \(3,\)'):
        RandomWarp()(dict(img=np.zeros(3)))


def test_repr():
    assert repr(RandomWarp(prob=0.2)) == 'RandomWarp(prob=0.2, dip=0.15, tilt=5.0, elastic=3.0, smoothness=12.0)'
