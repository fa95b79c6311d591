"""Which clip a prediction uses, and the surveys for which it uses none."""

import numpy as np
import pytest
from torch import nn

from mmattn.inference.clip import choose_clip
from mmattn.seismic import ArrayVolume, estimate_clip

CUBE = np.random.default_rng(0).normal(size=(6, 7, 64)).astype(np.float32)


@pytest.mark.parametrize('clip', [None, 'survey', 2.0])
def test_a_survey_with_fill_values_is_refused_whatever_the_clip(clip):
    cube = np.where(np.arange(64) > 50, np.float32(-999.25), CUBE)
    with pytest.raises(ValueError, match=r'20.31% are -999.25, which looks like a fill value: null_value=-999.25'):
        choose_clip(nn.Identity(), ArrayVolume(cube), clip)
    value, _ = choose_clip(nn.Identity(), ArrayVolume(cube, null_value=-999.25), clip)
    assert value == (2.0 if clip == 2.0 else pytest.approx(np.percentile(np.abs(CUBE[..., :51]), 99.5)))


def test_constant_traces_do_not_count():
    cube = CUBE.copy()
    cube[:2] = 1e30
    assert choose_clip(nn.Identity(), ArrayVolume(cube), None)[0] == estimate_clip(ArrayVolume(CUBE[2:]))
