"""What the cursor tells is what the files hold."""

import numpy as np
import pytest

from mmattn.viewer.read_out import describe, read_out
from mmattn.viewer.survey import open_survey
from tests.seismic.segy_files import make_cube
from tests.viewer.surveys import SHAPE, write_survey

AT = dict(iline=(2, 6.4, 3.3), xline=(3, 5.6, 2.0), time=(6, 2.2, 2.8))
"""The same point, as index, down and across of each section."""


@pytest.mark.parametrize('direction', AT)
def test_one_point_in_every_section(tmp_path, direction: str):
    with open_survey(**write_survey(tmp_path)) as survey:
        found = read_out(survey, direction, *AT[direction])
        amplitude = make_cube(SHAPE)[2, 3, 6]
        assert found == (2, 3, 6, (1075, 5100), pytest.approx(amplitude), pytest.approx(0.9), 1, None)
        assert describe(survey, found) == (
            f'inline 12 · crossline 306 · time 24 ms · X 1075.00 · Y 5100.00 · amplitude {amplitude:.6g} · '
            'probability 0.900 · label salt'
        )
        assert describe(survey, read_out(survey, 'iline', 2, 7, 3)).endswith('label unknown')


@pytest.mark.parametrize(('down', 'across'), [(-0.6, 3), (20, 3), (3, 6.5), (3, -1)])
def test_outside(tmp_path, down: float, across: float):
    with open_survey(**write_survey(tmp_path)) as survey:
        assert read_out(survey, 'iline', 2, down, across) is None
        assert describe(survey, None) == 'outside the section'


def test_no_trace_and_no_others(tmp_path):
    missing = np.zeros(SHAPE[:2], bool)
    missing[2, 3] = True
    with open_survey(write_survey(tmp_path, missing=missing)['path']) as survey:
        assert describe(survey, read_out(survey, 'iline', 2, 6, 3)) == (
            'inline 12 · crossline 306 · time 24 ms · no trace'
        )
