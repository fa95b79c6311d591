from pathlib import Path

import numpy as np
import pytest

from mmattn.inference import velocity as inversion
from mmattn.seismic.shots import Acquisition
from tests.seismic.segy.test_gathers import write

SOURCES, RECEIVERS = ((0, 0), (0, 4), (0, 8)), tuple((0, column) for column in range(5))


def acquisition(**changes) -> Acquisition:
    values = dict(dx=25.0, dt=0.004, nt=12, sources=SOURCES, receivers=RECEIVERS, frequency=10.0) | changes
    return Acquisition(**values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three shots 100 m apart, five receivers 25 m apart."""
    return write(tmp_path / 's.sgy', np.random.default_rng(0).normal(size=(3, 12, 5)).astype(np.float32))


def test_a_segy_line(path: Path):
    line = inversion.read_line(path, acquisition())
    assert line.shots.shape == (3, 12, 5)
    assert (line.step, line.notes) == (1, ())


def test_dead_traces_are_said(tmp_path: Path):
    shots = np.ones((3, 12, 5), np.float32)
    shots[:, :, 2] = 0
    np.save(tmp_path / 's.npy', shots)
    assert inversion.read_line(tmp_path / 's.npy', acquisition()).notes == ('3 of 15 traces are zero throughout',)


def test_decimated_gathers(tmp_path: Path):
    np.save(tmp_path / 's.npy', np.ones((3, 3, 5), np.float32))
    line = inversion.read_line(tmp_path / 's.npy', acquisition())
    assert (line.step, line.as_sampled.dt, line.as_sampled.nt) == (4, pytest.approx(0.016), 3)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(dt=0.002), r'dt is 0\.004 s, the acquisition has 0\.002'),
        (dict(dx=10.0), r'sources at 0 to 200 m are up to 120 m off those of the acquisition, 0 to 80 m'),
        (dict(dx=0.25), r'acquisition, 0 to 2 m \(scalars .* applied\); 100 times as far apart: a wrong scalar\?'),
        (dict(sources=SOURCES[:2]), '3 sources, the acquisition has 2'),
        (dict(nt=11), r'gathers must be .*\(3, 11, 5\) as the acquisition says, got \(3, 12, 5\)'),
    ],
)
def test_gathers_of_another_acquisition(changes: dict, message: str, path: Path):
    with pytest.raises(ValueError, match=message):
        inversion.read_line(path, acquisition(**changes))


def test_salt_in_words():
    salt = np.zeros((10, 10), bool)
    assert inversion.describe_salt(salt, 30) == 'no salt'
    salt[4:6, 2:4] = salt[7, 7] = True
    assert inversion.describe_salt(salt, 100) == 'salt: 2 bodies, 0.05 km2, top at 400 m'
