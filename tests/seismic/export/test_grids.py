"""Surfaces that are read back by readers of the tests' own, on turned and skewed surveys."""

import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmattn.seismic.export.coordinates import SurveyMap
from mmattn.seismic.export.grids import (
    Surface,
    nodes,
    write_geotiff,
    write_irap,
    write_line_columns,
    write_xyz,
    write_zmap,
)
from tests.seismic.export.surveys import GRIDS, ILINES, ORIGIN, SHAPE, XLINES, xy


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A surface that linear interpolation does not change."""
    return 1500 + 0.3 * (np.asarray(x) - ORIGIN[0]) - 0.2 * (np.asarray(y) - ORIGIN[1])


def survey_of(grid: str) -> SurveyMap:
    per_row, per_column = map(np.array, GRIDS[grid])
    origin = ORIGIN - per_row / 2 * ILINES[0] - per_column * XLINES[0]
    return SurveyMap(origin, per_row / 2, per_column, 'm')


@pytest.fixture(params=GRIDS)
def case(request) -> tuple[str, Surface, SurveyMap]:
    x, y = xy(request.param, *np.indices(SHAPE[:2]))
    z = plane(x, y)
    z[3, 5] = np.nan
    return request.param, Surface(z, ILINES, XLINES, x, y, 'top of salt', 'ms'), survey_of(request.param)


def read_zmap(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a ZMAP+ file with fields of fixed width: x, y and z (rows from south to north)."""
    lines = [line for line in text.splitlines() if not line.startswith('!')]
    assert lines[0].split(',')[1].strip() == 'GRID'
    per_line = int(lines[0].split(',')[2])
    width, null = (float(word) if word.strip() else None for word in lines[1].split(',')[:2])
    rows, columns, *ends = (float(word) for word in lines[2].split(','))
    assert lines[4] == '@'
    values, at = [], 5
    for _ in range(int(columns)):
        column = []
        while len(column) < rows:
            line = lines[at]
            column += [float(line[start : start + int(width)]) for start in range(0, len(line), int(width))]
            assert len(line) <= per_line * width
            at += 1
        values.append(column[::-1])
    z = np.array(values).T
    x, y = np.linspace(ends[0], ends[1], int(columns)), np.linspace(ends[2], ends[3], int(rows))
    return x, y, np.where(z == null, np.nan, z)


def read_irap(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of an Irap classic file: x, y and z, all (rows, columns)."""
    words = text.split()
    assert words[0] == '-996'
    rows, (dx, dy) = int(words[1]), map(float, words[2:4])
    columns, turn = int(words[8]), np.radians(float(words[9]))
    first = np.array([float(word) for word in words[10:12]])
    assert words[12:19] == ['0'] * 7
    z = np.array([float(word) for word in words[19:]]).reshape(rows, columns)
    j, i = np.mgrid[:rows, :columns]
    x = first[0] + i * dx * np.cos(turn) - j * dy * np.sin(turn)
    y = first[1] + i * dx * np.sin(turn) + j * dy * np.cos(turn)
    return x, y, np.where(z == 9999900, np.nan, z)


def test_columns(case, tmp_path):
    _, surface, _ = case
    write_xyz(surface, tmp_path / 'a.xyz')
    x, y, z = np.loadtxt(tmp_path / 'a.xyz').T
    assert len(z) == 223
    assert_allclose(z, plane(x, y), atol=1e-3)
    write_line_columns(surface, tmp_path / 'a.dat')
    iline, xline, z = np.loadtxt(tmp_path / 'a.dat').T
    rows, columns = (iline - ILINES[0]) / 2, xline - XLINES[0]
    assert_allclose(z, plane(*xy(case[0], rows, columns)), atol=1e-3)


def test_zmap(case, tmp_path):
    grid, surface, survey = case
    write_zmap(surface, survey, tmp_path / 'a.zmap')
    x, y, z = read_zmap((tmp_path / 'a.zmap').read_text())
    known = np.isfinite(z)
    expected = np.broadcast_to(plane(x[None], y[:, None]), z.shape)
    assert_allclose(z[known], expected[known], atol=1e-2)
    inside = survey.lines(*np.meshgrid(x, y))
    within = (inside[0] >= ILINES[0]) & (inside[0] <= ILINES[-1]) & (inside[1] >= XLINES[0]) & (inside[1] <= XLINES[-1])
    if grid in ('north', 'east'):
        assert known.sum() == 223
        assert z.shape == (SHAPE[:2] if grid == 'north' else SHAPE[:2][::-1])
    else:
        hole = np.abs(inside[0] - ILINES[3]) / 2 + np.abs(inside[1] - XLINES[5])
        assert (known[within & (hole > 2.1)]).all()
        assert not known[hole < 0.7].any()
        assert not known[~within & ((inside[0] < ILINES[0] - 0.01) | (inside[1] > XLINES[-1] + 0.01))].any()


def test_nodes_are_the_traces_where_lines_run_north(case):
    grid, surface, survey = case
    x, y, z = nodes(surface, survey)
    if grid == 'north':
        assert_allclose(z, surface.z)
    elif grid == 'east':
        assert_allclose(z, surface.z.T)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()


def test_irap(case, tmp_path):
    grid, surface, survey = case
    written = write_irap(surface, survey, tmp_path / 'a.irap')
    assert written == (grid != 'skewed') == (tmp_path / 'a.irap').exists()
    if not written:
        return
    x, y, z = read_irap((tmp_path / 'a.irap').read_text())
    assert np.isfinite(z).sum() == 223
    assert_allclose(z, np.where(np.isnan(z), np.nan, plane(x, y)), atol=0.02)
    assert_allclose(np.sort(x.ravel()), np.sort(surface.x.ravel()), atol=0.01)
    assert_allclose(np.sort(y.ravel()), np.sort(surface.y.ravel()), atol=0.01)


def test_irap_as_xtgeo_reads_it(case, tmp_path):
    xtgeo = pytest.importorskip('xtgeo')
    _, surface, survey = case
    if not write_irap(surface, survey, tmp_path / 'a.irap'):
        return
    table = xtgeo.surface_from_file(str(tmp_path / 'a.irap'), fformat='irap_ascii').get_dataframe()
    x, y, z = (table[name].to_numpy() for name in ('X_UTME', 'Y_UTMN', 'VALUES'))
    assert len(z) == 223
    assert_allclose(z, plane(x, y), atol=0.02)


def test_geotiff(case, tmp_path):
    tifffile = pytest.importorskip('tifffile')
    _, surface, survey = case
    assert write_geotiff(surface, survey, tmp_path / 'a.tif')
    with tifffile.TiffFile(tmp_path / 'a.tif') as file:
        tags, z = file.pages[0].tags, file.asarray()
        matrix = np.array(tags[34264].value).reshape(4, 4)
        keys = np.array(tags[34735].value).reshape(-1, 4)
        assert tags[42113].value == 'nan'
    assert keys[0].tolist() == [1, 1, 0, len(keys) - 1]
    assert {int(key): int(value) for key, _, _, value in keys[1:]} == {1024: 1, 1025: 1, 3072: 32767, 3076: 9001}
    row, column = np.indices(z.shape)
    x, y, *_ = np.einsum('ij,jrc->irc', matrix, np.stack([column + 0.5, row + 0.5, 0 * row, 0 * row + 1.0]))
    assert_allclose(x, surface.x, atol=1e-6)
    assert_allclose(y, surface.y, atol=1e-6)
    assert_allclose(z, surface.z, atol=1e-3)
    if importlib.util.find_spec('rasterio'):
        import rasterio

        with rasterio.open(tmp_path / 'a.tif') as raster:
            assert_allclose(raster.transform * (0.5, 0.5), (surface.x[0, 0], surface.y[0, 0]), atol=1e-6)


def test_uneven_lines_have_no_grid_of_their_own(tmp_path):
    x, y = xy('north', *np.indices(SHAPE[:2]))
    uneven = ILINES.copy()
    uneven[-1] += 6
    surface, survey = Surface(plane(x, y), uneven, XLINES, x, y, 'top', 'm'), survey_of('north')
    assert not write_irap(surface, survey, tmp_path / 'a.irap')
    assert not write_geotiff(surface, survey, tmp_path / 'a.tif')
