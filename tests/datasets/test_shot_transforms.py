import numpy as np
import pytest

from mmattn.datasets import (
    AddShotNoise,
    DecimateTime,
    DropTraces,
    FlipLine,
    GainShots,
    MuteDirect,
    PackVelocityInputs,
)
from mmattn.seismic.shots import Acquisition
from tests.datasets.velocity_folders import ACQUISITION, arrays


def sample(**changes) -> dict:
    shots, velocity = arrays()
    return dict(shots=shots[0], velocity=velocity[0], salt=None, acquisition=ACQUISITION, shot_dt=0.004) | changes


@pytest.fixture(autouse=True)
def _seed() -> None:
    np.random.seed(0)


def test_decimation_keeps_low_frequencies_and_no_others():
    time = np.arange(400) * 0.001
    low, high = np.sin(2 * np.pi * 10 * time), np.sin(2 * np.pi * 190 * time)
    both = (low + high).astype(np.float32)[None, :, None]
    result = DecimateTime(5)(dict(shots=both, shot_dt=0.001))
    assert result['shots'].shape == (1, 80, 1)
    assert result['shot_dt'] == pytest.approx(0.005)
    assert np.abs(result['shots'][0, 20:60, 0] - low[100:300:5]).max() < 0.02
    plain = DecimateTime(5, antialias=False)(dict(shots=both, shot_dt=0.001))['shots']
    assert np.array_equal(plain, both[:, 2::5])


def test_gain():
    shots = np.ones((1, 3, 1), np.float32)
    gained = GainShots(2, compress=None, scale=0.5)(dict(shots=shots))['shots']
    assert gained[0, :, 0].tolist() == [0, 0.5, 2]
    assert GainShots(0, compress='asinh')(dict(shots=shots))['shots'][0, 0, 0] == pytest.approx(np.arcsinh(1))
    assert GainShots(0, compress='log1p')(dict(shots=-shots))['shots'][0, 0, 0] == pytest.approx(-np.log(2))


def test_mute_of_the_direct_wave():
    acquisition = Acquisition(dx=10, dt=0.01, nt=100, sources=((0, 0),), receivers=((0, 0), (0, 30)), frequency=10.0)
    shots = np.ones((1, 100, 2), np.float32)
    muted = MuteDirect(1500, periods=2, taper=0)(dict(shots=shots, acquisition=acquisition, shot_dt=0.01))['shots']
    assert muted[0, :, 0].argmax() == 21  # 0.2 s
    assert muted[0, :, 1].argmax() == 41  # 300 m later


def test_noise_and_dead_traces():
    shots = sample()['shots']
    noisy = AddShotNoise(0.2, prob=1)(sample())['shots']
    assert 0 < (noisy - shots).std() <= 0.2 * shots.std() * 1.05
    assert np.array_equal(AddShotNoise(prob=0)(sample())['shots'], shots)
    dropped = DropTraces(0.9, prob=1)(sample())['shots']
    dead = ~dropped.any(axis=1)
    assert dead[0].any()
    assert np.array_equal(dead[0], dead[1])
    assert np.array_equal(dropped[:, :, ~dead[0]], shots[:, :, ~dead[0]])
    assert np.array_equal(DropTraces(prob=0)(sample())['shots'], shots)


def test_flip_reverses_shots_receivers_and_model():
    before = sample(salt=np.eye(10, 12))
    after = FlipLine(1.0)(before)
    assert np.array_equal(after['shots'], before['shots'][::-1, :, ::-1])
    assert np.array_equal(after['velocity'], before['velocity'][:, ::-1])
    assert np.array_equal(after['salt'], before['salt'][:, ::-1])
    assert FlipLine(0.0)(before)['shots'] is before['shots']


def test_flip_refuses_asymmetric_lines():
    lopsided = Acquisition.surface(11, 2, dx=30.0, dt=0.004, nt=40, frequency=6.0)
    with pytest.raises(ValueError, match=r'FlipLine: sources and receivers are not symmetric .* 12 columns'):
        FlipLine()(sample(acquisition=lopsided))


def test_packing_keeps_recorded_gathers_alone():
    packed = PackVelocityInputs(keep_shots=True)(sample())
    assert np.array_equal(packed['data_samples'].gt_shots.data, packed['inputs'])
    with pytest.raises(ValueError, match='keep_shots=True needs gathers as recorded'):
        PackVelocityInputs(keep_shots=True)(DecimateTime(2)(sample()))


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: DecimateTime(0), 'step must be at least 1, got 0'),
        (lambda: DecimateTime(50)(sample()), 'step must be at most the 40 samples, got 50'),
        (lambda: GainShots(-1), 'power must be a finite number of at least 0'),
        (lambda: GainShots(compress='log'), "compress must be one of 'asinh', 'log1p', None, got 'log'"),
        (lambda: MuteDirect(0), 'velocity must be above 0'),
        (lambda: AddShotNoise(prob=2), 'prob must be from 0 to 1, got 2'),
        (lambda: DropTraces(1.5), 'share must be from 0 to 1, got 1.5'),
        (lambda: FlipLine(-1), 'prob must be a finite number of at least 0'),
    ],
)
def test_wrong_options(build, message: str):
    with pytest.raises(ValueError, match=message):
        build()
