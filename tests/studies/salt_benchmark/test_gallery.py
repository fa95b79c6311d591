"""Where networks disagree."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmattn.studies.salt_benchmark.gallery import disagreement


def test_disagreement_is_the_share_of_pixels_not_labelled_alike(tmp_path: Path):
    paths = []
    for k in range(3):
        mask = np.zeros((4, 5), np.uint8)
        mask[0] = 255
        mask[1, :k] = 255
        paths.append(tmp_path / f'{k}.png')
        Image.fromarray(mask).save(paths[-1])
    assert disagreement(paths) == pytest.approx(2 / 20)
    assert disagreement(paths[:1]) == 0
