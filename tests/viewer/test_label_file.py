"""Each stroke is on disk at once, in every kind of label that a training reads."""

import os
import signal
import subprocess
import sys
from importlib import util

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import open_volume
from mmattn.viewer.label_file import LabelFile, make_label
from mmattn.viewer.strokes import Patch, brush_patch
from tests.viewer.surveys import SHAPE, write_survey

PATCH = Patch((4, 8), (1, 4), np.array([[1, 0, 1], [1, 1, 1], [0, 1, 0], [0, 0, 1]], bool))
HAS_ZARR = util.find_spec('zarr') is not None
ZARR = pytest.param('zarr', marks=pytest.mark.skipif(not HAS_ZARR, reason='without zarr'))
ENDINGS = pytest.mark.parametrize('ending', ['npy', ZARR])


def read(path) -> np.ndarray:
    with open_volume(path) as volume:
        return volume.slab('iline', 0, volume.shape[0]).astype(np.uint8)


@pytest.fixture
def survey(tmp_path):
    with open_volume(write_survey(tmp_path)['path']) as volume:
        yield volume


def painted(patch: Patch, value: int, place: tuple, *, turn: bool) -> np.ndarray:
    expected = np.full(SHAPE, 255, np.uint8)
    expected[place][patch.mask.T if turn else patch.mask] = value
    return expected


@ENDINGS
@pytest.mark.parametrize(
    ('direction', 'place'),
    [('iline', np.s_[2, 1:4, 4:8]), ('xline', np.s_[1:4, 5, 4:8]), ('time', np.s_[0:3, 1:4, 19])],
)
def test_strokes_are_in_the_file_and_can_be_taken_back(survey, tmp_path, ending: str, direction: str, place: tuple):
    path, index = tmp_path / f'new.{ending}', dict(iline=2, xline=5, time=19)[direction]
    make_label(path, survey)
    assert_array_equal(read(path), 255)
    file = LabelFile(path)
    patch = PATCH if direction != 'time' else Patch((0, 3), (1, 4), PATCH.mask[:3])
    assert file.paint(direction, index, patch, 1) == patch.mask.sum()
    expected = painted(patch, 1, place, turn=direction != 'time')
    assert_array_equal(read(path), expected)
    assert file.paint(direction, index, patch, 1) == 0
    file.paint(direction, index, patch._replace(mask=np.ones_like(patch.mask)), 0)
    assert file.steps == 2
    assert file.undo() == (direction, index)
    assert_array_equal(read(path), expected)
    file.undo()
    assert_array_equal(read(path), 255)
    assert file.undo() is None
    file.close()


@ENDINGS
def test_a_label_goes_on_from_what_is_there(survey, tmp_path, ending: str):
    path = tmp_path / f'new.{ending}'
    make_label(path, survey)
    for value, row in ((1, 4), (0, 12)):
        file = LabelFile(path)
        file.paint('iline', 0, brush_patch(np.array([[row, 3.0]]), (2, 2), (20, 7)), value)
        file.close()
    label = read(path)
    assert [np.count_nonzero(label == value) for value in (0, 1)] == [13, 13]
    with open_volume(path) as volume:
        assert volume.is_numbered == (ending == 'zarr')
        if ending == 'zarr':
            assert_array_equal(volume.ilines, survey.ilines)
            assert volume.sample_unit == 'ms'


def test_a_line(tmp_path):
    np.save(tmp_path / 'line.npy', np.zeros((7, 20), np.uint8))
    file = LabelFile(tmp_path / 'line.npy')
    file.paint('iline', 0, PATCH, 1)
    assert_array_equal(np.load(tmp_path / 'line.npy')[1:4, 4:8], PATCH.mask.T)


@pytest.mark.slow
@ENDINGS
def test_nothing_is_lost_by_a_kill(survey, tmp_path, ending: str):
    path = tmp_path / f'new.{ending}'
    make_label(path, survey)
    code = f"""
import sys
from importlib import util
from mmattn.viewer.label_file import LabelFile
from mmattn.viewer.strokes import polygon_patch
file = LabelFile({str(path)!r})
file.paint('iline', 1, polygon_patch([[2, 1], [2, 5], [9, 5], [9, 1]], (20, 7)), 1)
print('painted', flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'painted\n'
        with pytest.raises(ValueError, match='is being painted on by another process'):
            LabelFile(path).paint('iline', 0, PATCH, 1)
        os.kill(process.pid, signal.SIGKILL)
    assert (read(path)[1] == 1).sum() >= 18
    LabelFile(path).paint('iline', 0, PATCH, 1)


def test_labels_that_are_only_shown(tmp_path, survey):
    np.save(tmp_path / 'bool.npy', np.zeros(SHAPE, bool))
    np.save(tmp_path / 'int8.npy', np.zeros(SHAPE, np.int8))
    for path, message in (
        (survey.path, 'is shown only: labels are painted in .npy and .zarr files'),
        (tmp_path / 'bool.npy', r'is shown only: its numbers \(bool\) do not hold 255'),
        (tmp_path / 'int8.npy', r'is shown only: its numbers \(int8\) do not hold 255'),
    ):
        with pytest.raises(ValueError, match=message):
            LabelFile(path)
    with pytest.raises(ValueError, match=r'a new one must end with \.npy or \.zarr'):
        make_label(tmp_path / 'label.sgy', survey)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        make_label(tmp_path / 'none' / 'label.npy', survey)
    np.save(tmp_path / 'label.npy', np.zeros(SHAPE, np.uint8))
    with pytest.raises(ValueError, match='a label must be one of 1, 0, 255, got 2'):
        LabelFile(tmp_path / 'label.npy').paint('iline', 0, PATCH, 2)
