"""Traces as curves."""

import numpy as np
from numpy.testing import assert_allclose

from mmattn.viewer.sections import View
from mmattn.viewer.wiggles import wiggles


def make(traces: int, step: int = 1) -> View:
    values = np.linspace(-2, 2, 5 * traces, dtype=np.float32).reshape(5, traces)
    present = np.ones((5, traces), bool)
    present[:, 1] = False
    return View(values, present, range(10, 20, 2), range(3, 3 + step * traces, step))


def test_curves_swing_around_their_places():
    view = make(4)
    (across, down), (fill, around) = wiggles(view, clip=2.0)
    assert len(across) == len(fill) == 3  # one is missing
    assert_allclose(across[0], 3 + 0.9 * view.values[:, 0] / 2)
    assert_allclose(across[1], 5 + 0.9 * view.values[:, 2] / 2)
    assert_allclose(down[0], [10, 12, 14, 16, 18])
    assert_allclose(fill[1][:5], np.maximum(across[1], 5))
    assert_allclose(fill[1][5:], 5)
    assert_allclose(around[1], [10, 12, 14, 16, 18, 18, 16, 14, 12, 10])


def test_gain_and_clip():
    view = make(4)
    (across, _), _ = wiggles(view, clip=2.0, gain=20.0)
    assert_allclose(across[0][0], 3 - 0.9)  # cut off
    assert max(abs(across[0] - 3)) <= 0.9 + 1e-6


def test_many_traces_are_thinned():
    view = make(50, step=2)
    (across, _), _ = wiggles(view, clip=2.0, most=10)
    assert len(across) == 10
    assert_allclose(across[0], view.across[2] + 0.9 * 10 * view.values[:, 2] / 2)
