"""Amplitudes and labels as people bring them: a pair trains on equal grids, or there is an error that says why not."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mmattn.datasets import SegySaltDataset
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (6, 7, 32)
LOAD = [dict(type='LoadSegySection')]
salt_dataset = partial(SegySaltDataset, serialize_data=False, pipeline=LOAD)
AMPLITUDE = make_cube(SHAPE)
SALT = np.zeros(SHAPE, np.float32)
SALT[1:4, 2:6, 8:16] = 1


@pytest.fixture
def pair(tmp_path: Path):
    """Writes amplitudes and a label, and gives the entry of a dataset."""

    def write(label: np.ndarray = SALT, amplitude: np.ndarray = AMPLITUDE, *, kind: str = 'sgy', **headers) -> dict:
        given = dict(amplitude=str(grid_file(amplitude, headers={-109: 100}).write(tmp_path / 'a.sgy')))
        if kind == 'npy':
            np.save(tmp_path / 'l.npy', label)
        else:
            grid_file(label, **dict(headers={-109: 100}) | headers).write(tmp_path / 'l.sgy')
        return given | dict(label=str(tmp_path / f'l.{kind}'))

    return write


def masks(entry: dict) -> np.ndarray:
    """All masks of a dataset of whole inlines, (I, X, S)."""
    dataset = salt_dataset([entry], test_mode=True)
    return np.stack([dataset[k]['gt_seg_map'].T for k in range(len(dataset))])


@pytest.mark.parametrize('power', [16, 17, 30, 36, -20])
def test_amplitudes_of_any_size_train(pair, power: int):
    cube = AMPLITUDE * np.float32(10.0**power)
    dataset = salt_dataset([pair(amplitude=cube)])
    image = dataset[0]['img']
    assert 90 < np.abs(image - 128).max() <= 127
    assert np.abs(image - 128).mean() == pytest.approx(127 * np.abs(AMPLITUDE).mean() / 2.94, rel=0.2)


@pytest.mark.parametrize('kind', ['npy', 'sgy'])
def test_nan_in_a_label_is_ignored(pair, kind: str):
    label = SALT.copy()
    label[0], label[2, 3, 9] = np.nan, np.inf
    expected = SALT.astype(np.uint8)
    expected[~np.isfinite(label)] = 255
    assert_array_equal(masks(pair(label, kind=kind)), expected)


def test_ibm_floats_beyond_float32_in_a_label_are_ignored(pair):
    label = SALT.astype(np.float64)
    label[2, 3, 9] = 1e50
    expected = SALT.astype(np.uint8)
    expected[2, 3, 9] = 255
    assert_array_equal(masks(pair(label, format=1)), expected)


def test_constant_traces_and_null_values_are_ignored(pair):
    cube = AMPLITUDE.copy()
    cube[0, :4] = 1e30
    cube[2, :, 28:] = -999.25
    entry = pair(amplitude=cube)
    with pytest.raises(ValueError, match=r'volumes\[0\]: a.sgy: of the samples .* are -999.25, .*null_value=-999.25'):
        salt_dataset([entry])
    expected = SALT.astype(np.uint8)
    expected[0, :4], expected[2, :, 28:] = 255, 255
    entry |= dict(null_value=[-999.25])
    assert_array_equal(masks(entry), expected)
    clip = salt_dataset([entry]).metainfo['amplitude_clip']['a']
    assert clip < 4
    image = salt_dataset([entry])[2]['img']
    assert (image[28:] == 128).all()


@pytest.mark.parametrize(
    ('changes', 'options', 'message'),
    [
        (dict(headers={-109: 500}), {}, r'has another start: 500 ms, the amplitudes a.sgy 100 ms'),
        (dict(interval=2000), {}, r'has another interval: 2 ms, the amplitudes a.sgy 4 ms'),
        (dict(label=SALT * 255), {}, 'holds the values 0, 255'),
        (dict(label=-SALT), {}, 'holds the values -1, -?0'),
        (dict(label=AMPLITUDE), {}, 'holds the amplitudes themselves'),
        (dict(label=SALT * 2), dict(salt_value=3), 'has no sample of salt_value=3; it holds 0, 2'),
        (dict(ilines=np.arange(20, 26)), {}, 'label is on another grid'),
        (dict(label=np.eye(32)[[5] * 42].reshape(SHAPE)), {}, 'at most 1 samples thick in every trace: a horizon'),
        ({}, dict(salt_value='x'), "salt_value must be None, .* got 'x'"),
        ({}, dict(label_options=dict(salt=1)), r"label_options: unknown options \['salt'\]"),
        ({}, dict(label_options=dict(null_value=1)), 'null_value is of amplitudes; ignore_value says'),
        ({}, dict(yes='no'), r"volumes\[0\]\.yes must be True or False, got 'no'"),
        ({}, dict(null_value='1e30'), 'null_value must be None, a number'),
        ({}, dict(clip=1e9), r'a.sgy looks wrong: the clip 1e\+09 \(as given\) is .*; yes=True takes it'),
        (dict(amplitude=1500 + np.abs(AMPLITUDE)), {}, 'a.sgy looks wrong: no amplitude lies below zero'),
    ],
)
def test_what_does_not_fit_is_said(pair, changes: dict, options: dict, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        salt_dataset([pair(**changes) | options])


def test_the_amplitudes_are_no_label(pair):
    entry = pair()
    with pytest.raises(ValueError, match='label and amplitude are the same file'):
        salt_dataset([entry | dict(label=entry['amplitude'])])


def test_a_survey_that_looks_wrong_may_be_taken(pair):
    entry = pair(amplitude=1500 + np.abs(AMPLITUDE))
    assert len(salt_dataset([entry | dict(yes=True)])) == 6


def test_options_of_the_label_may_stand_in_either_place(pair):
    entry = pair(np.where(np.arange(32) < 4, 255, SALT * 3))
    expected = SALT.astype(np.uint8)
    expected[..., :4] = 255
    for options in (
        dict(salt_value=3, ignore_value=255),
        dict(label_options=dict(salt_value=[3], ignore_value=[255])),
        dict(salt_value=9, label_options=dict(salt_value=3, ignore_value=255)),
    ):
        assert_array_equal(masks(entry | options), expected)


def test_a_value_that_no_sampled_trace_holds_is_still_an_error(pair, monkeypatch):
    label = SALT.copy()
    label[5, 6, 3] = 2
    found = dict(thickness=9, traces=1, salt=1, ignored=0, between=0)
    monkeypatch.setattr('mmattn.datasets.segy_salt.check_label', lambda *_: found)
    dataset = salt_dataset([pair(label)])
    with pytest.raises(ValueError, match=r'label l.sgy holds the values 0, 2; expected 0 and 1'):
        dataset[5]


def test_what_the_survey_is_is_logged(pair, monkeypatch):
    said = []
    monkeypatch.setattr('mmattn.datasets.segy_salt.print_log', lambda text, **_: said.append(text))
    salt_dataset([pair(kind='npy')])
    (text,) = said
    for words in (
        '6 sections of a (6, 7, 32)',
        '\nsurvey: ',
        '  grid ',
        '  clip ',
        '  tails ',
        '  headers ',
        'it has no line',
    ):
        assert words in text
    assert f'l.npy: {SALT.mean():.2%} salt, 0.00% ignored' in text


AXES = st.sampled_from([(10, 300), (10, 301), (11, 300)])
TIMES = st.sampled_from([(4000, 100), (4000, 100), (4000, 104), (2000, 100), (4000, 0)])
CONTENT = st.sampled_from(
    ['salt', 'salt', 'times 255', 'times -1', 'with 255', 'with nan', 'classes', 'probability', 'amplitude']
)
LENGTH = st.sampled_from([32, 32, 32, 31])


def content(kind: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A label, and its mask or None where it must be refused."""
    cube, mask = SALT.copy(), SALT.astype(np.uint8)
    if kind in ('times 255', 'times -1'):
        return cube * (255 if kind == 'times 255' else -1), None
    if kind == 'with 255':
        cube[0, 0] = 255
        return cube, None
    if kind == 'with nan':
        cube[0, 0], mask[0, 0] = np.nan, 255
    elif kind == 'classes':
        return cube + 2 * (np.arange(7) > 4)[:, None], None
    elif kind == 'probability':
        cube = 0.02 + 0.9 * cube
    elif kind == 'amplitude':
        return AMPLITUDE, None
    return cube, mask


@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(AXES, TIMES, LENGTH, CONTENT, st.sampled_from(['iline', 'xline', 'mixed']), st.sampled_from([5, 1, 6]))
def test_any_pair_trains_on_equal_grids_or_errs(tmp_path: Path, axes, times, length, kind, order, sample_format):
    cube, mask = content(kind)
    if sample_format == 1:  # IBM floats have no NaN
        cube, mask = np.nan_to_num(cube), (None if mask is None else mask % 255)
    amplitude = grid_file(AMPLITUDE, headers={-109: 100}).write(tmp_path / 'a.sgy')
    label = grid_file(
        cube[..., :length], ilines=np.arange(6) + axes[0], xlines=np.arange(7) + axes[1], order=order,
        headers={-109: times[1]}, interval=times[0], format=sample_format,
    ).write(tmp_path / 'l.sgy')  # fmt: skip
    entry = dict(amplitude=str(amplitude), label=str(label))
    fits = axes == (10, 300) and times == (4000, 100) and length == 32 and mask is not None
    if fits:
        assert_array_equal(masks(entry), mask)
    else:
        with pytest.raises(ValueError, match=r'^volumes\[0\]: (the )?label|^volumes\[0\]: l.sgy'):
            salt_dataset([entry])
