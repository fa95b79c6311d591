from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic.shots import Acquisition, read_shots, read_velocity
from mmattn.seismic.shots.pairs import WRITTEN, find_pairs
from mmattn.seismic.synthetic.velocity import VelocitySurvey
from mmattn.waves import making, model_shots
from mmattn.waves.cache import cache_path, synthetic_example
from mmattn.waves.making import FileModels, MakeOptions, SyntheticModels, make_shots, plan

pytest.importorskip('deepwave')
ACQUISITION = Acquisition.surface(20, 2, dx=30.0, dt=0.004, nt=40, frequency=8.0)


@pytest.fixture
def models() -> SyntheticModels:
    return SyntheticModels(2, size=(16, 20), dx=30.0, seed=0)


@pytest.mark.parametrize('layout', WRITTEN)
def test_what_is_written_is_read_as_pairs(layout: str, models: SyntheticModels, tmp_path: Path):
    work = plan(models, ACQUISITION, tmp_path, MakeOptions(layout=layout, split='test', decimate=2))
    assert '2 models of 16 x 20 at 30 m, 2 to model; 2 shots, 20 receivers, 40 samples, 20 kept' in work.lines[0]
    assert 'MiB on disk' in work.lines[2]
    assert make_shots(work) == 2
    pairs = find_pairs(tmp_path, layout, 'test')
    assert len(pairs) == 2
    for index, pair in enumerate(pairs):
        shots = read_shots(pair.shots, item=pair.item)
        assert np.array_equal(read_velocity(pair.velocity, item=pair.item), models[index][0])
        assert shots.shape == (2, 20, 20)
        full = model_shots(models[index][0], ACQUISITION, warn=False)
        assert np.corrcoef(full[:, ::2].ravel(), shots.ravel())[0, 1] > 0.99
    assert Acquisition.load(tmp_path / 'acquisition.json') == ACQUISITION
    assert len((tmp_path / 'index.csv').read_text().splitlines()) == 3


def test_goes_on_where_it_was_interrupted(models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = []

    def interrupt(velocity, *args, **options):
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return model_shots(velocity, *args, **options)

    work = plan(models, ACQUISITION, tmp_path, MakeOptions())
    with monkeypatch.context() as patch:
        patch.setattr(making, 'model_shots', interrupt)
        with pytest.raises(KeyboardInterrupt):
            make_shots(work)
    assert [path.name for path in (tmp_path / 'train').iterdir()] == ['synthetic_0_000000.npz']
    work = plan(models, ACQUISITION, tmp_path, MakeOptions())
    assert work.missing == (1,)
    assert make_shots(work) == 1
    assert plan(models, ACQUISITION, tmp_path, MakeOptions()).missing == ()


def test_a_full_disk_leaves_no_half_file(models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(file, **arrays):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    work = plan(models, ACQUISITION, tmp_path, MakeOptions())
    monkeypatch.setattr('mmattn.waves.cache.np.savez', full)
    with pytest.raises(OSError, match='No space left'):
        make_shots(work)
    assert list((tmp_path / 'train').iterdir()) == []


def test_too_little_room_is_said_before(models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(making.shutil, 'disk_usage', lambda path: type('Usage', (), dict(free=10))())
    with pytest.raises(ValueError, match='MiB are needed, 0 MiB are free'):
        plan(models, ACQUISITION, tmp_path, MakeOptions())


def test_another_acquisition_in_the_folder(models, tmp_path: Path):
    ACQUISITION.save(tmp_path / 'acquisition.json')
    with pytest.raises(ValueError, match=r'of another acquisition: nt \(30 and 40\) differ'):
        plan(models, Acquisition.surface(20, 2, dx=30.0, dt=0.004, nt=30, frequency=8.0), tmp_path, MakeOptions())


def test_models_of_files(tmp_path: Path):
    arrays = np.stack([VelocitySurvey((16, 20)).model(index).velocity for index in range(3)])
    np.savez(tmp_path / 'all.npz', velocity=arrays)
    (tmp_path / 'folder').mkdir()
    for index in range(2):
        np.save(tmp_path / 'folder' / f'm{index}.npy', arrays[index])
    several, folder = FileModels(tmp_path / 'all.npz'), FileModels(tmp_path / 'folder')
    assert (len(several), len(folder), several.name(2), folder.name(1)) == (3, 2, 'all_00002', 'm1')
    assert np.array_equal(several[2][0], arrays[2])
    with pytest.raises(FileNotFoundError, match='neither a file nor a folder'):
        FileModels(tmp_path / 'none')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(decimate=0), '--decimate must be at least 1, got 0'),
        (dict(layout='zip'), "--layout must be one of 'npz'"),
        (dict(split='a/b'), "--split must be a name such as train or test, got 'a/b'"),
        (dict(jobs=0), '--jobs must be at least 1'),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        MakeOptions(**options)


def test_a_cache_hit_models_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = dict(size=(16, 20), dx=30.0, seed=0, cache_dir=tmp_path)
    shots, velocity, salt = synthetic_example(1, ACQUISITION, **options)
    assert np.abs(shots - model_shots(velocity, ACQUISITION, warn=False)).max() < 1e-3 * np.abs(shots).max()
    assert np.array_equal(salt, VelocitySurvey((16, 20)).model(1).salt)
    monkeypatch.setattr('mmattn.waves.cache.model_shots', None)
    assert np.array_equal(synthetic_example(1, ACQUISITION, **options)[0], shots)


def test_other_options_and_damage_make_it_again(tmp_path: Path):
    options = dict(size=(16, 20), dx=30.0, seed=0, cache_dir=tmp_path)
    shots = synthetic_example(1, ACQUISITION, **options)[0]
    path = cache_path(1, ACQUISITION, **options)
    longer = Acquisition.surface(20, 2, dx=30.0, dt=0.004, nt=41, frequency=8.0)
    assert cache_path(1, longer, **options) != path
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match='is damaged and is made again'):
        assert np.array_equal(synthetic_example(1, ACQUISITION, **options)[0], shots)
