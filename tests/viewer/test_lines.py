"""Numbers as the survey counts them."""

import re

import numpy as np
import pytest

from mmattn.seismic import ArrayVolume, open_volume
from mmattn.viewer.lines import directions, find_line, name_of, title_of, unit_of
from tests.viewer.surveys import write_survey


@pytest.fixture
def volume(tmp_path):
    with open_volume(write_survey(tmp_path)['path']) as volume:
        yield volume


@pytest.mark.parametrize(
    ('direction', 'text', 'position'),
    [
        ('iline', '10', 0),
        ('iline', 15, 5),
        ('xline', ' 304 ', 2),
        ('time', '8', 2),
        ('time', '9.5', 2),
        ('time', 76, 19),
    ],
)
def test_finds(volume, direction: str, text: object, position: int):
    assert find_line(volume, direction, text) == position


@pytest.mark.parametrize(
    ('direction', 'text', 'message'),
    [
        ('iline', '9', "inline must be a number from 10 to 15, got '9'"),
        ('iline', 'x', "inline must be a number from 10 to 15, got 'x'"),
        ('iline', 'nan', "inline must be a number from 10 to 15, got 'nan'"),
        (
            'xline', '303',
            "crossline must be a number from 300 to 312 in steps of 2 that is in the survey, got '303'; the nearest is "
            '302',
        ),
        ('time', '77', "time must be a number from 0 to 76 ms, got '77'"),
    ],
)  # fmt: skip
def test_says_what_is_there(volume, direction: str, text: str, message: str):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        find_line(volume, direction, text)


def test_names(volume):
    assert [name_of(volume, one) for one in directions(volume)] == ['inline', 'crossline', 'time']
    assert [title_of(volume, one, 1) for one in directions(volume)] == ['inline 11', 'crossline 302', 'time 4 ms']
    assert unit_of(volume, 'time') == 'ms'
    line = ArrayVolume(np.zeros((5, 9)))
    assert title_of(line, 'iline', 0).startswith('line ')
    assert directions(line) == ('iline',)
    assert (name_of(line, 'xline'), name_of(line, 'time'), unit_of(line, 'time')) == ('trace', 'sample', '')
