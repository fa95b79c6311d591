import struct
from pathlib import Path

import numpy as np
import pytest
from scipy import io

from mmattn.seismic.segy import SegyError, SegyVolume
from mmattn.seismic.shots import read_shots, read_velocity, write_velocity
from mmattn.seismic.shots.checks import dead_traces, fit_scale
from mmattn.seismic.shots.files import read_salt


@pytest.fixture
def model() -> np.ndarray:
    return np.linspace(1500, 4500, 6 * 8, dtype=np.float32).reshape(6, 8)


@pytest.fixture
def shots() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 10, 8)).astype(np.float32)


def save(path: Path, array: np.ndarray, key: str) -> Path:
    if path.suffix == '.npy':
        np.save(path, array)
    elif path.suffix == '.npz':
        np.savez(path, **{key: array})
    else:
        io.savemat(path, {key: array})
    return path


@pytest.mark.parametrize('name', ['v.npy', 'v.npz', 'v.mat'])
def test_velocity_of_each_format(name: str, model: np.ndarray, tmp_path: Path):
    key = 'vmodel' if name.endswith('mat') else 'velocity'
    assert np.array_equal(read_velocity(save(tmp_path / name, model, key)), model)


@pytest.mark.parametrize('name', ['v.npy', 'v.sgy'])
def test_velocity_is_read_as_it_was_written(name: str, model: np.ndarray, tmp_path: Path):
    write_velocity(tmp_path / name, model, dx=12.5)
    assert np.array_equal(read_velocity(tmp_path / name), model)


def test_segy_holds_the_cell_size(model: np.ndarray, tmp_path: Path):
    write_velocity(tmp_path / 'v.sgy', model, dx=12.5)
    with SegyVolume(tmp_path / 'v.sgy', geometry='2d', sample_unit='m') as volume:
        assert volume.sample_interval == 12.5
        assert volume.coordinates()[0][0, :3].tolist() == [0, 12.5, 25]


def change(path: Path, at: int, form: str, *values: float) -> None:
    """Writes words into the file, big-endian."""
    data = bytearray(path.read_bytes())
    struct.pack_into('>' + form, data, at, *values)
    path.write_bytes(data)


def test_segy_models_take_the_options_of_volumes(model: np.ndarray, tmp_path: Path):
    path = tmp_path / 'v.sgy'
    write_velocity(path, model, dx=12.5)
    change(path, 3224, 'h', 1)  # says IBM, holds IEEE
    with pytest.raises(ValueError, match='velocities'):
        read_velocity(path)
    assert np.array_equal(read_velocity(path, segy=dict(format=5)), model)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SegyError, match='allow_truncated'):
        read_velocity(path, segy=dict(format=5))
    assert np.array_equal(read_velocity(path, segy=dict(format=5, allow_truncated=True)), model[:, :-1])


def test_step_in_depth_of_segy_models(model: np.ndarray, tmp_path: Path):
    path = tmp_path / 'v.sgy'
    write_velocity(path, model, dx=12.5)
    assert np.array_equal(read_velocity(path, dx=12.5), model)
    with pytest.raises(
        ValueError, match=r'step in depth is 12.5 m by its headers, a cell has 10 m; .*sample_interval=10'
    ):
        read_velocity(path, dx=10)
    assert np.array_equal(read_velocity(path, dx=10, segy=dict(sample_interval=10)), model)
    assert np.array_equal(read_velocity(path, dx=3.81, segy=dict(sample_unit='ft')), model)
    with pytest.raises(ValueError, match="sample_unit of a velocity model must be 'm' or 'ft', got 'ms'"):
        read_velocity(path, segy=dict(sample_unit='ms'))
    change(path, 3216, 'H', 0)
    for column in range(model.shape[1]):
        change(path, 3600 + column * (240 + 4 * model.shape[0]) + 116, 'H', 0)
    assert np.array_equal(read_velocity(path, dx=10), model)  # the file states none


def test_segy_models_begin_at_the_surface(model: np.ndarray, tmp_path: Path):
    path = tmp_path / 'v.sgy'
    write_velocity(path, model, dx=12.5)
    change(path, 3600 + 108, 'h', 100)
    with pytest.raises(ValueError, match=r'begins at 100 m .* start_time=0'):
        read_velocity(path)
    assert np.array_equal(read_velocity(path, segy=dict(start_time=0)), model)


def test_gathers_of_each_format(shots: np.ndarray, tmp_path: Path):
    assert np.array_equal(read_shots(save(tmp_path / 's.npy', shots, '')), shots)
    assert np.array_equal(read_shots(save(tmp_path / 's.mat', shots.transpose(1, 2, 0), 'Rec')), shots)
    np.savez(tmp_path / 's.npz', shots=(shots / 8).astype(np.float16), shot_scale=np.float32(8))
    assert np.abs(read_shots(tmp_path / 's.npz') - shots).max() < 2e-3


def test_one_of_several(model: np.ndarray, shots: np.ndarray, tmp_path: Path):
    np.save(tmp_path / 'v.npy', np.stack([model, model + 1])[:, None])
    np.save(tmp_path / 's.npy', np.stack([shots, 2 * shots]))
    assert np.array_equal(read_velocity(tmp_path / 'v.npy', item=1), model + 1)
    assert np.array_equal(read_shots(tmp_path / 's.npy', item=1), 2 * shots)
    with pytest.raises(ValueError, match='there is no item 2'):
        read_shots(tmp_path / 's.npy', item=2)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda v: v / 1000, 'looks like km/s: multiply by 1000'),
        (lambda v: v * 3.28084, 'looks like ft/s: multiply by 0.3048'),
        (lambda v: -v, 'zero and negative cells'),
        (lambda v: v * (v > 1600), 'zero and negative cells'),
        (lambda v: np.where(v > 4400, np.nan, v), 'velocities are NaN or infinite'),
        (lambda v: v[0], r'must be \(depth, line\), got shape \(8,\)'),
        (lambda v: v.astype(str), 'must be numbers'),
    ],
)
def test_wrong_velocities(change, message: str, model: np.ndarray, tmp_path: Path):
    np.save(tmp_path / 'v.npy', change(model))
    with pytest.raises(ValueError, match=rf'v\.npy: .*{message}'):
        read_velocity(tmp_path / 'v.npy')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (np.zeros_like, 'all gathers are zero'),
        (lambda s: s * np.arange(3)[:, None, None], 'shot 0 is zero everywhere'),
        (lambda s: np.where(s > 2, np.inf, s), 'samples are NaN or infinite'),
        (lambda s: s[0], r'must be \(shots, samples, receivers\)'),
    ],
)
def test_wrong_gathers(change, message: str, shots: np.ndarray, tmp_path: Path):
    np.save(tmp_path / 's.npy', change(shots))
    with pytest.raises(ValueError, match=rf's\.npy: .*{message}'):
        read_shots(tmp_path / 's.npy')


def test_files_that_cannot_be_read(model: np.ndarray, tmp_path: Path):
    np.save(tmp_path / 'objects.npy', np.array([{}, model], object), allow_pickle=True)
    np.savez(tmp_path / 'objects.npz', velocity=np.array([{}, 1], object))
    for name in ('objects.npy', 'objects.npz'):
        with pytest.raises(ValueError, match='never unpickled'):
            read_velocity(tmp_path / name)
    io.savemat(tmp_path / 'k.mat', dict(other=model, more=model))
    with pytest.raises(ValueError, match='has none of velocity, vmodel, svmodel, data; it holds other, more'):
        read_velocity(tmp_path / 'k.mat')
    for name in ('v.npy', 'v.npz', 'v.mat'):
        path = save(tmp_path / name, model, 'velocity')
        path.write_bytes(path.read_bytes()[:150])
        with pytest.raises(ValueError, match=rf'v\{path.suffix} cannot be read'):
            read_velocity(path)
    (tmp_path / 'h5.mat').write_bytes(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM' + bytes(400))
    with pytest.raises(ValueError, match=r'MATLAB 7\.3 \(HDF5\) file, which is not read: save it with -v7'):
        read_velocity(tmp_path / 'h5.mat')
    with pytest.raises(FileNotFoundError, match='is not a file'):
        read_velocity(tmp_path / 'none.npy')
    (tmp_path / 'v.txt').touch()
    with pytest.raises(ValueError, match='must be one of'):
        read_velocity(tmp_path / 'v.txt')


def test_salt_beside_a_model(model: np.ndarray, tmp_path: Path):
    np.savez(tmp_path / 'a.npz', velocity=model, salt=model > 4000)
    assert np.array_equal(read_salt(tmp_path / 'a.npz'), model > 4000)
    assert read_salt(save(tmp_path / 'b.npz', model, 'velocity')) is None


def test_writing_refuses_what_it_cannot_hold(model: np.ndarray, tmp_path: Path):
    with pytest.raises(ValueError, match=r'depth steps of up to 32.767 m, got dx=40'):
        write_velocity(tmp_path / 'v.sgy', model, dx=40)
    with pytest.raises(ValueError, match=r'written as \.npy, \.sgy or \.segy'):
        write_velocity(tmp_path / 'v.mat', model, dx=10)
    assert list(tmp_path.iterdir()) == []


def test_scale_and_dead_traces(shots: np.ndarray):
    assert fit_scale(-3 * shots, shots) == pytest.approx(-3)
    shots[1, :, 4] = 0
    assert dead_traces(shots) == 1
