"""Clean-up slab by slab equals SciPy's on the whole volume."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from mmattn.seismic.salt.cleanup import clean_mask, find_bodies, remove_small_bodies, salt_mask, select_bodies


def random_mask(share: float, shape: tuple[int, int, int] = (13, 9, 11)) -> np.ndarray:
    return (np.random.default_rng(int(share * 100)).random(shape) < share).astype(np.uint8)


def reader(mask: np.ndarray):
    return lambda start, stop: mask[start:stop]


def clean(mask: np.ndarray, **options) -> tuple[np.ndarray, dict[str, int]]:
    """Cleans a copy in place."""
    mask = mask.copy()

    def write(start: int, slab: np.ndarray) -> None:
        mask[start : start + len(slab)] = slab

    return mask, clean_mask(reader(mask), write, mask.shape, **options)


@pytest.mark.parametrize('share', [0.0, 0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize('step', [1, 4, 50])
def test_bodies_are_those_of_the_whole_volume(share: float, step: int):
    mask = random_mask(share)
    labels, count = ndimage.label(mask)
    bodies = find_bodies(reader(mask), mask.shape, step=step)
    assert len(bodies) == count
    assert sorted(bodies.voxels) == sorted(np.bincount(labels.ravel())[1:])
    boxes = {(*(span.start for span in box), *(span.stop - 1 for span in box)) for box in ndimage.find_objects(labels)}
    assert {(*first, *last) for first, last in zip(bodies.first, bodies.last)} == boxes


@pytest.mark.parametrize('step', [1, 4, 50])
def test_each_body_can_be_selected(step: int):
    mask = random_mask(0.3)
    labels, count = ndimage.label(mask)
    bodies = find_bodies(reader(mask), mask.shape, step=step)
    seen = set()
    for number in range(count):
        keep = np.arange(count) == number
        chosen = np.concatenate([slab for _, slab in select_bodies(reader(mask), mask.shape, bodies, keep)])
        label = set(labels[chosen].tolist())
        assert len(label) == 1
        assert np.array_equal(chosen, labels == min(label))
        seen |= label
    assert len(seen) == count


@pytest.mark.parametrize('step', [1, 3, 50])
@pytest.mark.parametrize('share', [0.4, 0.75, 0.9])
def test_holes_are_those_that_scipy_fills(share: float, step: int):
    mask = random_mask(share)
    cleaned, done = clean(mask, fill_holes=True, step=step)
    expected = ndimage.binary_fill_holes(mask)
    assert np.array_equal(cleaned, expected)
    assert done['filled'] == np.count_nonzero(expected) - np.count_nonzero(mask)
    assert done['filled'] > 0


@pytest.mark.parametrize('step', [1, 3, 50])
def test_small_bodies_go(step: int):
    mask = random_mask(0.2)
    cleaned, done = clean(mask, min_body=4, step=step)
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    expected = (sizes[labels] >= 4) & (labels > 0)
    assert np.array_equal(cleaned, expected)
    assert done == dict(
        filled=0, removed=np.count_nonzero(mask) - np.count_nonzero(expected), removed_bodies=sum(sizes[1:] < 4)
    )


@pytest.mark.parametrize('step', [1, 3, 50])
def test_unsure_bodies_go_as_by_scikit_image(step: int):
    probability = ndimage.gaussian_filter(np.random.default_rng(5).random((13, 9, 11)), 1)
    probability = (probability - probability.min()) / np.ptp(probability)
    mask = (probability > 0.55).astype(np.uint8)
    cleaned, done = clean(mask, hysteresis=0.8, probability=reader(probability), step=step)
    expected = apply_hysteresis_threshold(probability, 0.55, 0.8)
    assert np.array_equal(cleaned, expected)
    assert 0 < expected.sum() < mask.sum()
    assert done['removed'] == mask.sum() - expected.sum()
    assert done['removed_bodies'] == ndimage.label(mask)[1] - ndimage.label(expected)[1]
    nothing, done = clean(mask, hysteresis=1.0, probability=reader(probability), step=step)
    assert (nothing.any(), done['removed_bodies']) == (False, ndimage.label(mask)[1])
    assert not clean(np.zeros_like(mask), hysteresis=0.8, probability=reader(probability), step=step)[0].any()


def test_a_body_is_measured_after_its_cavity_is_filled():
    mask = np.zeros((7, 7, 7), np.uint8)
    mask[1:6, 1:6, 1:6] = 1
    mask[2:5, 2:5, 2:5] = 0
    cleaned, done = clean(mask, min_body=125, fill_holes=True, step=2)
    assert cleaned.sum() == 125
    assert done == dict(filled=27, removed=0, removed_bodies=0)
    assert not clean(mask, min_body=125, step=2)[0].any()


def test_a_line_has_holes_in_its_section():
    mask = np.ones((1, 5, 5), np.uint8)
    mask[0, 2, 2] = mask[0, 0, 0] = 0
    cleaned, _ = clean(mask, fill_holes=True)
    assert cleaned[0, 2, 2] == 1
    assert cleaned[0, 0, 0] == 0


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match='min_body must be 0 or a number of voxels, got -1'):
        clean(random_mask(0.5), min_body=-1)
    with pytest.raises(ValueError, match='step must be at least 1 line, got 0'):
        find_bodies(reader(random_mask(0.5)), (13, 9, 11), step=0)
    with pytest.raises(ValueError, match=r'lines 0 to 16 of a volume \(20, 9, 11\) cannot be \(13, 9, 11\)'):
        find_bodies(reader(random_mask(0.5)), (20, 9, 11))
    with pytest.raises(ValueError, match=r'hysteresis=0\.7 needs the probability'):
        clean(random_mask(0.5), hysteresis=0.7)
    section = np.zeros((4, 4))
    for options, message in (
        (dict(threshold=1.0), 'threshold must lie between 0 and 1, got 1.0'),
        (dict(hysteresis=0.4), 'hysteresis must lie between the threshold, 0.5, and 1, got 0.4'),
        (dict(hysteresis=1.0), 'hysteresis must lie between the threshold, 0.5, and 1, got 1.0'),
        (dict(min_body=-1), 'min_body must be at least 0, got -1'),
    ):
        with pytest.raises(ValueError, match=message):
            salt_mask(section, **options)


def test_small_bodies_of_a_section_go():
    mask = np.zeros((6, 6), bool)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = True  # one body by its corners
    mask[4:, 4:] = True
    np.testing.assert_array_equal(remove_small_bodies(mask, 3), mask)
    kept = remove_small_bodies(mask, 4)
    assert kept.sum() == 4
    assert kept[4:, 4:].all()
    assert not remove_small_bodies(mask, 5).any()


def test_the_mask_of_a_section():
    probability = np.full((7, 7), 0.2)
    probability[0, 0] = probability[1, 1] = 0.6  # one body by its corners, never sure
    probability[0, 6] = 0.95  # sure and small
    probability[4:, 4:] = 0.45
    probability[5, 5] = 0.9
    np.testing.assert_array_equal(salt_mask(probability), probability > 0.5)
    kept = salt_mask(probability, threshold=0.4, hysteresis=0.8, min_body=2)
    assert kept[4:, 4:].all()
    assert kept.sum() == 9
    assert salt_mask(probability, threshold=0.4, hysteresis=0.8).sum() == 10
    assert not salt_mask(probability, threshold=0.4, hysteresis=0.99).any()
    assert not salt_mask(np.zeros((3, 3)), hysteresis=0.7).any()
