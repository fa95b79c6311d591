"""Floats of the other kind are told by their bits."""

from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import open_volume
from mmattn.seismic.segy.report import describe_volume
from tests.seismic.segy_files import grid_file, make_cube


def remarks(path: Path, **options) -> str:
    with open_volume(path, **options) as volume:
        return ' | '.join(describe_volume(volume)['remarks'])


@pytest.mark.parametrize('scale', [1e-3, 1, 3000])
@pytest.mark.parametrize(('written', 'stated'), [(5, 1), (1, 5), (5, 5), (1, 1)])
def test_floats_called_by_the_other_name(tmp_path: Path, written: int, stated: int, scale: float):
    file = grid_file(make_cube((6, 7, 400)) * np.float32(scale), format=written)
    data = bytearray(file.to_bytes())
    data[3225] = stated
    (tmp_path / 'a.sgy').write_bytes(data)
    said = remarks(tmp_path / 'a.sgy')
    assert ('not normalised, as of IEEE floats' in said) == (written == 5 and stated == 1)
    assert ('as of IBM floats that are called IEEE' in said) == (written == 1 and stated == 5)
    if written != stated:
        assert f'format={written} (--format {written})' in said
        assert 'floats that are called' not in remarks(tmp_path / 'a.sgy', format=written)


def test_integers_and_labels_are_not_judged(tmp_path: Path):
    cube = make_cube((6, 7, 400))
    for name, values, code in (('a', np.rint(cube * 1000), 3), ('b', cube > 0, 5), ('c', 1 + np.abs(cube) % 1, 5)):
        path = grid_file(values.astype(np.float32), format=code).write(tmp_path / f'{name}.sgy')
        assert 'floats that are called' not in remarks(path)
