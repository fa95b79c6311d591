"""Top and base against crossings that are known, their intervals against shifted probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.seismic.export.calibration import LabelledTraces, calibrate, labelled_traces, parts_of_lines
from mmattn.seismic.export.horizons import find_horizons, label_horizons

SAMPLES = 100 + 4.0 * np.arange(40)


def reader(values: np.ndarray):
    return lambda start, stop: values[start:stop]


def ramp(top: float, base: float, slope: float = 0.02) -> np.ndarray:
    """A probability that rises through 0.5 at the time ``top`` and falls through it at ``base``."""
    return np.clip(0.5 + slope * np.minimum(SAMPLES - top, base - SAMPLES), 0, 1)


@pytest.fixture
def tops() -> np.ndarray:
    return 120 + 40 * np.random.default_rng(0).random((5, 6))


def volume_of(tops: np.ndarray, thickness: float = 60.0) -> np.ndarray:
    return np.stack([[ramp(top, top + thickness) for top in row] for row in tops])


@pytest.mark.parametrize('step', [1, 2, 16])
def test_crossings_between_samples(tops, step: int):
    values = volume_of(tops)
    values[2, 3] = 0.2
    found = find_horizons(reader(values), SAMPLES, values.shape, step=step)
    expected = tops.copy()
    expected[2, 3] = np.nan
    assert_allclose(found.top, expected, atol=1e-9)
    assert_allclose(found.base, expected + 60, atol=1e-9)
    assert found.runs[2, 3] == 0
    assert (np.delete(found.runs.ravel(), 15) == 1).all()
    assert found.several == []
    assert not found.cut.any()
    assert found.top_range is None


def test_several_runs_and_ends_of_the_trace():
    values = np.zeros((1, 2, 40))
    values[0, 0, [5, 6, 20, 21, 22]] = 1
    values[0, 1] = 0.9
    found = find_horizons(reader(values), SAMPLES, values.shape)
    assert_array_equal(found.runs, [[2, 1]])
    assert [(run.row, run.column, run.top, run.base) for run in found.several] == [
        (0, 0, SAMPLES[5] - 2, SAMPLES[6] + 2),
        (0, 0, SAMPLES[20] - 2, SAMPLES[22] + 2),
    ]
    assert (found.top[0, 0], found.base[0, 0]) == (SAMPLES[5] - 2, SAMPLES[22] + 2)
    assert (found.top[0, 1], found.base[0, 1]) == (SAMPLES[0], SAMPLES[-1])
    assert_array_equal(found.cut, [[[False, True]], [[False, True]]])


def test_intervals_of_a_ramp(tops):
    """On a ramp of slope s a spread d moves the crossing by d / s."""
    values = volume_of(tops)
    spread = np.full_like(values, 0.05)
    found = find_horizons(reader(values), SAMPLES, values.shape, read_std=reader(spread), factor=2.0)
    assert_allclose(found.top_range, [tops - 5, tops + 5], atol=1e-9)
    assert_allclose(found.base_range, [tops + 60 - 5, tops + 60 + 5], atol=1e-9)


def test_intervals_without_an_end():
    values = np.full((1, 1, 40), 0.4)
    values[0, 0, 10:20] = 0.6
    spread = np.full_like(values, 0.2)
    found = find_horizons(reader(values), SAMPLES, values.shape, read_std=reader(spread), factor=1.0)
    # All samples might be salt, and none is for sure: the top may be anywhere from the first sample to the base.
    assert_allclose(found.top_range[:, 0, 0], [SAMPLES[0], SAMPLES[19] + 2])
    assert_allclose(found.base_range[:, 0, 0], [SAMPLES[10] - 2, SAMPLES[-1]])
    sure = find_horizons(reader(values), SAMPLES, values.shape, read_std=reader(0 * spread))
    assert_allclose(sure.top_range[:, 0, 0], [sure.top[0, 0]] * 2)


def test_labels_are_crossed_half_way():
    label = np.zeros((1, 1, 40), np.uint8)
    label[0, 0, 7:9], label[0, 0, 9:11] = 1, 255
    found = label_horizons(reader(label), SAMPLES, label.shape)
    assert (found.top[0, 0], found.base[0, 0]) == (SAMPLES[7] - 2, SAMPLES[8] + 2)


def noisy(count: int, sigma: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probability whose top misses the true one by a normal error, a stated spread, the label; (count, 20, 40)."""
    rng = np.random.default_rng(seed)
    tops = 130 + 40 * rng.random((count, 20))
    values = volume_of(tops + sigma * rng.standard_normal(tops.shape), 70.0)
    label = (tops[..., None] <= SAMPLES) & (tops[..., None] + 70 >= SAMPLES)
    return values, np.full_like(values, 0.01), label.astype(np.uint8)


def test_calibrated_intervals_hold_what_they_promise():
    """Errors of 8 ms, a stated spread of 0.5 ms: intervals of 1.645 are far too narrow, calibrated ones right."""
    values, spread, label = noisy(160, 8.0)
    parts = [
        labelled_traces(reader(values), reader(spread), reader(label), SAMPLES, lines, seed=number)
        for number, lines in enumerate(parts_of_lines(160, most=2))
    ]
    assert all(len(part.probability) == 1600 for part in parts)
    for surface in ('top', 'base'):
        assert parts[1].coverage(surface, 1.645).share < 0.4
        margin = parts[0].margin(surface, 1.645, 0.9)
        assert abs(parts[1].coverage(surface, 1.645, margin).share - 0.9) < 0.03
        assert 7 < margin < 15  # ms; 1.645 times 8 but for 0.8 of the spread and what half a sample forgives
        assert parts[0].margin(surface, 50, 0.9) < 0  # intervals that are too wide become narrower
        assert abs(parts[1].coverage(surface, 50, parts[0].margin(surface, 50, 0.9)).share - 0.9) < 0.03


def test_tops_beyond_the_first_sample_do_not_count():
    values, spread, label = noisy(4, 8.0)
    label[:2, :, :30] = 1
    found = labelled_traces(reader(values), reader(spread), reader(label), SAMPLES, np.arange(4))
    assert (found.coverage('top', 1.0).traces, found.coverage('base', 1.0).traces) == (40, 80)


def test_what_cannot_be_calibrated_is_said():
    values, spread, label = noisy(4, 8.0)
    nothing = labelled_traces(reader(values), reader(spread), reader(0 * label), SAMPLES, np.arange(4))
    assert nothing.coverage('top', 1.0).traces == 0
    with pytest.raises(ValueError, match='top: no trace has both predicted and true salt'):
        nothing.margin('top', 1.0)


def test_without_a_spread_the_margin_is_all():
    values, spread, label = noisy(160, 8.0)
    sure = labelled_traces(reader(values), reader(0 * spread), reader(label), SAMPLES, np.arange(160))
    held = sure.coverage('top', 1.645, sure.margin('top', 1.645))
    assert 0.9 <= held.share < 0.901
    assert 22 < held.width < 26


def test_intervals_with_a_margin():
    values = np.full((1, 1, 40), 0.1)
    values[0, 0, 10:20] = 0.9
    spread = np.full_like(values, 0.01)
    given = dict(read_std=reader(spread), factor=2.0)
    plain, wide, narrow = (
        find_horizons(reader(values), SAMPLES, values.shape, **given, margins=margins)
        for margins in ((0, 0), (3, 1000), (-1000, -0.01))
    )
    assert_allclose(wide.top_range, plain.top_range + np.array([-3, 3])[:, None, None])
    assert_allclose(wide.base_range[:, 0, 0], [SAMPLES[0], SAMPLES[-1]])
    assert_allclose(narrow.top_range[:, 0, 0], [plain.top[0, 0]] * 2)
    assert_allclose(narrow.base_range, plain.base_range + np.array([0.01, -0.01])[:, None, None])


@pytest.mark.parametrize(
    ('count', 'parts'),
    [
        (1, [[0]]),
        (2, [[0], [1]]),
        (20, [[*range(8)], [*range(8, 16)], [*range(16, 20)]]),
        (48, [[*range(8), *range(40, 48)], *([*range(8 * one, 8 * one + 8)] for one in (1, 2, 3, 4))]),
    ],
)
def test_parts_of_lines(count: int, parts: list):
    assert [part.tolist() for part in parts_of_lines(count)] == parts


def test_every_part_is_measured_with_the_margin_of_the_others():
    """Blocks of lines differ in how far off they are, as surveys do: one half would promise too much for the other."""
    values, spread, label = noisy(160, 8.0)
    rough = np.arange(160) // 8 % 4 == 1
    easy, _, easy_label = noisy(160, 3.0)
    values, label = (np.where(rough[:, None, None], one, other) for one, other in ((values, easy), (label, easy_label)))
    readers = reader(values), reader(spread), reader(label)

    def traces(lines: np.ndarray) -> LabelledTraces:
        return labelled_traces(*readers, SAMPLES, lines)

    first, second = map(traces, parts_of_lines(160, most=2))  # the second holds all that is rough
    assert second.coverage('base', 1.645, first.margin('base', 1.645)).share < 0.83
    margin, held = calibrate([traces(lines) for lines in parts_of_lines(160)], 'base', 1.645)
    assert abs(held.share - 0.9) < 0.03
    assert held.traces == 160 * values.shape[1]
    assert abs(traces(np.arange(160)).coverage('base', 1.645, margin).share - 0.9) < 0.01


def test_one_part_is_not_measured():
    values, spread, label = noisy(8, 8.0)
    part = labelled_traces(reader(values), reader(spread), reader(label), SAMPLES, np.arange(8))
    margin, held = calibrate([part], 'top', 2.0)
    assert margin == part.margin('top', 2.0)
    assert (held.traces, np.isnan(held.share)) == (0, True)
