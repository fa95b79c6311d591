"""Heads that state what the file does not hold, files with a damaged end, and the options that mend them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyError, open_volume
from tests.seismic.segy_files import SegyFile, grid_file, make_cube

CUBE = make_cube()


def opened(path: Path, **options) -> tuple[np.ndarray, tuple]:
    with open_volume(path, **options) as volume:
        return volume.slab('iline', 0, volume.shape[0]), volume.notes


def put(path: Path, at: int, patch: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at - 1 : at - 1 + len(patch)] = patch
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('endian', ['>', '<'])
def test_a_format_code_of_0_wants_a_format(tmp_path: Path, endian: str):
    path = put(grid_file(CUBE, endian=endian).write(tmp_path / 'a.sgy'), 3225, bytes(2))
    with pytest.raises(SegyError, match=r'they hold 0 .*format=… says what the samples are: 5 \(IEEE floats\)'):
        open_volume(path)
    values, notes = opened(path, format=5)
    assert_array_equal(values, CUBE)
    assert notes == ('sample format 5 (4-byte IEEE float) as asked; the binary header gives 0',)


def test_a_cut_trace_is_left_out_if_that_is_allowed(tmp_path: Path):
    path = grid_file(CUBE).write(tmp_path / 'a.sgy')
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SegyError, match=r'268 bytes follow trace 19.*allow_truncated=True'):
        open_volume(path)
    values, notes = opened(path, allow_truncated=True)
    assert_array_equal(values.reshape(20, 12)[:19], CUBE.reshape(20, 12)[:19])
    assert '268 bytes follow trace 19, the last whole one: they are passed over, as asked' in notes


def test_zeros_behind_the_last_trace_are_said(tmp_path: Path):
    values, notes = opened(grid_file(CUBE, trailer=bytes(100)).write(tmp_path / 'a.sgy'))
    assert_array_equal(values, CUBE)
    assert notes == ('100 zero bytes follow trace 20, the last one: they are passed over',)
    values, notes = opened(grid_file(CUBE, trailer=bytes(700)).write(tmp_path / 'c.sgy'))
    assert_array_equal(values, CUBE)
    assert notes == ('700 zero bytes follow trace 20, the last one: they are passed over',)
    with pytest.raises(SegyError, match='100 bytes follow trace 20'):
        open_volume(grid_file(CUBE, trailer=b'x' * 100).write(tmp_path / 'b.sgy'))


def test_interval_and_start_are_overridden(tmp_path: Path):
    path = grid_file(CUBE, interval=0).write(tmp_path / 'a.sgy')
    with open_volume(path, sample_interval=0.004, start_time=-20) as volume:
        assert (volume.sample_interval, volume.sample_unit, volume.delay, volume.notes) == (0.004, 'ms', -20.0, ())
        np.testing.assert_allclose(volume.samples, -20 + 0.004 * np.arange(12))


def test_text_headers_that_nobody_stated(tmp_path: Path):
    path = grid_file(CUBE, num_extended=2, stated_extended=0).write(tmp_path / 'a.sgy')
    values, notes = opened(path)
    assert_array_equal(values, CUBE)
    assert notes == ('the binary header gives 0 extended textual headers, the file has 2',)
    noise = put(path, 3601, np.random.default_rng(1).bytes(6400))
    with pytest.raises(SegyError, match='num_text_headers=…'):
        open_volume(noise)
    assert_array_equal(opened(noise, num_text_headers=2)[0], CUBE)


def test_stated_text_headers_and_counts_that_divide_the_file_but_that_no_trace_confirms(tmp_path: Path):
    cube = make_cube((4, 5, 340))  # 3200 bytes are two traces
    values, notes = opened(grid_file(cube, stated_extended=1).write(tmp_path / 'a.sgy'))
    assert_array_equal(values, cube)
    assert notes == ('the binary header gives 1 extended textual headers, the file has none',)
    line = make_cube((1, 154, 12))
    file = SegyFile(line[0], np.zeros(154, int), np.zeros(154, int), headers={21: np.arange(154)}, stated_samples=17)
    values, notes = opened(file.write(tmp_path / 'b.sgy'))
    assert_array_equal(values, line)
    assert notes[0] == 'the binary header gives 17 samples a trace, the file has 12'


def revision_2(path: Path, **options) -> Path:
    return grid_file(CUBE, revision=2, **options).write(path)


def test_revision_2_states_where_the_first_trace_is(tmp_path: Path):
    path = revision_2(tmp_path / 'a.sgy')
    data = path.read_bytes()
    path.write_bytes(data[:3600] + bytes(512) + data[3600:])
    assert_array_equal(opened(put(path, 3521, (4112).to_bytes(8, 'big')))[0], CUBE)
    path.write_bytes(data)
    values, notes = opened(put(path, 3521, b'\xff' * 8))
    assert_array_equal(values, CUBE)
    assert 'bytes 3521-3528 put the first trace at 18446744073709551615, which cannot be' in notes


def test_revision_2_with_an_unknown_number_of_trailing_blocks(tmp_path: Path):
    path = put(revision_2(tmp_path / 'a.sgy', trailer=b'X' * 6400), 3529, b'\xff' * 4)
    assert_array_equal(opened(path)[0], CUBE)
    assert open_volume(path).layout.num_trailers == 2


def test_revision_2_with_junk(tmp_path: Path):
    values, notes = opened(put(revision_2(tmp_path / 'a.sgy'), 3507, b'\x12\x34\x56\x78'))
    assert_array_equal(values, CUBE)
    assert notes == ('bytes 3507-3510 give 305419896 additional trace headers, the file has none',)
    path = put(revision_2(tmp_path / 'b.sgy'), 3273, np.array(1e-7, '>f8').tobytes())
    assert open_volume(path).sample_interval == 4
    assert open_volume(put(path, 3273, np.array(3999.5, '>f8').tobytes())).sample_interval == 3.9995


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(format=4), r'format must be None or one of 1 \(4-byte IBM float\).*got 4'),
        (dict(format='ieee'), "format must be an integer, got 'ieee'"),
        (dict(num_text_headers=-1), 'num_text_headers must be at least 0, got -1'),
        (dict(allow_truncated='no'), "allow_truncated must be True or False, got 'no'"),
        (dict(sample_interval=0), 'sample_interval must be above 0, got 0'),
        (dict(start_time=float('nan')), 'start_time must be finite, got nan'),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, option: dict, message: str):
    path = grid_file(CUBE).write(tmp_path / 'a.sgy')
    with pytest.raises((TypeError, ValueError), match=message):
        open_volume(path, **option)
