"""The synthetic survey: contract, statistics and difficulty."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic.synthetic import SyntheticSurvey
from mmattn.seismic.synthetic.baselines import otsu_iou
from mmattn.seismic.synthetic.section import draw_wavelength, quantise

DIGEST = """
import hashlib
from mmattn.seismic.synthetic import SyntheticSurvey
digest = hashlib.sha256()
for size, index in (((101, 101), 3), ((101, 101), 7), ((300, 260), 1)):
    section = SyntheticSurvey(size, seed=5).section(index)
    for array in (section.image, section.amplitude, section.mask):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope='module')
def sections():
    survey = SyntheticSurvey(seed=11)
    return [survey.section(index) for index in range(500)]


@pytest.mark.parametrize('size', [(101, 101), (16, 16), (17, 140), (200, 33)])
def test_arrays_have_the_promised_shape_type_and_range(size):
    survey = SyntheticSurvey(size, seed=1)
    for index in range(6):
        section = survey.section(index)
        assert section.image.shape == section.amplitude.shape == section.mask.shape == size
        assert (section.image.dtype, section.amplitude.dtype, section.mask.dtype) == (np.uint8, np.float32, np.uint8)
        assert np.isfinite(section.amplitude).all()
        assert set(np.unique(section.mask)) <= {0, 1}
        assert section.has_salt == (section.mask.sum() > 0)
        assert 50 <= section.depth < 960
        assert section.image.std() > 1 or not section.has_salt  # some without salt are constant


def test_image_is_the_amplitude_with_zero_at_mid_grey():
    section = SyntheticSurvey(seed=2).section(0)
    np.testing.assert_array_equal(section.image, quantise(section.amplitude))
    np.testing.assert_array_equal(quantise(np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])), [0, 1, 128, 192, 255, 255])


def test_sections_depend_on_seed_and_index_only():
    first, second = SyntheticSurvey(seed=3), pickle.loads(pickle.dumps(SyntheticSurvey(seed=3)))
    second.section(9)
    np.testing.assert_array_equal(first.section(4).image, second.section(4).image)
    assert (first.section(4).image != first.section(5).image).any()
    assert (first.section(4).image != SyntheticSurvey(seed=4).section(4).image).any()


@pytest.mark.slow
def test_sections_do_not_depend_on_process_or_threads():
    digests = set()
    for threads in ('1', '3'):
        variables = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), threads)
        done = subprocess.run(
            [sys.executable, '-c', DIGEST],
            env=os.environ | variables,
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.split()[-1])
    digest = hashlib.sha256()
    for size, index in (((101, 101), 3), ((101, 101), 7), ((300, 260), 1)):
        section = SyntheticSurvey(size, seed=5).section(index)
        for array in (section.image, section.amplitude, section.mask):
            digest.update(array.tobytes())
    assert digests == {digest.hexdigest()}


def test_coverage_is_that_of_tgs(sections):
    coverage = np.array([section.mask.mean() for section in sections])
    assert np.mean(coverage == 0) == pytest.approx(0.38, abs=0.06)
    assert coverage.mean() == pytest.approx(0.248, abs=0.035)
    some = coverage[coverage > 0]
    assert np.mean(some < 0.1) == pytest.approx(0.24, abs=0.07)
    assert np.mean(some > 0.8) == pytest.approx(0.16, abs=0.06)


def test_grey_values_are_like_those_of_tgs(sections):
    """Bounds from 3,120 TGS tiles: median tile deviation 28.0, mean grey 120, 68 % of tiles between 21 and 35."""
    images = np.stack([section.image for section in sections if np.ptp(section.image)]).astype(float)
    deviations = images.std(axis=(1, 2))
    assert np.median(deviations) == pytest.approx(28, abs=4)
    assert images.mean() == pytest.approx(124, abs=6)
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    neighbours = (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=(1, 2)) / deviations**2
    assert np.median(neighbours) == pytest.approx(0.94, abs=0.04)
    below = (centred[:, 1:] * centred[:, :-1]).mean(axis=(1, 2)) / deviations**2
    assert np.median(below) == pytest.approx(0.93, abs=0.05)


def test_no_threshold_finds_the_salt(sections):
    scores = otsu_iou([section.image - np.median(section.image) for section in sections], [s.mask for s in sections])
    assert sorted(scores) == ['local variance', 'smoothed envelope', '|amplitude|']
    for name, (high, low) in scores.items():
        assert max(high, low) < 0.45, name


def test_salt_top_is_bright_and_its_interior_quiet(sections):
    """What makes salt recognisable: around the boundary amplitudes are high, far inside they are mostly low."""
    edge, inside, outside = [], [], []
    for section in sections:
        if not 0.1 < section.mask.mean() < 0.9:
            continue
        salt = section.mask.astype(bool)
        boundary = np.zeros(salt.shape, bool)
        boundary[1:] |= salt[1:] != salt[:-1]
        near = np.zeros(salt.shape, bool)
        for shift in range(-3, 4):
            near |= np.roll(boundary, shift, axis=0)
        level = np.abs(section.amplitude - np.median(section.amplitude))
        edge.append(level[near].mean())
        inside.append(level[salt & ~near].mean())
        outside.append(level[~salt & ~near].mean())
    assert len(edge) > 100
    assert np.median(np.array(edge) / np.array(outside)) > 1.3
    assert 0.25 < np.median(np.array(inside) / np.array(outside)) < 0.9


def test_wavelength_is_in_samples_whatever_the_size():
    def mean_wavenumber(size):
        survey = SyntheticSurvey(size, seed=8, salt_probability=0.0, wavelength=(12.0, 12.0), noise=0.0)
        values = []
        for index in range(12):
            spectrum = np.abs(np.fft.rfft(survey.section(index).amplitude, axis=0)) ** 2
            frequency = np.fft.rfftfreq(size[0])
            values.append((spectrum.sum(axis=1) * frequency)[2:].sum() / spectrum[2:].sum())
        return np.mean(values)

    assert mean_wavenumber((64, 64)) == pytest.approx(mean_wavenumber((256, 256)), rel=0.2)


def test_wavelengths_stay_in_their_range():
    rng = np.random.default_rng(0)
    drawn = [draw_wavelength(rng, (7.0, 32.0)) for _ in range(2000)]
    assert min(drawn) == pytest.approx(7)
    assert max(drawn) == pytest.approx(32)
    assert np.median(drawn) == pytest.approx(np.sqrt(7 * 32), rel=0.05)


@pytest.mark.parametrize(('probability', 'expected'), [(0.0, False), (1.0, True)])
def test_salt_probability_rules(probability, expected):
    survey = SyntheticSurvey((40, 40), seed=6, salt_probability=probability)
    assert {survey.section(index).has_salt for index in range(40)} == {expected}


def test_hard_negatives_change_only_some_sections():
    plain, distracted = (SyntheticSurvey((48, 48), seed=9, hard_negatives=value) for value in (0.0, 1.0))
    rate = SyntheticSurvey((48, 48), seed=9, hard_negatives=0.2)
    changed = [
        not np.array_equal(plain.section(index).image, rate.section(index).image)
        for index in range(100)
        if not plain.section(index).has_salt
    ]
    assert 0.05 < np.mean(changed) < 0.4
    empty = next(index for index in range(100) if not plain.section(index).has_salt)
    assert (plain.section(empty).image != distracted.section(empty).image).any()


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(size=(15, 101)), ValueError, r'size must be at least \(16, 16\), got \(15, 101\)'),
        (dict(size=101), ValueError, 'size must be 2 integers, got 101'),
        (dict(size=(101.0, 101)), TypeError, 'size must be an integer, got 101.0'),
        (dict(seed=-1), ValueError, 'seed must be at least 0, got -1'),
        (dict(seed='a'), TypeError, "seed must be an integer, got 'a'"),
        (dict(salt_probability=1.2), ValueError, 'salt_probability must be from 0 to 1, got 1.2'),
        (dict(hard_negatives=-0.1), ValueError, 'hard_negatives must be from 0 to 1, got -0.1'),
        (dict(noise=float('nan')), ValueError, 'noise must be from 0 to 10, got nan'),
        (dict(noise='loud'), TypeError, "noise must be a number, got 'loud'"),
        (dict(wavelength=(3.0, 9.0)), ValueError, 'wavelength must be from 4 to 200, got 3.0'),
        (dict(wavelength=(20.0, 9.0)), ValueError, 'wavelength must be two numbers, the shortest first, got'),
        (dict(wavelength=12.0), ValueError, 'wavelength must be two numbers, the shortest first, got 12.0'),
    ],
)
def test_wrong_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        SyntheticSurvey(**options)


@pytest.mark.parametrize(('index', 'error'), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_wrong_indices_are_refused(index, error):
    with pytest.raises(error, match='index must be'):
        SyntheticSurvey().section(index)
