"""Windows cover every sample; their weights sum to exactly one."""

import numpy as np
import pytest

from mmattn.inference.tiles import tile_axis

CASES = [(1, 32, 24), (20, 32, 24), (32, 32, 32), (33, 32, 24), (100, 32, 24), (101, 32, 32), (257, 64, 7), (90, 32, 1)]


@pytest.mark.parametrize(('size', 'window', 'stride'), CASES)
def test_weights_sum_to_exactly_one(size: int, window: int, stride: int):
    tiles = tile_axis(size, window, stride)
    total = np.zeros(size, np.float32)
    for start, weights in zip(tiles.starts, tiles.weights):
        total[start : start + tiles.length] += weights
    assert np.array_equal(total, np.ones(size, np.float32))
    assert (tiles.weights >= 0).all()
    assert tiles.starts[0] == 0
    assert tiles.starts[-1] + tiles.length == size


def test_products_over_two_axes_sum_to_exactly_one():
    across, down = tile_axis(75, 32, 20), tile_axis(61, 32, 25)
    total = np.zeros((75, 61), np.float32)
    for column, weights in zip(across.starts, across.weights):
        for row, more in zip(down.starts, down.weights):
            total[column : column + across.length, row : row + down.length] += weights[:, None] * more
    assert np.array_equal(total, np.ones_like(total))


def test_weights_fade_towards_a_neighbour():
    tiles = tile_axis(48, 32, 16)
    fading = tiles.weights[0][16:]
    assert (np.diff(fading) < 0).all()
    assert (tiles.weights[0][:16] == 1).all()
    assert fading[0] > 0.99
    assert fading[-1] < 0.01


def test_no_more_windows_than_sliding_and_no_less_overlap():
    for size, window, stride in CASES:
        tiles = tile_axis(size, window, stride, multiple=8)
        steps = np.diff(tiles.starts)
        assert len(tiles.starts) == max(-(-(size - window) // stride), 0) + 1
        assert (tiles.length - steps >= window - stride).all()


def test_windows_shorten_to_the_multiple_that_suffices():
    assert tile_axis(100, 64, 48, multiple=8).length == 64  # (100 + 16) / 2 = 58 needs 64
    assert tile_axis(100, 64, 48, multiple=4).length == 60
    assert tile_axis(70, 64, 60, multiple=8).length == 40


@pytest.mark.parametrize('stride', [0, 33])
def test_a_stride_out_of_range_is_said(stride: int):
    with pytest.raises(ValueError, match=f'stride must lie in 1 to the window 32, got {stride}'):
        tile_axis(100, 32, stride)
