import numpy as np
import pytest
import torch

from mmattn.seismic.shots import Acquisition
from mmattn.waves import RefineOptions, model_shots, refine
from mmattn.waves.refinement import low_pass

pytest.importorskip('deepwave')
ACQUISITION = Acquisition.surface(24, 2, dx=30.0, dt=0.004, nt=150, frequency=8.0)
OPTIONS = dict(iterations=4, stages=(5.0, 10.0), smoothing=(2.0, 1.0), guard=None)


@pytest.fixture(scope='module')
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A start, the truth and its gathers."""
    start = np.full((16, 24), 2000, np.float32)
    truth = start.copy()
    truth[6:10, 8:16] += 200
    return start, truth, model_shots(truth, ACQUISITION, warn=False)


def test_misfit_falls_and_the_model_nears_the_truth(case):
    start, _, shots = case
    seen = []
    result = refine(
        start, shots, ACQUISITION, RefineOptions(**OPTIONS), progress=lambda step, v: seen.append((step, v))
    )
    assert result.kept
    assert result.notes == ()
    assert result.factor == pytest.approx(1, abs=0.02)
    first, last = result.steps[0], result.steps[-1]
    assert [step.iteration for step in result.steps] == [0, 1, 2, 2, 3, 4]
    assert (first.stage, first.frequency, last.stage, last.frequency) == (1, 5.0, 2, 10.0)
    assert result.steps[2].misfit < 0.9 * first.misfit
    assert [step for step, _ in seen] == list(result.steps)
    assert np.array_equal(seen[0][1].round(1), start)
    inside = slice(6, 10), slice(8, 16)
    assert result.velocity[inside].mean() > start[inside].mean() + 2


def test_gathers_on_another_scale_are_divided(case):
    start, _, shots = case
    plain = refine(start, shots, ACQUISITION, RefineOptions(**OPTIONS))
    other = refine(start, -9 * shots, ACQUISITION, RefineOptions(**OPTIONS))
    assert other.factor == pytest.approx(-9 * plain.factor, rel=1e-4)
    assert 'direct wave is -8.99 times' in other.notes[0]
    assert np.allclose(other.velocity, plain.velocity, atol=1)


def test_a_start_outside_the_range_is_said(case):
    start, _, shots = case
    fast = start.copy()
    fast[-1, :5] = 5000
    result = refine(fast, shots, ACQUISITION, RefineOptions(**OPTIONS))
    (note,) = result.notes
    assert note.startswith(f'5 of {start.size} cells of the start were outside velocity_range, 1400 to 4600 m/s')
    assert result.velocity[-1, :5].max() < 4650
    options = RefineOptions(**OPTIONS, velocity_range=(1400, 5100))
    assert refine(fast, shots, ACQUISITION, options).notes == ()


def test_a_share_of_the_way(case):
    start, _, shots = case
    whole = refine(start, shots, ACQUISITION, RefineOptions(**OPTIONS))
    seen = []
    part = refine(
        start, shots, ACQUISITION, RefineOptions(**OPTIONS, share=0.25), progress=lambda step, v: seen.append((step, v))
    )
    assert part.kept
    assert np.allclose(part.velocity - start, 0.25 * (whole.velocity - start), atol=0.2)
    assert np.ptp(part.velocity) > 1
    assert part.steps[:-1] == whole.steps
    assert [step for step, _ in seen] == list(part.steps)
    assert np.array_equal(seen[-1][1], part.velocity)
    assert whole.refined_misfit < part.refined_misfit < part.last_misfit
    assert part.refined_misfit == part.steps[-1].misfit


def test_a_start_that_explains_less_than_another_is_left(case):
    start, _, shots = case
    wrong = start - 300
    options = RefineOptions(**OPTIONS, share=0.5)
    result = refine(wrong, shots, ACQUISITION, options, otherwise=start)
    assert 'which must be wrong: refinement starts from that one' in result.notes[-1]
    whole = refine(start, shots, ACQUISITION, RefineOptions(**OPTIONS))
    assert np.array_equal(result.velocity, whole.velocity)
    assert result.steps == whole.steps
    right = refine(start, shots, ACQUISITION, options, otherwise=wrong)
    plain = refine(start, shots, ACQUISITION, options)
    assert right.steps == plain.steps
    assert right.notes == ()
    assert np.array_equal(right.velocity, plain.velocity)
    guarded = refine(wrong, shots, ACQUISITION, RefineOptions(**{**OPTIONS, 'guard': 1e-9}), otherwise=start)
    assert np.array_equal(guarded.velocity, wrong)
    with pytest.raises(ValueError, match=r'otherwise must have the shape of velocity, \(16, 24\), got \(16, 23\)'):
        refine(start, shots, ACQUISITION, options, otherwise=start[:, 1:])


def test_guard_gives_the_start_back(case):
    start, _, shots = case
    result = refine(start, shots, ACQUISITION, RefineOptions(**{**OPTIONS, 'guard': 1e-9}))
    assert not result.kept
    assert np.array_equal(result.velocity, start)
    assert 'is above 1e-09: the start is out of phase' in result.notes[0]
    assert {step.stage for step in result.steps} == {1}
    assert result.refined is None
    assert np.isnan(result.refined_misfit)


def test_no_gain_gives_the_start_back(case):
    _, truth, shots = case
    result = refine(truth, shots, ACQUISITION, RefineOptions(**{**OPTIONS, 'rate': 1.0}))
    assert not result.kept
    assert np.array_equal(result.velocity, truth)
    assert 'refinement did not lower it, and the start is given back' in result.notes[-1]


def test_low_pass_keeps_what_is_below():
    time = torch.arange(400) * 0.004
    low, high = torch.sin(2 * torch.pi * 3 * time), torch.sin(2 * torch.pi * 30 * time)
    kept = low_pass((low + high)[None, :, None], 0.004, 10.0)[0, 50:-50, 0]
    assert (kept - low[50:-50]).abs().max() < 0.02


def test_what_is_recorded_at_the_source_does_not_count(case):
    start, _, shots = case
    spoilt = shots.copy()
    for shot, (_, column) in enumerate(ACQUISITION.sources):
        spoilt[shot, :, column] *= 5
    results = [refine(start, gathers, ACQUISITION, RefineOptions(**OPTIONS)) for gathers in (shots, spoilt)]
    assert results[0].factor == results[1].factor
    assert np.array_equal(results[0].velocity, results[1].velocity)
    with pytest.raises(ValueError, match='min_offset 50 cells leaves shot 0 without traces'):
        refine(start, shots, ACQUISITION, RefineOptions(**OPTIONS, min_offset=50))


def test_what_the_gathers_lack_is_not_asked_of_the_model(case):
    _, truth, shots = case
    lacking = low_pass(torch.from_numpy(shots), ACQUISITION.dt, 125.0, 3.0).numpy()
    options = dict(OPTIONS, iterations=2, fit_amplitude=False)
    told = refine(truth, lacking, ACQUISITION, RefineOptions(**options, high_pass=3.0)).steps[0].misfit
    untold = refine(truth, lacking, ACQUISITION, RefineOptions(**options)).steps[0].misfit
    assert told < 0.2 * untold


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(stages=(9.0, 5.0)), r'stages must rise, got \(9.0, 5.0\)'),
        (dict(smoothing=(1.0,)), 'smoothing must have 2 numbers'),
        (dict(iterations=1), 'iterations must be at least the 2 stages, got 1'),
        (dict(rate=0), 'rate must be above 0'),
        (dict(velocity_range=(4000, 2000)), 'velocity_range must be the slowest and the fastest'),
        (dict(share=0), 'share must be above 0 and at most 1, got 0'),
        (dict(share=1.5), 'share must be from 0 to 1, got 1.5'),
        (dict(guard=0), 'guard must be above 0'),
        (dict(high_pass=5.0), r'high_pass must lie above 0 and below the first stage, 5 Hz, got 5\.0'),
        (dict(memory=0), r'memory \(MiB\) must be at least 1, got 0'),
    ],
)
def test_wrong_options(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        RefineOptions(**{**OPTIONS, **changes})


def test_wrong_inputs(case):
    start, _, shots = case
    with pytest.raises(ValueError, match='two axes of at least 2 cells'):
        refine(start[:1], shots, ACQUISITION)
    with pytest.raises(ValueError, match='axes are exchanged'):
        refine(start, shots.transpose(0, 2, 1), ACQUISITION)
    with pytest.raises(ValueError, match='all gathers are zero'):
        refine(start, 0 * shots, ACQUISITION)
