import json
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic.shots import Acquisition, ricker


def surface(**changes) -> Acquisition:
    return Acquisition.surface(**(dict(width=20, num_shots=4, dx=30.0, dt=0.004, nt=100, frequency=8.0) | changes))


def test_ricker_has_its_peak_where_it_is_said():
    wavelet = ricker(10, 100, 0.002)
    assert wavelet.argmax() == 75
    assert wavelet.max() == pytest.approx(1)
    spectrum = np.abs(np.fft.rfft(ricker(10, 4096, 0.002)))
    assert np.fft.rfftfreq(4096, 0.002)[spectrum.argmax()] == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize('num_shots', [1, 2, 3, 6, 7])
@pytest.mark.parametrize('width', [20, 21])
def test_surface_is_symmetric_where_cells_allow_it(num_shots: int, width: int):
    acquisition = surface(width=width, num_shots=num_shots)
    columns = [column for _, column in acquisition.sources]
    assert columns == sorted(columns)
    assert acquisition.is_symmetric(width) == (num_shots % 2 == 0 or width % 2 == 1)
    assert acquisition.shape == (num_shots, 100, width)


def test_json_brings_it_back(tmp_path: Path):
    acquisition = surface(frequency=None, wavelet=[0.0, 1.0, -1.0], free_surface=True)
    acquisition.save(tmp_path / 'a.json')
    assert Acquisition.load(tmp_path / 'a.json') == acquisition
    assert acquisition.differences(acquisition) == []
    assert surface().differences(surface(nt=90, num_shots=2)) == ['nt (100 and 90)', 'sources']
    assert surface().key != surface(nt=90).key


def test_decimated():
    acquisition = surface().decimated(4)
    assert (acquisition.dt, acquisition.nt) == (pytest.approx(0.016), 25)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(dt=0), r'dt \(seconds\) must be from 1e-05 to 0.1, got 0'),
        (dict(dx=-1), r'dx \(metres\) must be'),
        (dict(nt=1), 'nt must be at least 2, got 1'),
        (dict(frequency=None), 'one of frequency and wavelet must be given'),
        (dict(frequency=200), r'frequency \(Hz\) must be from 0.1 to 125'),
        (dict(frequency=None, wavelet=[0.0]), 'wavelet is zero everywhere'),
        (dict(frequency=None, wavelet=[1.0] * 101), 'wavelet must be 1 to nt=100'),
        (dict(num_shots=21), 'num_shots must be at most the width 20, got 21'),
    ],
)
def test_wrong_options(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        surface(**changes)


def test_wrong_cells():
    with pytest.raises(ValueError, match='two receivers are in the same cell'):
        Acquisition(dx=10, dt=0.001, nt=5, sources=((0, 0),), receivers=((0, 1), (0, 1)), frequency=10)
    with pytest.raises(ValueError, match='sources must be one cell at least'):
        Acquisition(dx=10, dt=0.001, nt=5, sources=(), receivers=((0, 1),), frequency=10)


def test_outside_the_model():
    with pytest.raises(
        ValueError, match=r'source 3 in cell \(1, 17\) lies outside the model of 20 rows and 16 columns'
    ):
        surface().check_model((20, 16))
    with pytest.raises(ValueError, match='depth and line may be exchanged'):
        surface(width=40).check_model((40, 20))
    with pytest.raises(ValueError, match='two axes of at least 2 cells'):
        surface().check_model((1, 20))


def test_shapes_of_gathers():
    surface().check_shots((4, 100, 20))
    with pytest.raises(ValueError, match='axes are exchanged'):
        surface().check_shots((100, 20, 4))
    with pytest.raises(ValueError, match='it has 5 shots where the acquisition has 4'):
        surface().check_shots((5, 100, 20), name='x.npy')


def test_sampling():
    fast = np.full((10, 20), 4000.0)
    assert surface(nt=200).remarks(fast) == []
    with pytest.raises(ValueError, match=r'3\.3 cells a wavelength at 20 Hz, dx 30 m and 2000 m/s: at least 4'):
        surface(frequency=20.0).remarks(fast / 2)
    assert '5.6 cells a wavelength' in surface(frequency=12.0).remarks(fast / 2)[0]
    assert 'too short for a reflection from the deepest row' in surface(nt=10).remarks(fast)[0]


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='make_shots'):
        Acquisition.load(tmp_path / 'none.json')
    for text in ('{', '[]', json.dumps(dict(dx=1))):
        (tmp_path / 'a.json').write_text(text)
        with pytest.raises(ValueError, match=r'a.json is no acquisition'):
            Acquisition.load(tmp_path / 'a.json')


def test_a_finer_grid_keeps_the_places():
    acquisition = Acquisition.surface(8, 2, dx=30.0, dt=0.004, nt=50, frequency=5.0)
    finer = acquisition.finer(3)
    assert finer.dx == 10
    assert finer.receivers[:2] == ((4, 1), (4, 4))
    assert [(cell + 0.5) * finer.dx for cell in finer.sources[1]] == [
        (cell + 0.5) * acquisition.dx for cell in acquisition.sources[1]
    ]
    assert acquisition.finer(1) == acquisition
    with pytest.raises(ValueError, match='factor must be odd'):
        acquisition.finer(2)
