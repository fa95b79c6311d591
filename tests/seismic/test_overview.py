"""The block of text that says what a survey is, and what about it looks wrong."""

import re
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import ArrayVolume, open_volume
from mmattn.seismic.overview import odd_clip, survey_overview
from tests.seismic.segy_files import grid_file, make_cube

CUBE = make_cube((6, 7, 64))


def test_a_survey_in_one_block(tmp_path: Path):
    rows, columns = np.indices((6, 7))
    cube = CUBE.copy()
    cube[0, :3], cube[1, 1] = -999.25, 0
    marks = np.ones((6, 7), int)
    marks[3, 3] = 2
    headers = {181: 1000 + 25 * columns, 185: 2000 + 50 * rows, -71: 1, -29: marks, -109: 100}
    missing = np.zeros((6, 7), bool)
    missing[5, 5:] = True
    overview = survey_overview(open_volume(grid_file(cube, headers=headers, missing=missing).write(tmp_path / 'a.sgy')))
    rows = {line[2:16].strip(): line[16:] for line in overview.lines[1:] if line[2:16].strip()}
    assert overview.lines[0] == f'survey: {tmp_path / "a.sgy"}'
    assert rows['grid'] == '6 x 7 x 64, inlines 10 to 15, crosslines 300 to 306'
    assert rows['samples'] == '100 to 352 ms every 4 ms'
    assert rows['spacing'].startswith('50 m from inline to inline, 25 m from crossline to crossline; area 0.05 km2')
    assert rows['traces'] == (
        '40 on 42 places, 1 marked dead, of 39 looked at 1 are zero throughout, 3 hold -999.25 throughout'
    )
    assert rows['fill values'] == 'none'
    live = [(i, j) for i in range(6) for j in range(7) if cube[i, j].std() and marks[i, j] == 1 and not missing[i, j]]
    clip = np.percentile(np.abs([cube[place] for place in live]), 99.5)
    assert rows['clip'] == f'{clip:.6g}, the 99.5th percentile of |amplitude|'
    assert rows['tails'].startswith('|amplitude| 50 % 0.6')
    assert 'note: 2 of 42 places have no trace' in str(overview)
    assert overview.doubts == overview.fill_values == ()


@pytest.mark.parametrize(
    ('cube', 'message'),
    [
        (
            np.where(np.arange(64) > 50, 1e30, CUBE),
            r'\d+\.\d+% are 1e\+30, which looks like a fill value: null_value=1e\+30',
        ),
        (128 + 30 * CUBE.clip(-4, 4), 'no amplitude lies below zero .*unsigned samples with zero in the middle'),
        (1500 + np.abs(CUBE), 'no amplitude lies below zero .*a velocity'),
        (-np.abs(CUBE), 'no amplitude lies above zero'),
        ((CUBE > 0.5).astype(np.uint8), 'has the values 0, 1 alone|have the values 0, 1 alone: a label or a mask'),
        (
            np.where(np.arange(CUBE.size).reshape(CUBE.shape) == 700, 1e9, CUBE),
            'largest .* times the 99.5th percentile',
        ),
    ],
    ids=['fill', 'unsigned', 'velocity', 'negative', 'label', 'spike'],
)
def test_what_looks_wrong_is_said(cube: np.ndarray, message: str):
    (doubt,) = survey_overview(ArrayVolume(cube)).doubts
    assert re.search(message, doubt), doubt
    assert f'looks wrong   {doubt}' in str(survey_overview(ArrayVolume(cube)))


def test_a_line_across_a_grid_looks_wrong(tmp_path: Path):
    missing = ~np.eye(20, dtype=bool)
    path = grid_file(make_cube((20, 20, 8)), missing=missing).write(tmp_path / 'a.sgy')
    (doubt,) = survey_overview(open_volume(path, geometry='3d')).doubts
    assert doubt.startswith('95.0% of the 400 places have no trace')
    assert "geometry='2d' (--geometry 2d)" in doubt


@pytest.mark.parametrize(
    'cube', [CUBE, CUBE * 1e17, np.round(CUBE * 40).astype(np.int8), CUBE[0], CUBE * (CUBE > 0.5) - 1e-3]
)
def test_an_ordinary_survey_raises_no_doubt(cube: np.ndarray):
    assert survey_overview(ArrayVolume(cube)).doubts == ()


def test_a_survey_without_live_traces_is_described():
    text = str(survey_overview(ArrayVolume(np.zeros((3, 4, 8)))))
    assert 'none: no live trace' in text
    assert '12 are zero throughout' in text


def test_null_values_are_said():
    cube = np.where(np.arange(64) > 50, 1e30, CUBE)
    overview = survey_overview(ArrayVolume(cube, null_value=1e30))
    assert overview.doubts == ()
    assert 'none left; 1e+30 read as no data' in str(overview)


def test_a_clip_far_from_the_amplitudes_looks_wrong():
    volume = ArrayVolume(CUBE)
    assert odd_clip(volume, 3.0, 'as given') == odd_clip(volume, 30.0, 'as given') == []
    for clip in (1e30, 1e-4):
        (doubt,) = odd_clip(volume, clip, "the checkpoint's of a")
        assert f"the clip {clip:.6g} (the checkpoint's of a) is " in doubt
