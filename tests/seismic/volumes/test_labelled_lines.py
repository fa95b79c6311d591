"""Lines that somebody labelled."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.seismic.volumes.labelled_lines import labelled_lines, runs
from mmattn.seismic.volumes.labels import LabelValues

VALUES = LabelValues(ignore_value=255)


def found(label: np.ndarray) -> dict[str, list[int]]:
    return {name: lines.tolist() for name, lines in labelled_lines(ArrayVolume(label), VALUES).items()}


def test_whole_lines_parts_of_lines_and_blocks():
    label = np.full((9, 8, 10), 255, np.uint8)
    assert found(label) == dict(iline=[], xline=[])
    label[4] = 0
    label[4, 2:5, 3] = 1
    assert found(label) == dict(iline=[4], xline=[])
    label[:, 6] = 0
    label[8, 0:3, 7] = 1  # a stroke of three traces
    label[1, 0:2, 7] = 1  # of two
    assert found(label) == dict(iline=[4, 8], xline=[6])
    label[3:6, 1] = 0  # three inlines
    assert found(label) == dict(iline=[4, 8], xline=[1, 6])
    assert found(np.zeros((4, 5, 6), np.uint8)) == dict(iline=[0, 1, 2, 3], xline=[0, 1, 2, 3, 4])


def test_a_line_and_unexplained_values():
    line = np.full((7, 10), 255, np.uint8)
    assert found(line) == dict(iline=[])
    line[2:5, 4] = 1
    assert found(line) == dict(iline=[0])
    with pytest.raises(ValueError, match='holds the values 0, 7; expected 0 and 1'):
        labelled_lines(ArrayVolume(np.array([[[0, 7, 255]] * 4] * 4, np.uint8)), VALUES)


def test_runs():
    assert runs(np.array([], np.int64)) == []
    assert runs(np.array([2, 3, 4, 7, 9, 10])) == [(2, 4), (7, 7), (9, 10)]
    assert_array_equal(runs(np.array([5])), [(5, 5)])
