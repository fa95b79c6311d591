"""Descriptions of SEG-Y files."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from mmattn.seismic import ArrayVolume, SegyError, open_volume
from mmattn.seismic.segy.report import describe_unusable, describe_volume
from mmattn.seismic.volumes.slice_picture import save_slices
from tests.seismic.segy_files import SegyFile, grid_file, make_cube


def test_describes_a_volume(tmp_path: Path):
    missing = np.zeros((4, 5), bool)
    missing[3, 4] = True
    headers = {181: 1000 * np.arange(5) + np.zeros((4, 1)), 185: 500 * np.arange(4)[:, None] + np.zeros(5), -71: -100}
    file = grid_file(make_cube(), missing=missing, headers=headers, ilines=np.array([2, 4, 6, 8]), order='xline')
    found = describe_volume(open_volume(file.write(tmp_path / 'a.sgy')))
    json.dumps(found)
    geometry = found['geometry']
    assert geometry['inlines'] == dict(first=2, last=8, count=4, step=2, byte=189)
    assert (geometry['kind'], geometry['sorting'], geometry['missing_traces']) == ('3-D volume', 'by crossline', 1)
    assert found['samples'] == dict(count=12, interval=4.0, unit='ms', first=0.0, last=44.0)
    corners = found['coordinates']['corners']
    assert corners[1] == dict(inline=2, crossline=304, x=40.0, y=0.0)
    assert corners[3] == dict(inline=8, crossline=304, x=None, y=None)
    assert (found['coordinates']['inline_spacing'], found['coordinates']['crossline_spacing']) == (5.0, 10.0)
    assert found['amplitudes']['absolute_percentiles']['100'] == pytest.approx(
        np.abs(make_cube()[~missing]).max(), rel=1e-6
    )
    assert found['remarks'] == ['1 of 20 places have no trace']


@pytest.mark.parametrize(
    ('options', 'remark'),
    [
        (dict(headers={-115: 99}), '20 trace headers (bytes 115-116) give another number of samples'),
        (dict(headers={-117: 999}), '20 trace headers (bytes 117-118) give another sample interval'),
        (dict(headers={-29: 7}), 'trace identification codes (bytes 29-30) besides 1 and 2: [7]'),
        (dict(headers={37: np.arange(20).reshape(4, 5)}), 'the offset (bytes 37-40) varies from 0 to 19'),
        (dict(headers={-71: 3}), 'coordinate scalars (bytes 71-72) that are no power of ten: [3]'),
        (dict(), 'no coordinates: bytes 181- and 185- are zero'),
        (dict(headers={181: 5, 185: 6}), 'coordinates do not differ from line to line'),
        (dict(text='C 1 DEPTH MIGRATED'), 'the textual header speaks of depth'),
        (dict(revision=0), 'IEEE floats, which revision 0 does not know'),
        (dict(headers={-109: np.arange(20).reshape(4, 5)}), 'the delay (bytes 109-110) varies from 0 to 19'),
    ],
)
def test_remarks(tmp_path: Path, options: dict, remark: str):
    remarks = describe_volume(open_volume(grid_file(make_cube(), **options).write(tmp_path / 'a.sgy')))['remarks']
    assert any(one.startswith(remark) for one in remarks), remarks


def test_remarks_on_amplitudes(tmp_path: Path):
    clipped = open_volume(grid_file(np.clip(make_cube(), -0.5, 0.5)).write(tmp_path / 'a.sgy'))
    assert any('have the largest |amplitude|: clipped?' in one for one in describe_volume(clipped)['remarks'])
    dead = describe_volume(open_volume(grid_file(0 * make_cube()).write(tmp_path / 'b.sgy')))
    assert dead['amplitudes'] is None
    assert 'no live trace in the sample' in dead['remarks']


@pytest.mark.parametrize('order', ['iline', 'xline', 'mixed'])
def test_sorting_by_falling_numbers_too(tmp_path: Path, order: str):
    missing = np.random.default_rng(0).random((4, 5)) < 0.2
    file = grid_file(make_cube(), order=order, ilines=np.arange(9, 1, -2), missing=missing)
    sorting = describe_volume(open_volume(file.write(tmp_path / 'a.sgy')))['geometry']['sorting']
    assert sorting == dict(iline='by inline', xline='by crossline', mixed='by neither line')[order]


def test_remarks_on_dead_traces_and_bad_samples(tmp_path: Path):
    cube = make_cube()
    cube[1, 1] = np.nan
    cube[2, 2, 3] = np.inf
    volume = open_volume(grid_file(cube, headers={-115: 0}).write(tmp_path / 'a.sgy'))
    assert describe_volume(volume)['remarks'][-2:] == [
        'of 20 traces, 1 are dead: no finite sample besides 0',
        'of 20 traces, 13 samples are NaN or infinite: they are read as 0',
    ]
    assert not any('bytes 115-116' in one for one in describe_volume(volume)['remarks'])
    assert 'of 2 traces out of 20' not in ' '.join(describe_volume(volume, num_traces=2)['remarks'])


def test_describes_what_does_not_open(tmp_path: Path):
    path = grid_file(make_cube(), bytes=(17, 25)).write(tmp_path / 'a.sgy')
    with pytest.raises(SegyError) as caught:
        open_volume(path)
    found = describe_unusable(path, caught.value)
    assert dict(iline=17, xline=25, shape=[4, 5], fill=1.0) in found['suggestions']
    assert [word['byte'] for word in found['headers']] == [1, 17, 25]
    assert found['headers'][1] == dict(byte=17, name='EnergySourcePoint', lowest=10, highest=13, distinct=4)
    gathers = SegyFile(make_cube()[0], np.zeros(5, int), np.zeros(5, int), headers={37: np.arange(5)})
    assert describe_unusable(gathers.write(tmp_path / 'b.sgy'), SegyError('…'))['suggestions'] == []
    (tmp_path / 'c.sgy').write_bytes(b'no')
    assert describe_unusable(tmp_path / 'c.sgy', SegyError('why')) == dict(error='why')


def test_draws_slices(tmp_path: Path):
    volume = open_volume(grid_file(make_cube((20, 30, 40))).write(tmp_path / 'a.sgy'))
    three = imread(save_slices(volume, tmp_path / 'new' / 'a.png'))
    assert save_slices(ArrayVolume(make_cube()[0]), tmp_path / 'b') == tmp_path / 'b.png'
    one = imread(tmp_path / 'b.png')
    assert three.shape[1] > 2 * one.shape[1]
    assert three[..., :3].std() > 0.1
    with pytest.raises(ValueError, match=r"picture '.*a\.doc' must end with \.png or another of"):
        save_slices(volume, tmp_path / 'a.doc')
    blank = imread(save_slices(ArrayVolume(np.zeros((3, 4, 5))), tmp_path / 'c.png'))
    assert blank.shape == three.shape


@pytest.mark.parametrize(
    'text',
    ['C 1 Trace start time/depth : bytes 109-110', 'C 1 WATER DEPTH 120 M', 'C 1 DEPTH OR TIME', 'C 1 SHOT DEPTH: 6 M'],
)
def test_other_depths_are_no_depth_of_samples(tmp_path: Path, text: str):
    volume = open_volume(grid_file(make_cube(), text=text).write(tmp_path / 'a.sgy'))
    assert not any('speaks of depth' in remark for remark in describe_volume(volume)['remarks'])
