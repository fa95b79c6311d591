"""Words of the trace headers by byte and type."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.datasets import SegySaltDataset
from mmattn.seismic import SegyError, copy_with_samples, open_volume
from mmattn.seismic.segy.words import KINDS, Word, parse_word
from tests.seismic.segy_files import KINDS as FORMATS
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (4, 5, 12)


@pytest.mark.parametrize(
    ('value', 'word'),
    [
        (189, Word(189, 'int32')),
        (np.int64(29), Word(29, 'int16')),
        (237, Word(237, 'int32')),
        (3, Word(3, 'int32')),
        ('9:int32', Word(9, 'int32')),
        ('239:int16', Word(239, 'int16')),
        ('181:float32', Word(181, 'float32')),
        ('181:ibm', Word(181, 'ibm')),
    ],
)
def test_words_are_named_by_byte_or_byte_and_type(value, word: Word):
    assert parse_word('iline', value) == word
    assert parse_word('iline', word.option) == word


@pytest.mark.parametrize(
    'value',
    [
        0,
        238,
        True,
        2.0,
        '9',
        '9:int64',
        '9:',
        ':int16',
        '240:int16',
        '238:ibm',
        '0:int16',
        '-9:int16',
        '9:INT16',
        ' 9:int16',
        None,
        'INLINE_3D',
    ],
)
@pytest.mark.parametrize('name', ['iline', 'xline', 'cdp_x', 'cdp_y'])
def test_other_values_are_named_with_what_is_allowed(tmp_path: Path, name: str, value):
    path = grid_file(make_cube(SHAPE)).write(tmp_path / 'a.sgy')
    with pytest.raises(ValueError, match=f'^{name} must be a byte position from 1 to 237, got ') as error:
        open_volume(path, **{name: value})
    assert f"got {value!r}; '9:int32' names a type, too: int16, int32, float32, ibm" in str(error.value)


WORDS = st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)))


@settings(derandomize=True, max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=WORDS, places=st.permutations([5, 9, 17, 21, 25, 61, 189, 193, 211, 217, 233, 237]),
    code=st.sampled_from(sorted(FORMATS)), endian=st.sampled_from('><'), order=st.sampled_from(['iline', 'mixed']),
    first=st.tuples(st.integers(-9000, 9000), st.integers(-9000, 9000)),
)  # fmt: skip
def test_any_words_and_formats_come_back(tmp_path: Path, kinds, places, code, endian, order, first):
    named = tuple(f'{place}:{kind}' for place, kind in zip(places, kinds))
    x, y = (f'{place}:{kind}' for place, kind in zip(places[2:], kinds[::-1]))
    cube = make_cube(SHAPE, seed=abs(first[0]), integers=True)
    rows, columns = np.indices(SHAPE[:2])
    lines = first[0] + 2 * np.arange(4), first[1] + np.arange(5)
    file = grid_file(
        cube, ilines=lines[0], xlines=lines[1], bytes=named, format=code, endian=endian, order=order,
        headers={x: 100 + 25 * columns, y: 200 + 50 * rows},
    )  # fmt: skip
    options = dict(iline=named[0], xline=named[1], cdp_x=x, cdp_y=y)
    with open_volume(file.write(tmp_path / 'a.sgy'), **options) as volume:
        assert_array_equal(volume.ilines, lines[0])
        assert_array_equal(volume.xlines, lines[1])
        assert_array_equal(volume.slab('iline', 0, 4), cube)
        assert_allclose(volume.coordinates(), [100 + 25 * columns, 200 + 50 * rows], rtol=1e-6)
        assert volume.bin_size() == pytest.approx((50, 25))
        copy_with_samples(volume, tmp_path / 'b.sgy', [(volume.trace_index.ravel(), cube.reshape(20, 12))])
        with open_volume(tmp_path / 'b.sgy', **options) as copy:
            assert_array_equal(copy.slab('iline', 0, 4), cube)
            assert_array_equal(copy.trace_index, volume.trace_index)


def test_coordinates_of_floats_keep_their_fractions(tmp_path: Path):
    rows, columns = np.indices(SHAPE[:2])
    places = {'181:float32': 12.5 * columns + 0.25, '185:ibm': 6.25 * rows}
    path = grid_file(make_cube(SHAPE), headers=places).write(tmp_path / 'a.sgy')
    volume = open_volume(path, cdp_x='181:float32', cdp_y='185:ibm')
    assert_array_equal(volume.coordinates(), [12.5 * columns + 0.25, 6.25 * rows])
    assert (volume.bin_size(), volume.bin_area()) == (pytest.approx((6.25, 12.5)), pytest.approx(78.125))
    assert volume.header('181:float32').dtype == np.float64


def test_line_numbers_must_be_whole(tmp_path: Path):
    path = grid_file(make_cube(SHAPE), headers={'21:float32': np.linspace(0.5, 5, 20).reshape(4, 5)})
    path = path.write(tmp_path / 'a.sgy')
    with pytest.raises(SegyError, match=r"iline='21:float32': 1\d of 20 traces hold no whole number there, .* 0\.5"):
        open_volume(path, iline='21:float32')
    for kind in ('float32', 'ibm'):  # whole numbers read as floats are tiny
        with pytest.raises(SegyError, match=f"iline='189:{kind}': 20 of 20 traces hold no whole number there"):
            open_volume(path, iline=f'189:{kind}')
    with pytest.raises(ValueError, match='iline and xline must be different byte positions, got 21 for both'):
        open_volume(path, iline='21:int16', xline=21)


def test_a_dataset_takes_words_and_json_has_them(tmp_path: Path):
    cube = make_cube(SHAPE)
    options = dict(bytes=('21:int16', '23:int16'))
    amplitude = grid_file(cube, **options).write(tmp_path / 'a.sgy')
    label = grid_file(cube > 0.5, **options).write(tmp_path / 'l.sgy')
    entry = dict(amplitude=str(amplitude), label=str(label), iline='21:int16', xline='23:int16')
    dataset = SegySaltDataset(json.loads(json.dumps([entry])), pipeline=[dict(type='LoadSegySection')])
    assert_array_equal(dataset[2]['gt_seg_map'], (cube[2] > 0.5).T)
    with pytest.raises(ValueError, match="iline must be a byte position from 1 to 237, got '21:int8'"):
        SegySaltDataset([entry | dict(iline='21:int8')])
