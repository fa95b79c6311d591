"""Opening SEG-Y files in every variety, and reading from them."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import segyio
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.seismic import SegyError, SegyVolume, copy_with_samples, open_volume
from tests.seismic.segy_files import KINDS, SegyFile, grid_file, make_cube


def cube_of(code: int) -> np.ndarray:
    return make_cube(integers=code not in (1, 5, 6))


@pytest.mark.parametrize('endian', ['>', '<'], ids=['big', 'little'])
@pytest.mark.parametrize('code', KINDS)
def test_every_format_in_both_byte_orders(tmp_path: Path, code: int, endian: str):
    cube = cube_of(code)
    with open_volume(grid_file(cube, format=code, endian=endian).write(tmp_path / 'a.sgy')) as volume:
        assert volume.shape == cube.shape
        assert_allclose(volume.slab('iline', 0, 4), cube, rtol=1e-6)
        assert volume.slab('iline', 0, 4).dtype == np.float32
        assert volume.layout.format.code == code


@pytest.mark.parametrize('order', ['iline', 'xline', 'mixed'])
def test_every_order_and_direction(tmp_path: Path, order: str):
    cube, missing = make_cube(), np.zeros((4, 5), bool)
    missing[1, 2] = missing[3] = True
    missing[3, 0] = False
    path = grid_file(cube, order=order, missing=missing, ilines=np.array([3, 5, 7, 9])).write(tmp_path / 'a.segy')
    expected = np.where(missing[..., None], 0, cube)
    volume = open_volume(path)
    assert_array_equal(volume.ilines, [3, 5, 7, 9])
    assert_array_equal(volume.xlines, np.arange(300, 305))
    assert_array_equal(volume.present, ~missing)
    assert_array_equal(volume.live, ~missing)
    for line in range(4):
        assert_array_equal(volume.section('iline', line), expected[line])
    assert_array_equal(volume.slab('xline', 1, 4), expected[:, 1:4].transpose(1, 0, 2))
    assert_array_equal(volume.section('time', 7), expected[..., 7])
    assert_array_equal(volume.traces(np.array([0, 1]), np.array([4, 2])), expected[[0, 1], [4, 2]])
    assert volume.notes == ('5 of 20 places have no trace',)


def test_agrees_with_segyio(tmp_path: Path):
    path = grid_file(make_cube() * 1e4, format=1).write(tmp_path / 'a.sgy')
    volume = open_volume(path)
    with segyio.open(path) as reference:
        assert_array_equal(volume.section('iline', 2), reference.iline[reference.ilines[2]])
        assert_array_equal(volume.section('xline', 3), reference.xline[reference.xlines[3]])
        assert_array_equal(volume.section('time', 3), reference.depth_slice[3])
        assert_array_equal(volume.samples, reference.samples)


@pytest.mark.parametrize('positions', [(9, 21), (17, 25), (181, 185), (221, 225), (5, 233)])
def test_any_byte_positions(tmp_path: Path, positions: tuple[int, int]):
    cube = make_cube()
    path = grid_file(cube, bytes=positions, ilines=np.array([1, 2, 3, 4])).write(tmp_path / 'a.sgy')
    volume = open_volume(path, iline=positions[0], xline=positions[1])
    assert_array_equal(volume.ilines, [1, 2, 3, 4])
    assert_array_equal(volume.slab('iline', 0, 4), cube)


def test_a_two_byte_word_is_read_as_such(tmp_path: Path):
    headers = {-115 - 16: np.repeat([[7], [9], [-2], [4]], 5, axis=1), 131 + 2: 5}
    path = grid_file(make_cube(), headers=headers, bytes=(9, 21)).write(tmp_path / 'a.sgy')
    assert_array_equal(open_volume(path, iline=131, xline=21).ilines, [-2, 4, 7, 9])


@pytest.mark.parametrize('encoding', ['cp037', 'ascii'])
def test_text_interval_delay_and_extended_headers(tmp_path: Path, encoding: str):
    file = grid_file(
        make_cube(), encoding=encoding, num_extended=2, interval=2000, headers={-109: 120}, text='C 1 A SURVEY'
    )
    volume = open_volume(file.write(tmp_path / 'a.sgy'))
    assert volume.text[:2] == ['C 1 A SURVEY', 'C 2']
    assert volume.text[40] == '((SEG: STANZA 0))'
    assert len(volume.text) == 120
    assert (volume.sample_interval, volume.sample_unit, volume.delay) == (2.0, 'ms', 120.0)
    assert_allclose(volume.samples, 120 + 2 * np.arange(12))
    assert open_volume(file.write(tmp_path / 'a.sgy'), sample_unit='m').sample_unit == 'm'


def test_extended_headers_that_end_by_a_mark_and_wrong_counts(tmp_path: Path):
    cube = make_cube()
    marked = grid_file(cube, num_extended=3, stated_extended=-1).write(tmp_path / 'a.sgy')
    assert_array_equal(open_volume(marked).slab('iline', 0, 4), cube)
    boasting = open_volume(grid_file(cube, stated_extended=2).write(tmp_path / 'b.sgy'))
    assert_array_equal(boasting.slab('iline', 0, 4), cube)
    assert boasting.notes == ('the binary header gives 2 extended textual headers, the file has none',)


def test_wrong_sample_counts(tmp_path: Path):
    cube = make_cube()
    none = grid_file(cube, stated_samples=0).write(tmp_path / 'a.sgy')
    assert open_volume(none).shape == cube.shape
    wrong = open_volume(grid_file(cube, stated_samples=17).write(tmp_path / 'b.sgy'))
    assert wrong.notes == ('the binary header gives 17 samples a trace, the file has 12',)
    behind_text = open_volume(grid_file(cube, stated_samples=17, num_extended=2).write(tmp_path / 'e.sgy'))
    assert behind_text.shape == cube.shape
    both = grid_file(cube, stated_samples=17, headers={-115: 18}).write(tmp_path / 'c.sgy')
    with pytest.raises(SegyError, match=r'with 17 samples of 4-byte IEEE float a trace.*num_samples=… overrides it'):
        open_volume(both)
    assert_array_equal(open_volume(both, num_samples=12).slab('iline', 0, 4), cube)


def test_any_name_but_an_array_s_is_taken_for_segy(tmp_path: Path):
    for name in ('line 7.SEGY', 'survey.seg', 'survey'):
        assert open_volume(grid_file(make_cube()).write(tmp_path / name)).shape == (4, 5, 12)


def test_no_interval_is_said(tmp_path: Path):
    volume = open_volume(grid_file(make_cube(), interval=0).write(tmp_path / 'a.sgy'))
    assert (volume.sample_interval, volume.sample_unit) == (1.0, 'sample')
    assert 'no sample interval' in volume.notes[0]


def test_dead_traces_and_bad_samples(tmp_path: Path):
    cube = make_cube()
    cube[0, 0] = 0
    cube[1, 1] = np.nan
    cube[2, 2, 3] = np.inf
    marks = np.ones((4, 5), int)
    marks[3, 4] = 2
    volume = open_volume(grid_file(cube, headers={-29: marks}).write(tmp_path / 'a.sgy'))
    live = np.ones((4, 5), bool)
    live[[0, 1, 3], [0, 1, 4]] = False
    assert_array_equal(volume.live, live)
    assert volume.num_bad_samples == 13
    assert volume.present.all()
    assert not volume.usable[3, 4]
    assert volume.section('iline', 2)[2, 3] == 0
    assert np.isfinite(volume.slab('xline', 0, 5)).all()


def test_2d_lines(tmp_path: Path):
    cube = make_cube((1, 6, 9))
    one_inline = open_volume(grid_file(cube).write(tmp_path / 'a.sgy'))
    assert (one_inline.shape, one_inline.is_2d) == ((1, 6, 9), True)
    assert_array_equal(one_inline.xlines, np.arange(300, 306))
    one_xline = open_volume(grid_file(cube.transpose(1, 0, 2)).write(tmp_path / 'b.sgy'))
    assert (one_xline.shape, one_xline.is_2d) == ((1, 6, 9), True)
    assert_array_equal(one_xline.section('iline', 0), cube[0])
    bare = SegyFile(cube[0], np.zeros(6, int), np.zeros(6, int))
    assert 'in the order of the file' in open_volume(bare.write(tmp_path / 'c.sgy')).notes[0]
    bare.headers = {21: np.arange(101, 107)}
    by_cdp = open_volume(bare.write(tmp_path / 'd.sgy'))
    assert_array_equal(by_cdp.xlines, np.arange(101, 107))
    assert_array_equal(by_cdp.section('iline', 0), cube[0])
    diagonal = open_volume(SegyFile(cube[0], np.arange(6), np.arange(10, 16)).write(tmp_path / 'e.sgy'))
    assert diagonal.shape == (1, 6, 9)
    assert open_volume(SegyFile(cube[0, :1], [0], [0]).write(tmp_path / 'f.sgy')).shape == (1, 1, 9)


def test_coordinates_and_bin_size(tmp_path: Path):
    x = 5000 + 250 * np.arange(5)[None] + np.zeros((4, 1), int)
    y = 7000 + 125 * np.arange(4)[:, None] + np.zeros((1, 5), int)
    headers = {181: x, 185: y, -71: -10}
    volume = open_volume(grid_file(make_cube(), headers=headers).write(tmp_path / 'a.sgy'))
    found = volume.coordinates()
    assert_allclose(found[0], x / 10)
    assert_allclose(found[1], y / 10)
    assert_allclose(volume.bin_size(), (12.5, 25.0))
    assert volume.length_unit == 'm'
    assert open_volume(grid_file(make_cube()).write(tmp_path / 'b.sgy')).bin_size() is None


def test_duplicates_are_an_error_or_said(tmp_path: Path):
    file = grid_file(make_cube())
    file.xline[7] = file.xline[8]
    path = file.write(tmp_path / 'a.sgy')
    with pytest.raises(SegyError, match=r'1 of 20 traces repeat.*inline 11, crossline 303.*duplicates='):
        open_volume(path)
    for which, position in (('first', 7), ('last', 8)):
        volume = open_volume(path, duplicates=which)
        assert volume.trace_index[1, 3] == position
        assert f'the {which} one is taken' in volume.notes[0]


def test_prestack_files_say_what_they_are(tmp_path: Path):
    file = grid_file(make_cube())
    file.samples = np.repeat(file.samples, 2, axis=0)
    file.iline, file.xline = np.repeat(file.iline, 2), np.repeat(file.xline, 2)
    file.headers = {37: np.tile([100, 200], 20)}
    with pytest.raises(SegyError, match=r'40 traces lie at 20 places.*from 100 to 200 there: pre-stack gathers'):
        open_volume(file.write(tmp_path / 'a.sgy'))
    file.iline = file.xline = np.zeros(40, int)
    with pytest.raises(SegyError, match=r'offset \(bytes 37-40\) varies from 100 to 200: pre-stack'):
        open_volume(file.write(tmp_path / 'b.sgy'))
    file.headers = {9: np.repeat(np.arange(4), 10), 13: np.tile(np.arange(10), 4)}
    with pytest.raises(SegyError, match=r"4 field records.*10 traces.*: shot gathers.*geometry='2d'"):
        open_volume(file.write(tmp_path / 'c.sgy'))
    assert open_volume(tmp_path / 'c.sgy', geometry='2d').shape == (1, 40, 12)


def test_wrong_bytes_lead_to_a_suggestion(tmp_path: Path):
    path = grid_file(make_cube(), bytes=(9, 21)).write(tmp_path / 'a.sgy')
    with pytest.raises(SegyError, match=r'grid: iline=9, xline=21 \(4 x 5 lines, 100% filled\)'):
        open_volume(path)
    with pytest.raises(SegyError, match='iline=9, xline=21'):
        open_volume(path, geometry='3d')
    numbered = grid_file(make_cube(), bytes=(9, 21), headers={193: np.arange(20).reshape(4, 5), 189: 3})
    with pytest.raises(SegyError, match='iline=9, xline=21'):
        open_volume(numbered.write(tmp_path / 'b.sgy'))


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(iline=0), 'iline must be a byte position from 1 to 237, got 0'),
        (dict(cdp_y=238), 'cdp_y must be a byte position'),
        (dict(xline='193'), "xline must be a byte position from 1 to 237, got '193'"),
        (dict(endian='msb'), "endian must be 'auto', 'big' or 'little', got 'msb'"),
        (dict(geometry='4d'), "geometry must be one of 'auto', '3d', '2d', got '4d'"),
        (dict(duplicates='mean'), "duplicates must be one of 'error', 'first', 'last', got 'mean'"),
        (dict(sample_unit='s'), "sample_unit must be one of 'ms', 'm', 'ft', got 's'"),
        (dict(num_samples=0), 'num_samples must be None or at least 1, got 0'),
        (dict(num_samples=12.5), 'num_samples must be None or at least 1, got 12.5'),
        (dict(iline=193), 'iline and xline must be different byte positions, got 193 for both'),
        (dict(endian='little'), r"endian='little' gives the sample format 1280, which is none.*endian='auto'"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, option: dict, message: str):
    path = grid_file(make_cube()).write(tmp_path / 'a.sgy')
    with pytest.raises(ValueError, match=message):
        open_volume(path, **option)


def test_wrong_lines_are_named(tmp_path: Path):
    volume = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    with pytest.raises(IndexError, match=r'a\.sgy has 4 sections of direction iline; got 4 to 5'):
        volume.section('iline', 4)
    with pytest.raises(IndexError, match='12 sections of direction time'):
        volume.section('time', -1)
    with pytest.raises(ValueError, match="direction must be 'iline', 'xline' or 'time', got 'cdp'"):
        volume.section('cdp', 0)
    with pytest.raises(ValueError, match="direction of a slab must be 'iline' or 'xline'"):
        volume.slab('time', 0, 1)


def test_pickles_without_the_file_and_reads_again(tmp_path: Path):
    cube = make_cube((6, 7, 2000))
    volume = open_volume(grid_file(cube).write(tmp_path / 'a.sgy'))
    volume.section('iline', 0)
    text = pickle.dumps(volume)
    assert len(text) < cube.nbytes / 10
    assert_array_equal(pickle.loads(text).section('xline', 3), cube[:, 3])
    volume.close()
    assert_array_equal(volume.section('xline', 3), cube[:, 3])


def test_threads_may_share_a_volume(tmp_path: Path):
    cube = make_cube((8, 9, 500))
    volume = open_volume(grid_file(cube, order='mixed').write(tmp_path / 'a.sgy'))
    with ThreadPoolExecutor(4) as pool:
        for line, section in enumerate(pool.map(lambda line: volume.section('iline', line % 8), range(64))):
            assert_array_equal(section, cube[line % 8])


def test_scan_tells_progress_and_reads_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('mmattn.seismic.segy.headers.WINDOW', 1000)
    volume = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    told = []
    first = volume.scan(lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    assert len(told) > 3
    assert volume.scan() is first
    assert isinstance(volume, SegyVolume)


def test_memory_is_bounded_by_buffers_not_by_the_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('mmattn.seismic.segy.headers.WINDOW', 1 << 16)
    monkeypatch.setattr('mmattn.seismic.segy.reading.BUFFER', 1 << 16)
    monkeypatch.setattr('mmattn.seismic.segy.copying.BUFFER', 1 << 16)
    cube = make_cube((40, 40, 1000))
    path = grid_file(cube, format=1, order='mixed').write(tmp_path / 'a.sgy')
    tracemalloc.start()
    volume = open_volume(path)
    lines = ((volume.trace_index[line], volume.section('iline', line)) for line in range(40))
    copy_with_samples(volume, tmp_path / 'b.sgy', lines)
    volume.section('time', 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < cube.nbytes / 8  # a line is a fortieth
    assert_array_equal(open_volume(tmp_path / 'b.sgy').section('xline', 3), volume.section('xline', 3))


@pytest.mark.parametrize('order', ['iline', 'xline', 'mixed'])
@pytest.mark.parametrize('code', KINDS)
def test_thin_slices_of_every_format(tmp_path: Path, order: str, code: int):
    cube, missing = cube_of(code), np.zeros((4, 5), bool)
    missing[1, 2] = missing[3, 4] = True
    with open_volume(grid_file(cube, format=code, order=order, missing=missing).write(tmp_path / 'a.sgy')) as volume:
        for rows, columns in ((slice(None), slice(None)), (slice(1, 4, 2), slice(0, 5, 2)), (slice(2, 3), slice(3, 4))):
            assert_array_equal(volume.thin_slice(7, rows, columns), volume.section('time', 7)[rows, columns])


def test_thin_slices_of_a_file_that_was_cut(tmp_path: Path):
    path = grid_file(make_cube()).write(tmp_path / 'a.sgy')
    with open_volume(path) as volume:
        with path.open('r+b') as file:
            file.truncate(4000)
        with pytest.raises(OSError, match='it was cut while it was open'):
            volume.thin_slice(7, slice(None), slice(None))


@pytest.mark.parametrize('options', [{}, dict(coordinate_scalar=-10), dict(cdp_x=73, cdp_y='77:float32')])
def test_places_are_the_coordinates(tmp_path: Path, options: dict):
    x, y = np.meshgrid(np.arange(1, 6) * 2500, np.arange(4) * 1250)
    missing = np.zeros((4, 5), bool)
    missing[2, 3] = True
    headers = {181: x, 185: y, 73: x + 7, '77:float32': y + 0.5, -71: np.full(x.shape, -100)}
    file = grid_file(make_cube(), order='mixed', missing=missing, headers=headers)
    with open_volume(file.write(tmp_path / 'a.sgy'), **options) as volume:
        x, y = volume.coordinates()
        for row, column in np.ndindex(4, 5):
            expected = None if missing[row, column] else (x[row, column], y[row, column])
            assert volume.place(row, column) == expected


def test_no_place_without_coordinates(tmp_path: Path):
    with open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy')) as volume:
        assert volume.place(1, 1) is None
