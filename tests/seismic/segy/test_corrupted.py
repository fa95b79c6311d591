"""Broken files end in a clear error and nothing else; sound ones of any geometry open."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyError, copy_with_samples, open_volume
from tests.seismic.segy_files import KINDS, grid_file, make_cube

SETTINGS = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WHOLE = grid_file(make_cube((3, 4, 6)), num_extended=1).to_bytes()


def try_to_use(path: Path) -> None:
    """Opens and reads; a clear error of this package is a fine outcome, anything else is not."""
    start = time.process_time()
    message = f'{path.name} opened and could be read without an error'
    try:
        with open_volume(path) as volume:
            assert volume.shape[0] * volume.shape[1] >= np.count_nonzero(volume.present)
            volume.section('iline', volume.shape[0] - 1)
            volume.section('xline', volume.shape[1] - 1)
            assert volume.live.shape == volume.shape[:2]
            assert all(isinstance(line, str) for line in volume.text)
            volume.coordinates()
    except SegyError as error:
        message = str(error)
    assert path.name in message
    assert len(message) > 40
    assert time.process_time() - start < 5  # it never hangs: these files are of a few kB


@SETTINGS
@given(length=st.integers(0, len(WHOLE)))
@example(length=3600 + 6 * 264)  # a part of the extended textual header that could be six traces
def test_truncated_files(tmp_path: Path, length: int):
    path = tmp_path / 'cut.sgy'
    path.write_bytes(WHOLE[:length])
    try_to_use(path)
    if (length - 6800) % (240 + 24):
        with pytest.raises(SegyError, match=r'has \d+ bytes|is not a whole number of traces'):
            open_volume(path)


def test_a_file_that_ends_within_its_textual_headers(tmp_path: Path):
    path = tmp_path / 'cut.sgy'
    path.write_bytes(WHOLE[: 3600 + 6 * 264])
    message = r'cut\.sgy has 5184 bytes and ends within its textual headers: .* 1 extended ones, up to byte 6800'
    with pytest.raises(SegyError, match=message):
        open_volume(path)


@SETTINGS
@given(at=st.integers(0, len(WHOLE) - 1), noise=st.binary(min_size=1, max_size=60))
def test_random_bytes_anywhere(tmp_path: Path, at: int, noise: bytes):
    path = tmp_path / 'noisy.sgy'
    path.write_bytes(WHOLE[:at] + noise + WHOLE[at + len(noise) :])
    try_to_use(path)


@SETTINGS
@given(noise=st.binary(min_size=24, max_size=24), at=st.sampled_from([3212, 3216, 3220, 3260, 3268, 3500, 3504, 3520]))
def test_random_bytes_in_the_binary_header(tmp_path: Path, noise: bytes, at: int):
    path = tmp_path / 'noisy.sgy'
    path.write_bytes(WHOLE[:at] + noise + WHOLE[at + len(noise) :])
    try_to_use(path)


@SETTINGS
@given(seed=st.integers(0, 10**6), length=st.integers(0, 9000))
def test_files_of_random_bytes(tmp_path: Path, seed: int, length: int):
    path = tmp_path / 'random.sgy'
    path.write_bytes(np.random.default_rng(seed).bytes(length))
    try_to_use(path)


def test_random_line_numbers_do_not_fill_the_memory(tmp_path: Path):
    file = grid_file(make_cube((40, 50, 2)))
    rng = np.random.default_rng(0)
    file.iline, file.xline = rng.integers(0, 10**9, 2000), rng.integers(0, 1900, 2000)
    with pytest.raises(SegyError, match=r'2000 traces have \d+ inline and \d+ crossline numbers: they fill 0\.\d+% of'):
        open_volume(file.write(tmp_path / 'a.sgy'))


def test_what_is_no_file_is_said(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"none\.sgy' does not exist"):
        open_volume(tmp_path / 'none.sgy')
    (tmp_path / 'folder.sgy').mkdir()
    with pytest.raises(SegyError, match=r'folder\.sgy is not a file'):
        open_volume(tmp_path / 'folder.sgy')
    (tmp_path / 'empty.sgy').touch()
    with pytest.raises(SegyError, match='has 0 bytes; a SEG-Y file has at least 3840'):
        open_volume(tmp_path / 'empty.sgy')
    (tmp_path / 'volume.mat').write_text('MATLAB 5.0 MAT-file' * 300)
    with pytest.raises(SegyError, match=r'volume\.mat is no SEG-Y file, or its binary header is broken'):
        open_volume(tmp_path / 'volume.mat')


@pytest.mark.parametrize(
    ('at', 'patch', 'message'),
    [
        (
            3224,
            b'\x00\x04',
            r'4 \(4-byte fixed point with gain\) in bytes 3225-3226 is not read; known are 1',
        ),
        (3224, b'\x77\x77', r'is no SEG-Y file, or its binary header is broken: .* they hold 30583'),
        (3220, b'\x00\x07', r'with 7 samples|traces'),
    ],
)
def test_broken_binary_headers_are_named(tmp_path: Path, at: int, patch: bytes, message: str):
    data = bytearray(WHOLE)
    data[at : at + 2] = patch
    data[6800 + 114 : 6800 + 116] = b'\x00\x09'
    (tmp_path / 'a.sgy').write_bytes(data)
    with pytest.raises(SegyError, match=message):
        open_volume(tmp_path / 'a.sgy')


@st.composite
def surveys(draw):
    """A survey of any grid: rising and falling steps, gaps, order, format, byte order."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 7)))
    steps = draw(st.tuples(st.sampled_from([-3, -1, 1, 2, 4]), st.sampled_from([-2, 1, 3])))
    starts = draw(st.tuples(st.integers(-50, 5000), st.integers(-5000, 5000)))
    seed = draw(st.integers(0, 999))
    missing = np.random.default_rng(seed).random(shape[:2]) < draw(st.sampled_from([0, 0.2]))
    missing[np.arange(shape[0]), np.arange(shape[0]) % shape[1]] = False  # no line is empty
    missing[np.arange(shape[1]) % shape[0], np.arange(shape[1])] = False
    code = draw(st.sampled_from(sorted(KINDS)))
    ilines, xlines = (start + step * np.arange(n) for start, step, n in zip(starts, steps, shape))
    cube = make_cube(shape, seed=seed, integers=True)
    options = dict(order=draw(st.sampled_from(['iline', 'xline', 'mixed'])), endian=draw(st.sampled_from('><')))
    file = grid_file(cube, ilines=ilines, xlines=xlines, missing=missing, format=code, **options)
    cube = np.where(missing[..., None], 0, cube)[:: np.sign(steps[0]), :: np.sign(steps[1])]  # a volume's numbers rise
    missing = missing[:: np.sign(steps[0]), :: np.sign(steps[1])]
    return file, cube, np.sort(ilines), np.sort(xlines), missing


@SETTINGS
@given(survey=surveys())
def test_any_geometry_comes_back(tmp_path: Path, survey: tuple):
    file, cube, ilines, xlines, missing = survey
    volume = open_volume(file.write(tmp_path / 'a.sgy'), geometry='3d' if cube.shape[:2] != (1, 1) else 'auto')
    if cube.shape[1] == 1 < cube.shape[0]:  # a line of crosslines lies along the second axis
        cube, missing, ilines, xlines = cube.transpose(1, 0, 2), missing.T, xlines, ilines
    assert_array_equal(volume.present, ~missing)
    assert_array_equal(volume.ilines, ilines)
    assert_array_equal(volume.xlines, xlines)
    assert_array_equal(volume.slab('iline', 0, cube.shape[0]), cube)
    assert_array_equal(volume.slab('xline', 0, cube.shape[1]), cube.transpose(1, 0, 2))
    assert_array_equal(volume.section('time', 0), cube[..., 0])
    index = volume.trace_index[volume.present]
    assert_array_equal(np.sort(index), np.arange(volume.num_traces))
    copy_with_samples(volume, tmp_path / 'b.sgy', [(volume.trace_index.ravel(), cube.reshape(-1, cube.shape[2]))])
    copy = open_volume(tmp_path / 'b.sgy', geometry='3d' if cube.shape[:2] != (1, 1) else 'auto')
    assert_array_equal(copy.slab('iline', 0, cube.shape[0]), cube)
    assert_array_equal(copy.trace_index, volume.trace_index)
