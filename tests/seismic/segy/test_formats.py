"""Decoding of samples, against arithmetic with fractions."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import open_volume
from mmattn.seismic.segy.formats import FORMATS, IBM_FLOAT, ibm_to_float32, to_float32
from tests.seismic.segy_files import grid_file, make_cube

UNNORMALISED = [0x42080000, 0x42010000, 0x45000000, 0xC2000FFF, 0x40008000, 0x40000000, 0x42100000, 0x41100000]
VALUES = [8, 1, 0, -0.0624847412109375, 0.001953125, 0, 16, 1]


def decode_ibm(word: int) -> Fraction:
    """The definition: sign, exponent to the base 16, fraction."""
    sign = -1 if word >> 31 else 1
    return sign * Fraction(word & 0xFFFFFF, 1 << 24) * Fraction(16) ** ((word >> 24 & 0x7F) - 64)


def test_ibm_floats_that_are_not_normalised():
    assert_array_equal(ibm_to_float32(np.array(UNNORMALISED, np.uint32)), np.array(VALUES, np.float32))


@pytest.mark.parametrize('endian', ['>', '<'])
def test_any_ibm_word_is_decoded_by_its_definition(endian: str):
    words = np.random.default_rng(5).integers(0, 1 << 32, 4000, dtype=np.uint32)
    words[2000:] &= 0xFF0FFFFF  # not normalised
    words = words[((words >> 24 & 0x7F) > 0x2D) & ((words >> 24 & 0x7F) < 0x5F)]  # normal float32 numbers
    expected = [float(decode_ibm(int(word))) for word in words]
    assert len(expected) > 1000
    assert_array_equal(ibm_to_float32(words.astype(endian + 'u4')), np.array(expected, np.float32))


def test_ibm_floats_beyond_float32_count_as_bad():
    values, bad = to_float32(np.array([[0x7FFFFFFF, 0x00000001, 0x41100000]], np.uint32), FORMATS[IBM_FLOAT])
    assert_array_equal(values, [[0, 0, 1]])
    assert bad == 1


def test_a_volume_with_unnormalised_words(tmp_path: Path):
    path = grid_file(make_cube(), format=1).write(tmp_path / 'a.sgy')
    data = bytearray(path.read_bytes())
    data[3840 : 3840 + 32] = struct.pack('>8I', *UNNORMALISED)
    data[-48:] = struct.pack('>12I', *[0x45000000] * 12)  # zeros with an exponent
    path.write_bytes(data)
    volume = open_volume(path)
    assert_array_equal(volume.section('iline', 0)[0, :8], np.array(VALUES, np.float32))
    assert not volume.live[-1, -1]


@pytest.mark.parametrize(('code', 'bad'), [(1, 1e40), (5, np.nan), (6, 1e40), (6, -np.inf), (5, np.inf)])
@pytest.mark.parametrize('order', ['iline', 'mixed'])
def test_samples_beyond_float32_are_named_of_any_format(tmp_path: Path, code: int, bad: float, order: str):
    cube = make_cube((4, 5, 12)).astype(np.float64)
    cube[1, 2, 3] = cube[3, 0, 11] = bad
    volume = open_volume(grid_file(cube, format=code, order=order).write(tmp_path / 'a.sgy'))
    for direction, planes in (('iline', cube), ('xline', cube.transpose(1, 0, 2))):
        for index, plane in enumerate(planes):
            assert_array_equal(volume.not_finite(direction, index), plane == bad if bad == bad else np.isnan(plane))
    assert volume.num_bad_samples == 2
    assert volume.section('iline', 1)[2, 3] == 0
