"""Fill values that a sample of traces misses are found among all of them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmattn.datasets import SegySaltDataset
from mmattn.seismic import ArrayVolume, estimate_clip, open_volume
from mmattn.seismic.overview import survey_overview
from mmattn.seismic.volumes import fill_search
from mmattn.seismic.volumes.amplitude import refuse_hidden_fill_values, scan_amplitudes
from mmattn.seismic.volumes.fill_search import FillSearch
from mmattn.seismic.volumes.fill_values import find_fill_values
from tests.seismic.segy_files import grid_file

SHAPE = (60, 50, 64)
CUBE = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
ROW, COLUMN = divmod(int(np.random.default_rng(0).permutation(3000)[2900]), 50)  # the sample is the first 2000
FILLS = (1e30, -1e30, 3.4e38, -999.25, -9999.0, -32768.0, 7777.0)


def missed(fill: float, scale: float = 1.0) -> np.ndarray:
    """A cube of 3000 traces, one of which, no trace of the sample, holds a filling."""
    cube = CUBE * np.float32(scale)
    cube[ROW, COLUMN, 50:] = fill
    return cube


@pytest.mark.parametrize('fill', FILLS)
@pytest.mark.parametrize('kind', ['memory', 'ieee', 'ibm', 'mixed'])
def test_what_the_sample_missed_is_an_error(tmp_path: Path, fill: float, kind: str):
    cube = missed(fill)
    options = dict(ieee=dict(), ibm=dict(format=1), mixed=dict(order='mixed'))

    def volume(**reading):
        if kind == 'memory':
            return ArrayVolume(cube, **reading)
        return open_volume(grid_file(cube, **options[kind]).write(tmp_path / 'a.sgy'), **reading)

    assert estimate_clip(volume()) < 3
    for look in (
        scan_amplitudes,
        lambda one: refuse_hidden_fill_values(one, 'iline', (ROW - 1, ROW + 2)),
        lambda one: refuse_hidden_fill_values(one, 'xline', (COLUMN, COLUMN + 1)),
    ):
        with pytest.raises(ValueError, match=r'of the samples of live traces .*% are .*null_value=') as error:
            look(volume())
        assert float(str(error.value).split('null_value=')[1].split(' ')[0]) == pytest.approx(fill, rel=1e-6)
        for known in (fill, []):
            look(volume(null_value=known))
    refuse_hidden_fill_values(volume(), 'iline', (0, ROW))
    refuse_hidden_fill_values(volume(), 'xline', (COLUMN + 1, 50))


@pytest.mark.parametrize('scale', [1e-6, 1.0, 300.0, 1e5, 1e17])
def test_amplitudes_of_any_size_are_no_fill_values(scale: float):
    assert scan_amplitudes(ArrayVolume(CUBE * np.float32(scale))).fill_values == ()
    whole = np.rint(CUBE * 300)
    assert scan_amplitudes(ArrayVolume(whole)).fill_values == ()
    assert scan_amplitudes(ArrayVolume(np.clip(whole, -999, 999))).fill_values == ()
    spiked = CUBE.copy()
    spiked[3, 4, 5] = 2e6  # a single spike
    assert scan_amplitudes(ArrayVolume(spiked)).fill_values == ()


def test_usual_values_among_large_amplitudes_are_told_by_their_runs():
    cube = np.rint(CUBE * 1000)
    cube[:, :, 7] = -999
    assert scan_amplitudes(ArrayVolume(cube)).fill_values == ()
    cube = np.where(cube == -999, -998, cube)
    cube[ROW, COLUMN, 50:] = -999
    with pytest.raises(ValueError, match='null_value=-999'):
        scan_amplitudes(ArrayVolume(cube))


def test_traces_that_are_dead_or_marked_do_not_count(tmp_path: Path):
    marks = np.ones(SHAPE[:2], int)
    marks[ROW, COLUMN] = 2
    cube = missed(1e30)
    cube[4, 4] = -999.25
    volume = open_volume(grid_file(cube, headers={-29: marks}).write(tmp_path / 'a.sgy'))
    assert scan_amplitudes(volume).fill_values == ()
    refuse_hidden_fill_values(volume, 'iline', (ROW - 1, ROW + 2))


def test_a_scan_is_kept_unless_it_did_not_look():
    volume = ArrayVolume(missed(1e30))
    first = volume.scan()
    assert first.fill_values is None
    second = volume.scan(search=FillSearch(CUBE[0]))
    assert [one.value for one in second.fill_values] == [pytest.approx(1e30)]
    assert volume.scan() is second
    assert volume.scan(search=FillSearch(CUBE[0])) is second


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    fills=st.lists(st.sampled_from(FILLS), max_size=2, unique=True), scale=st.sampled_from([1e-3, 1.0, 2e4]),
    length=st.integers(3, 30), seed=st.integers(0, 99), whole=st.booleans(),
)  # fmt: skip
def test_all_blocks_find_what_one_block_finds(fills, scale, length, seed, whole):
    rng = np.random.default_rng(seed)
    traces = (rng.normal(size=(90, 40)) * scale).astype(np.float32)
    traces = np.rint(traces) if whole and scale >= 1 else traces
    for number, fill in enumerate(fills):
        traces[60 + number, :length] = fill
        traces[70 + number, 5 : 5 + length] = fill
    search = FillSearch(traces[:30])
    for start in range(0, 90, 7):
        search.add(traces[start : start + 7])
    assert search.found() == find_fill_values(traces)


def test_the_counts_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fill_search, 'MOST_VALUES', 1000)
    search = FillSearch(CUBE[0])
    rng = np.random.default_rng(0)
    for _ in range(5):
        search.add((100 * rng.normal(size=(100, 64))).astype(np.float32))
    assert len(search._values) <= 1000
    assert search.found() == []


def test_a_survey_of_nothing_but_zeros_or_blocks():
    assert scan_amplitudes(ArrayVolume(np.zeros((3, 4, 8)))).fill_values == ()
    blocks = np.repeat(1500.0 + 100 * np.arange(8), 8)
    assert scan_amplitudes(ArrayVolume(np.tile(blocks, (3, 4, 1)))).fill_values == ()
    assert scan_amplitudes(ArrayVolume(np.ones((3, 4, 1)))).fill_values == ()


def test_the_block_of_text_names_it_once_all_traces_are_read():
    volume = ArrayVolume(missed(-999.25))
    sampled = survey_overview(volume, num_traces=100)
    assert sampled.doubts == ()
    assert 'fill values   none in 100 live traces looked at' in str(sampled)
    told = []
    whole = survey_overview(volume, num_traces=100, whole=True, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3000, 3000)
    assert whole.fill_values == (-999.25,)
    assert 'null_value=-999.25' in whole.doubts[0]
    assert 'fill values   -999.25 (0.01%)' in str(whole)


def test_training_on_lines_that_hold_it_is_refused(tmp_path: Path):
    np.save(tmp_path / 'a.npy', missed(-999.25))
    np.save(tmp_path / 'l.npy', (CUBE > 1).astype(np.uint8))
    entry = dict(amplitude=str(tmp_path / 'a.npy'), label=str(tmp_path / 'l.npy'))
    for lines in ({}, dict(lines=(ROW - 5, ROW + 1)), dict(direction='xline', lines=(COLUMN, COLUMN + 9))):
        with pytest.raises(ValueError, match=r'^volumes\[0\]: a.npy: of the samples .* are -999.25'):
            SegySaltDataset([entry | lines])
        assert len(SegySaltDataset([entry | lines | dict(null_value=-999.25)]))
    assert len(SegySaltDataset([entry | dict(lines=(0, ROW - 1))])) == ROW
