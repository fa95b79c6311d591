"""Meshes are closed, look outwards, enclose what they should, and are read back from every format."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from mmattn.seismic.export.mesh_files import MESH_FORMATS
from mmattn.seismic.export.meshes import Mesh, mesh_body
from tests.seismic.export.surveys import GRIDS, ILINES, SHAPE, XLINES, ball, xy
from tests.seismic.export.test_grids import survey_of

SAMPLES = 4.0 * np.arange(SHAPE[2])
UNITS = 'm', 'ms'


def mesh_of(values: np.ndarray, grid: str = 'turned') -> Mesh:
    return mesh_body(values, 0.5, ILINES, XLINES, SAMPLES, survey_of(grid))


@pytest.mark.parametrize('grid', GRIDS)
def test_a_ball(grid: str):
    mesh = mesh_of(ball(), grid)
    steps = np.array(GRIDS[grid])
    cell = abs(np.linalg.det(steps)) * 4
    assert mesh.is_closed
    assert mesh.smoothing == 0
    assert_allclose(mesh.volume, 4 / 3 * np.pi * 5**3 * cell, rtol=0.03)  # above 0: right-handed, outwards
    assert_allclose((mesh.box[0] + mesh.box[1])[2] / 2, -14 * 4, atol=0.5)
    middle = mesh.vertices.mean(axis=0)
    assert_allclose(middle[:2], xy(grid, 6.5, 7.5), atol=0.1)
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    outwards = np.einsum('ij,ij->i', np.cross(b - a, c - a), (a + b + c) / 3 - middle)
    assert (outwards >= -1e-6).all()


def test_what_reaches_the_edge_is_closed_half_a_cell_outside():
    mesh = mesh_of(np.ones(SHAPE), 'north')
    assert mesh.is_closed
    low, high = mesh.box
    assert_allclose(low, [*xy('north', -0.5, -0.5), -4 * 29.5], atol=0.01)
    assert_allclose(high, [*xy('north', 13.5, 15.5), 2], atol=0.01)
    assert_allclose(mesh.volume, np.prod(SHAPE) * 25 * 12.5 * 4, rtol=0.02)


@pytest.mark.parametrize('seed', range(9))
def test_ragged_salt_is_closed(seed: int):
    """Binary noise, probabilities that equal the level, and rounded ones, where surfaces touch along edges."""
    values = gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), [0.0, 0.4, 1.2][seed // 3])
    values = (values - values.min()) / np.ptp(values)
    values = [values, (values > 0.5).astype(float), np.round(4 * values) / 4][seed % 3]
    mesh = mesh_of(values)
    assert mesh.is_closed
    assert mesh.volume > 0


def test_a_cavity_is_taken_off():
    values = np.zeros(SHAPE)
    values[2:12, 2:12, 2:12] = 1
    solid = mesh_of(values).volume
    values[5:8, 5:8, 5:8] = 0
    hollow = mesh_of(values)
    assert hollow.is_closed
    assert 20 < (solid - hollow.volume) / (25 * 12.5 * 4) < 30


def test_an_open_mesh_is_known():
    mesh = mesh_of(ball())
    assert not Mesh(mesh.vertices, mesh.faces[1:]).is_closed
    turned = mesh.faces.copy()
    turned[0] = turned[0, ::-1]
    assert not Mesh(mesh.vertices, turned).is_closed


def test_nothing_to_mesh():
    with pytest.raises(ValueError, match=r'no value lies above the level 0\.5'):
        mesh_of(np.zeros(SHAPE))


def read_back(path: Path) -> Mesh:
    """A reader of our own for the four formats."""
    lines = [line.split() for line in path.read_text().splitlines()]
    if path.suffix == '.obj':
        rows = [[line[1:] for line in lines if line[:1] == [kind]] for kind in ('v', 'f')]
        return Mesh(np.array(rows[0], float), np.array(rows[1], int) - 1)
    if path.suffix == '.ts':
        rows = [[line[1:] for line in lines if line[:1] == [kind]] for kind in ('VRTX', 'TRGL')]
        assert [row[0] for row in rows[0]] == [str(number) for number in range(1, 1 + len(rows[0]))]
        vertices = np.array([row[1:] for row in rows[0]], float)
        assert ['ZPOSITIVE', 'Depth'] in lines
        assert ['AXIS_UNIT', '"m"', '"m"', '"ms"'] in lines
        return Mesh(vertices * [1, 1, -1], np.array(rows[1], int) - 1)
    if path.suffix == '.ply':
        counts = [int(line[2]) for line in lines if line[:1] == ['element']]
        start = lines.index(['end_header']) + 1
    else:
        counts = [int(line[1]) for line in lines if line[:1] in (['POINTS'], ['CELLS'])]
        start = next(at for at, line in enumerate(lines) if line[:1] == ['POINTS']) + 1
    vertices = np.array(lines[start : start + counts[0]], float)
    start += counts[0] + (path.suffix == '.vtk')
    faces, rest = lines[start : start + counts[1]], lines[start + counts[1] :]
    assert rest == ([['CELL_TYPES', str(counts[1])]] + [['5']] * counts[1] if path.suffix == '.vtk' else [])
    assert {line[0] for line in faces} == {'3'}
    return Mesh(vertices, np.array(faces, int)[:, 1:])


@pytest.mark.parametrize('form', MESH_FORMATS)
@pytest.mark.parametrize('grid', ['turned', 'left-handed', 'skewed'])
def test_files_hold_the_mesh(tmp_path, form: str, grid: str):
    mesh, path = mesh_of(ball(), grid), tmp_path / f'a.{form}'
    MESH_FORMATS[form](mesh, path, name='body_001', units=UNITS)
    found = read_back(path)
    assert np.array_equal(found.faces, mesh.faces)
    assert_allclose(found.vertices, mesh.vertices, atol=6e-4)
    assert found.is_closed
    assert_allclose(found.volume, mesh.volume, rtol=1e-3)


@pytest.mark.parametrize('form', ['obj', 'ply', 'vtk'])
def test_as_meshio_reads_it(tmp_path, form: str):
    meshio = pytest.importorskip('meshio')
    mesh = mesh_of(ball())
    MESH_FORMATS[form](mesh, tmp_path / f'a.{form}', name='body_001', units=UNITS)
    found = meshio.read(tmp_path / f'a.{form}')
    assert_allclose(found.points, mesh.vertices, atol=6e-4)
    assert np.array_equal(found.cells_dict['triangle'], mesh.faces)


@pytest.mark.parametrize('form', ['obj', 'ply'])
def test_as_trimesh_reads_it(tmp_path, form: str):
    trimesh = pytest.importorskip('trimesh')
    mesh = mesh_of(ball(), 'left-handed')
    MESH_FORMATS[form](mesh, tmp_path / f'a.{form}', name='body_001', units=UNITS)
    found = trimesh.load(tmp_path / f'a.{form}', process=False)
    assert found.is_watertight
    assert found.is_winding_consistent
    assert_allclose(found.volume, mesh.volume, rtol=1e-3)
