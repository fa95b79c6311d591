"""The affine map of turned and skewed surveys, and where there is none."""

import numpy as np
import pytest
import segyio
from numpy.testing import assert_allclose

from mmattn.seismic import open_volume
from mmattn.seismic.export.coordinates import places_of_line, survey_map
from tests.seismic.export.surveys import GRIDS, ILINES, SHAPE, XLINES, write_salt, xy
from tests.seismic.segy_files import grid_file, make_cube


@pytest.mark.parametrize('grid', GRIDS)
def test_equals_the_headers_as_segyio_reads_them(tmp_path, grid: str):
    path = write_salt(tmp_path / 'a.sgy', make_cube(SHAPE), grid)
    found = survey_map(open_volume(path))
    with segyio.open(str(path), iline=189, xline=193) as file:
        factor = abs(file.header[0][segyio.TraceField.SourceGroupScalar])
        for trace in range(0, file.tracecount, 7):
            header = file.header[trace]
            x, y = found.xy(header[189], header[193])
            assert_allclose((x, y), (header[181] / factor, header[185] / factor), atol=0.01)
    assert found.unit == 'm'
    assert found.scatter < 0.01
    assert found.notes == ()
    assert found.is_rectangular == (grid != 'skewed')
    lines = found.lines(*found.xy(ILINES[:, None], XLINES[None]))
    assert_allclose(lines[0], np.broadcast_to(ILINES[:, None], SHAPE[:2]), atol=1e-6)
    assert_allclose(lines[1], np.broadcast_to(XLINES, SHAPE[:2]), atol=1e-6)


def test_traces_that_lie_elsewhere_are_said(tmp_path):
    x, y = xy('turned', *np.indices(SHAPE[:2]))
    x[3, 4] += 900
    headers = {181: np.rint(x), 185: np.rint(y), -71: 1}
    volume = open_volume(grid_file(make_cube(SHAPE), headers=headers, binary={3255: 0}).write(tmp_path / 'a.sgy'))
    found = survey_map(volume)
    there = found.xy(volume.ilines[3], volume.xlines[4])
    assert_allclose(there, xy('turned', 3, 4), atol=1)
    assert found.notes[0].startswith('1 of 224 traces lie more than half a bin from the map that the others follow')
    assert found.notes[1] == 'headers do not give the unit of the coordinates'


def test_without_coordinates_lines_stand_for_them(tmp_path):
    cube = make_cube((3, 4, 5))
    np.save(tmp_path / 'a.npy', cube)
    angles = grid_file(cube, headers={181: 1000, 185: 2000, -89: 3}).write(tmp_path / 'b.sgy')
    nothing = grid_file(cube).write(tmp_path / 'c.sgy')
    for path, why in ((tmp_path / 'a.npy', 'an array'), (angles, 'are angles'), (nothing, 'do not tell both')):
        found = survey_map(open_volume(path))
        assert found.unit == 'lines'
        assert why in found.notes[0]
        assert [float(value) for value in found.xy(7, 9)] == [9, 7]


def test_a_line_has_places(tmp_path):
    x, y = 1000 + 10 * np.arange(6)[None], 2000 + np.arange(6)[None] ** 2
    headers = {181: x, 185: y, -71: 1}
    volume = open_volume(grid_file(make_cube((1, 6, 5)), headers=headers).write(tmp_path / 'a.sgy'))
    assert survey_map(volume) is None
    assert_allclose(places_of_line(volume), (x, y))
