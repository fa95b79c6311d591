"""Refinement over many models, at toy size."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmattn.common.files import hold_folder
from mmattn.seismic.shots import Acquisition
from mmattn.studies.refinement import HeldOut, Study, observe, read_rows, run, summary, write_report
from mmattn.studies.refinement.cases import add_noise
from mmattn.studies.refinement.pictures import mean_curves
from mmattn.studies.refinement.study import Outcome
from mmattn.waves import RefineOptions, model_shots

ACQUISITION = Acquisition.surface(18, 2, dx=30.0, dt=0.004, nt=60, frequency=6.0)
SIZE = 16, 18
OPTIONS = RefineOptions(iterations=2, stages=(5.0, 10.0), smoothing=(2.0, 1.0), guard=None)


def outcome(**changes: object) -> Outcome:
    values = dict(
        group='a', name='0', noise=0.0, high_pass=0.0, start='network', mae_before=100.0, mae_after=80.0,
        ssim_before=0.5, ssim_after=0.6, salt=10, found_before=0, both_before=0, found_after=10, both_after=5,
        first=0.01, last_before=0.2, last_after=0.1, iterations=2, seconds=1.0,
    )  # fmt: skip
    return Outcome(**{**values, **changes})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    velocity = np.full((2, 50, 60), 2000, np.uint16) + rng.integers(0, 50, (2, 50, 1), np.uint16)
    velocity[1, 25:35, 20:40] = 4500
    np.savez(tmp_path / 'models.npz', velocity=velocity)
    return tmp_path / 'models.npz'


@pytest.fixture
def study(models: Path, tmp_path: Path) -> Study:
    held_out = HeldOut('file', ACQUISITION, SIZE, path=models)
    predict = lambda shots, acquisition: np.full(SIZE, 2500, np.float32)  # noqa: E731
    return Study(
        [(held_out, 2)], ((0.0, 0.0), (0.1, 0.0), (0.0, 2.0)), ('network',), OPTIONS, predict, tmp_path / 'out'
    )


def test_the_middle_of_each_cell_is_what_is_sought(models: Path):
    held_out = HeldOut('file', ACQUISITION, SIZE, path=models)
    velocity, salt = held_out.fine(1)
    assert velocity.shape == (48, 54)
    assert np.array_equal(salt, velocity >= 4250)
    assert np.array_equal(velocity, np.load(models)['velocity'][1, :48, 3:57])
    survey = HeldOut('synthetic', ACQUISITION, SIZE, seed=3)
    assert survey.fine(0)[0].shape == (48, 54)
    assert survey.fine_acquisition.dx == 10


def test_gathers_of_the_finer_grid_are_as_strong_and_not_the_same():
    pytest.importorskip('deepwave')
    coarse = np.full(SIZE, 2000, np.float32)
    coarse[8:] = 2600
    own = model_shots(coarse, ACQUISITION, warn=False)
    finer = observe(np.kron(coarse, np.ones((3, 3), np.float32)), ACQUISITION, 3)
    assert finer.shape == own.shape
    difference = np.linalg.norm(finer - own) / np.linalg.norm(own)
    assert 0.005 < difference < 0.4


def test_noise_has_the_strength_that_is_asked_for():
    shots = np.random.default_rng(1).normal(size=(2, 50, 20)).astype(np.float32)
    assert np.std(add_noise(shots, 0.1, seed=0) - shots) == pytest.approx(0.1 * shots.std(), rel=0.05)
    assert np.array_equal(add_noise(shots, 0.1, seed=0), add_noise(shots, 0.1, seed=0))
    assert np.array_equal(add_noise(shots, 0.0, seed=0), shots)


def test_every_line_is_kept_and_none_is_done_twice(study: Study, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip('deepwave')
    seen = []
    rows = run(study, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]
    assert [row.key for row in rows] == [
        ('file', name, *damage, 'network') for name in ('0000', '0001') for damage in study.damages
    ]
    assert all(row.mae_before < 900 and row.salt == (0 if row.name == '0000' else 24) for row in rows)
    curve = (study.out / 'curves' / 'file_0001_0.1_0_network.csv').read_text().splitlines()
    assert curve[0] == 'iteration,stage,frequency,misfit,mae,salt_iou,seconds'
    assert [line.split(',')[:2] for line in curve[1:]] == [['0', '1'], ['1', '1'], ['1', '2'], ['2', '2']]
    table = study.out / 'refinement.csv'
    table.write_text(table.read_text()[:-30])  # the last line was being written
    done = []
    monkeypatch.setattr('mmattn.studies.refinement.study.refine_case', lambda *case: done.append(case) or rows[-1])
    assert run(study) == rows
    assert len(done) == 1
    text = write_report(study.out, rows, 0.05)
    assert '| file | 0.000 | 0.000 | network | 2 |' in text
    assert (study.out / 'summary.csv').read_text().splitlines()[0].startswith('group,noise,high_pass,start,')
    assert (study.out / 'curves.png').stat().st_size > 10_000
    means = mean_curves(study.out, [row for row in rows if row.high_pass])
    assert list(means['iteration']) == [0, 1, 1, 2]
    both = [row for row in rows if row.high_pass]
    assert means['mae'][0] == pytest.approx(np.mean([row.mae_before for row in both]), rel=1e-4)
    with_salt = next(row for row in both if row.salt)
    assert means['salt_iou'][0] == pytest.approx(with_salt.both_before / (with_salt.salt + with_salt.found_before))
    assert means['gain'][0] == 1


def test_other_options_in_the_folder_are_refused(study: Study, tmp_path: Path):
    pytest.importorskip('deepwave')
    few = replace(study, damages=study.damages[:1], sets=[(study.sets[0][0], 1)], network='first')
    run(few)
    assert Acquisition.load(study.out / 'observed' / 'acquisition.json') == ACQUISITION
    survey = HeldOut('synthetic', ACQUISITION, SIZE, seed=3)
    for other, message in (
        (
            replace(few, options=replace(OPTIONS, rate=0.1)),
            "'.*out' holds refinements with another options: .*rate=0.05",
        ),
        (replace(few, network='second'), 'holds refinements with another network: first, not second; take another'),
        (
            replace(few, sets=[(HeldOut('file', ACQUISITION, SIZE, seed=3), 1)]),
            'with another set file: .*, not survey of seed 3, 3 times finer',
        ),
    ):
        with pytest.raises(ValueError, match=message):
            run(other)
    assert len(run(replace(few, sets=[*few.sets, (survey, 1)]))) == 2  # another set may join
    (study.out / 'options.json').unlink()
    with pytest.raises(ValueError, match=r'and not what they were made with: .*options\.json is missing'):
        run(few)
    lock = hold_folder(study.out, '.lock')
    try:
        with pytest.raises(FileExistsError, match='is in use by another process'):
            run(study)
    finally:
        os.close(lock)


def test_what_the_guard_spares_and_costs():
    rows = [
        outcome(name='0'),
        outcome(name='1', mae_after=120.0),
        outcome(name='2', mae_after=130.0, first=0.2),
        outcome(name='3', first=0.2),
        outcome(name='4', last_after=0.3),
        outcome(name='5', start='linear'),
    ]
    network, linear = summary(rows, guard=0.05)
    assert (network.models, linear.models) == (5, 1)
    assert (network.lowered, network.let_lowered, network.let_raised) == (3, 1, 1)
    assert (network.stopped_raised, network.stopped_lowered) == (1, 2)
    assert (network.mae_before, network.mae_after, network.mae_guarded) == (100, 98, 100)
    assert (network.iou_before, network.iou_after) == (0, pytest.approx(1 / 3))
    assert read_rows('nowhere.csv') == []


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        (dict(other=np.ones((1, 50, 60))), 'has no velocity; it holds other'),
        (dict(velocity=np.ones((50, 60))), r'models must be at least 48 x 54, got an array of \(50, 60\)'),
        (dict(velocity=np.ones((1, 40, 60))), 'models must be at least 48 x 54'),
    ],
)
def test_wrong_files(arrays: dict, message: str, tmp_path: Path):
    np.savez(tmp_path / 'a.npz', **arrays)
    with pytest.raises(ValueError, match=message):
        HeldOut('a', ACQUISITION, SIZE, path=tmp_path / 'a.npz')


def test_no_file_and_an_even_factor(tmp_path: Path):
    with pytest.raises(ValueError, match='is not a file'):
        HeldOut('a', ACQUISITION, SIZE, path=tmp_path / 'none.npz')
    with pytest.raises(ValueError, match=r'factor must be odd, .*got 2'):
        HeldOut('a', ACQUISITION, SIZE, factor=2)
