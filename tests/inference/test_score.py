"""Scores of volumes against labels."""

import numpy as np
import pytest

from mmattn.inference.score import score_volume
from mmattn.seismic import ArrayVolume
from mmattn.seismic.volumes.labels import LabelValues


def test_iou_counts_what_is_labelled_and_live():
    label = np.zeros((3, 4, 8), np.float32)
    label[0, :, :4], label[1, 0], label[2, 0, 0] = 1, 255, np.nan
    probability = np.zeros((3, 4, 8), np.float32)
    probability[0, :, 2:6], probability[1, 0], probability[2, 0, 0] = 0.9, 1, 1
    live = np.ones((3, 4), bool)
    live[0, 3] = False
    found = score_volume(ArrayVolume(probability), ArrayVolume(label), LabelValues(ignore_value=255), live=live)
    assert found.iou == pytest.approx(2 / 6)
    assert found.cells == 96 - 8 - 8 - 1
    higher = score_volume(
        ArrayVolume(probability), ArrayVolume(label), LabelValues(ignore_value=255), live=live, threshold=0.95
    )
    assert higher.iou == 0


def test_no_salt_anywhere_has_no_iou():
    nothing = ArrayVolume(np.zeros((2, 3, 4)))
    assert np.isnan(score_volume(nothing, nothing, LabelValues(), live=np.ones((2, 3), bool)).iou)
    with pytest.raises(ValueError, match='differ in shape'):
        score_volume(nothing, ArrayVolume(np.zeros((2, 3, 5))), LabelValues(), live=np.ones((2, 3), bool))
