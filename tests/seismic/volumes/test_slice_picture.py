"""Pictures of slices."""

from pathlib import Path

import cv2
import numpy as np

from mmattn.seismic import ArrayVolume
from mmattn.seismic.volumes.slice_picture import save_slices


def test_fill_values_do_not_make_a_picture_grey(tmp_path: Path):
    cube = np.random.default_rng(0).normal(size=(9, 10, 40)).astype(np.float32)
    cube[:2], cube[5, :, 30:] = 1e30, -999.25
    picture = cv2.imread(str(save_slices(ArrayVolume(cube), tmp_path / 'a.png')), cv2.IMREAD_GRAYSCALE)
    inside = picture[picture.shape[0] // 3 : picture.shape[0] // 2, picture.shape[1] // 12 : picture.shape[1] // 4]
    assert inside.std() > 40
