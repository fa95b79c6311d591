"""Levels and the colours they stand for."""

import matplotlib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.viewer import colours


def test_amplitudes_are_clipped_evenly():
    values = np.array([-9, -2, -1, 0, 1, 2, 9, np.nan], np.float32)
    levels = colours.amplitude_levels(values, np.ones(8, bool), 2)
    assert levels.dtype == np.uint8
    assert_array_equal(levels, [0, 0, 64, 127, 190, 254, 254, 127])


def test_gain_is_in_decibels():
    levels = colours.amplitude_levels(np.array([0.1, 0.01]), np.ones(2, bool), 1, gain=20)
    assert_array_equal(levels, [254, 140])


def test_no_colour_without_a_trace():
    assert colours.amplitude_levels(np.ones(2), np.array([True, False]), 1).tolist() == [254, colours.ABSENT]
    assert colours.amplitude_palette('grey')[colours.ABSENT] == '#00000000'


def test_palettes():
    grey, seismic = map(colours.amplitude_palette, colours.MAPS)
    assert (grey[0], grey[254], len(grey)) == ('#000000', '#ffffff', 256)
    for ours, name in ((grey, 'gray'), (seismic, 'seismic')):  # Matplotlib's has 256 steps, ours 255
        theirs = 255 * matplotlib.colormaps[name](np.linspace(0, 1, 255))[:, :3]
        assert_allclose([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in ours[:-1]], theirs, atol=2.5)
    assert seismic[127] == '#ffffff'
    with pytest.raises(ValueError, match="colours must be one of 'grey', 'seismic', got 'jet'"):
        colours.amplitude_palette('jet')


def test_probabilities_and_labels():
    assert_array_equal(colours.probability_levels(np.array([0, 0.5, 1, 1.2])), [0, 128, 255, 255])
    assert [colours.probability_palette()[level][-2:] for level in (0, 255)] == ['00', 'ff']
    assert_array_equal(colours.label_levels(np.array([0, 1, 255])), [0, 1, 2])
    assert len(colours.label_palette()) == 3
