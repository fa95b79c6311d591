"""A small survey with a probability and a label."""

from pathlib import Path

import numpy as np

from tests.seismic.segy_files import grid_file, make_cube

SHAPE = 6, 7, 20
ILINES, XLINES = np.array([10, 11, 12, 13, 14, 15]), np.arange(300, 314, 2)


def write_survey(folder: Path, **options: object) -> dict[str, Path]:
    """Writes amplitudes as SEG-Y (inlines 10 to 15, crosslines 300 to 312 by 2, 0 to 76 ms), the others as arrays.

    The probability is 0.9 in samples 5 to 9 of the trace at inline 12, crossline 306 and its neighbours, else 0.1.
    """
    x, y = np.meshgrid(1000 + 25 * np.arange(7), 5000 + 50 * np.arange(6))
    headers = {181: 100 * x, 185: 100 * y, -71: np.full(x.shape, -100)}
    file = grid_file(make_cube(SHAPE), ilines=ILINES, xlines=XLINES, headers=headers, **options)
    probability = np.full(SHAPE, 0.1, np.float32)
    probability[1:4, 2:5, 5:10] = 0.9
    label = np.zeros(SHAPE, np.uint8)
    label[2, 3, 6], label[2, 3, 7] = 1, 255
    np.save(folder / 'salt.npy', probability)
    np.save(folder / 'label.npy', label)
    return dict(path=file.write(folder / 'survey.sgy'), probability=folder / 'salt.npy', label=folder / 'label.npy')
