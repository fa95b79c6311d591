"""Checks of options."""

import math

import numpy as np
import pytest

from mmattn.common.checks import check_number, check_shape, check_whole


def test_good_values_come_back():
    assert check_whole('n', np.int64(3), least=3) == 3
    assert check_shape('s', [4, 5], smallest=(4, 5)) == (4, 5)
    assert check_number('x', np.float32(0.5), low=0.5, high=1) == 0.5
    assert check_number('x', -7) == -7


@pytest.mark.parametrize(
    ('check', 'kind', 'message'),
    [
        (lambda: check_whole('n', 2.5), TypeError, 'n must be an integer, got 2.5'),
        (lambda: check_whole('n', True), TypeError, 'n must be an integer, got True'),
        (lambda: check_whole('n', 1, least=2), ValueError, 'n must be at least 2, got 1'),
        (lambda: check_shape('s', 5, smallest=(1, 1)), ValueError, 's must be 2 integers, got 5'),
        (lambda: check_shape('s', (5, 0), smallest=(1, 1)), ValueError, 's must be at least (1, 1), got (5, 0)'),
        (lambda: check_number('x', '1'), TypeError, "x must be a number, got '1'"),
        (lambda: check_number('x', math.nan), ValueError, 'x must be finite, got nan'),
        (lambda: check_number('x', -1, low=0), ValueError, 'x must be at least 0, got -1'),
        (lambda: check_number('x', 2, low=0, high=1), ValueError, 'x must be from 0 to 1, got 2'),
    ],
)
def test_wrong_values_are_named(check, kind: type[Exception], message: str):
    with pytest.raises(kind) as caught:
        check()
    assert str(caught.value) == message
