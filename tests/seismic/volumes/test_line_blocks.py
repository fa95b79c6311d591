"""Splits by blocks of lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mmattn.seismic.volumes.line_blocks import GUARD, TRAIN, VAL, line_runs, split_lines, window_starts


def test_one_block_at_the_end():
    codes = split_lines(10, val_fraction=0.3, guard=2)
    assert_array_equal(codes, [0, 0, 0, 0, 0, GUARD, GUARD, VAL, VAL, VAL])


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(20, 300), st.floats(0.1, 0.5), st.integers(1, 3), st.integers(0, 2))
def test_splits_keep_their_distance(num_lines: int, fraction: float, blocks: int, guard: int):
    codes = split_lines(num_lines, val_fraction=fraction, num_blocks=blocks, guard=guard)
    train, val = np.flatnonzero(codes == TRAIN), np.flatnonzero(codes == VAL)
    assert np.abs(train[:, None] - val[None]).min() == guard + 1
    assert len(line_runs(codes == VAL)) == blocks
    assert abs(len(val) - fraction * num_lines) <= blocks
    assert np.count_nonzero(codes == GUARD) <= 2 * guard * blocks


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(val_fraction=1.0), 'val_fraction must be above 0 and below 1, got 1.0'),
        (dict(num_blocks=0), 'num_blocks must be at least 1, got 0'),
        (dict(guard=-1), 'guard must be at least 0, got -1'),
        (dict(num_blocks=6), 'num_blocks=6 needs at least 12 lines, there are 10'),
        (dict(guard=8), 'guard=8 leave none of 10 lines to train'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        split_lines(10, **options)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 60))
def test_windows_cover(length: int, window: int, stride: int):
    starts = window_starts(length, window, min(stride, window))
    covered = np.zeros(length, bool)
    for start in starts:
        assert start == 0 or start + window <= length
        covered[start : start + window] = True
    assert covered.all()
