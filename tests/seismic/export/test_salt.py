"""A whole export: every file against the survey, small bodies left out, lines, arrays, wrong grids."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import segyio
from numpy.testing import assert_allclose

from mmattn.seismic import open_volume
from mmattn.seismic.export import bodies as bodies_module
from mmattn.seismic.export.polygons import outlines
from mmattn.seismic.export.salt import export_salt
from mmattn.seismic.export.work import ExportOptions
from tests.seismic.export.surveys import GRIDS, ILINES, SHAPE, XLINES, ball, open_salt, xy
from tests.seismic.export.test_meshes import read_back
from tests.seismic.segy_files import grid_file


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def column(table: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in table])


@pytest.fixture
def salt() -> np.ndarray:
    """A ball, and a speck of four voxels in its shadow, so that its traces enter salt twice."""
    values = ball()
    values[6:8, 7:9, 26] = 0.9
    return values


@pytest.mark.parametrize('grid', ['turned', 'left-handed', 'skewed'])
def test_every_file(tmp_path, salt, grid: str):
    volume = open_salt(tmp_path / 'a.sgy', salt, grid)
    std = open_salt(tmp_path / 's.sgy', np.full(SHAPE, 0.02), grid)
    summary = export_salt(volume, tmp_path / 'out', std=std, options=ExportOptions(factor=2.0, step=3))
    assert json.loads((tmp_path / 'out' / 'summary.json').read_text()) == summary
    horizons = rows(tmp_path / 'out' / 'horizons.csv')
    row, place = (column(horizons, 'iline') - ILINES[0]) / 2, column(horizons, 'xline') - XLINES[0]
    x, y = xy(grid, row, place)
    assert_allclose((column(horizons, 'x'), column(horizons, 'y')), (x, y), atol=0.02)
    reach = 25 - (row - 6.5) ** 2 - (place - 7.5) ** 2
    inner = reach > 9  # where samples lie densely on the ball's slope
    assert_allclose(column(horizons, 'top_ms')[inner], 4 * (14 - np.sqrt(reach[inner])), atol=0.6)
    assert_allclose(column(horizons, 'top_deep_ms')[inner] - column(horizons, 'top_ms')[inner], 0.64, atol=0.4)
    assert (column(horizons, 'top_shallow_ms') <= column(horizons, 'top_ms')).all()
    twice = [one for one in horizons if one['runs'] == '2']
    assert {(one['iline'], one['xline']) for one in twice} == {
        ('112', '507'),
        ('112', '508'),
        ('114', '507'),
        ('114', '508'),
    }
    assert_allclose(column(twice, 'base_ms'), 4 * (26 + 0.4 / 0.9), atol=0.01)
    runs = rows(tmp_path / 'out' / 'overhangs.csv')
    assert [one['run'] for one in runs] == ['1', '2'] * 4
    assert summary['traces that enter salt more than once'] == 4
    assert any('4 traces enter salt more than once' in note for note in summary['notes'])

    files = [f'{name}{end}' for name in ('top', 'base') for end in ('.xyz', '_lines.dat', '.zmap', '.tif')]
    for name in files + ([] if grid == 'skewed' else ['top.irap', 'base.irap']):
        assert (tmp_path / 'out' / name).stat().st_size > 100, name
    assert len(np.loadtxt(tmp_path / 'out' / 'top.xyz')) == len(horizons) == summary['top']['places']

    bodies = rows(tmp_path / 'out' / 'bodies.csv')
    assert [one['closed'] for one in bodies] == ['yes', 'yes']
    assert [int(one['cells']) for one in bodies] == [int((ball() > 0.5).sum()), 4]
    assert_allclose([float(bodies[0]['x_middle']), float(bodies[0]['y_middle'])], xy(grid, 6.5, 7.5), atol=0.02)
    cell = abs(np.linalg.det(np.array(GRIDS[grid]))) * 4
    assert_allclose(float(bodies[0]['mesh_volume_m2_ms']), 4 / 3 * np.pi * 125 * cell, rtol=0.03)
    meshes = [read_back(tmp_path / 'out' / f'{bodies[0]["file"]}.{form}') for form in ('obj', 'ply', 'vtk', 'ts')]
    for mesh in meshes:
        assert mesh.is_closed
        assert_allclose(mesh.vertices, meshes[0].vertices, atol=1e-3)
        assert mesh.vertices[:, 2].max() > -4 * 9.2

    outline = rows(tmp_path / 'out' / 'polygons_iline.csv')
    chosen = [one for one in outline if one['line'] == '112' and one['polygon'] == outline_of(outline, '112')]
    assert chosen[0] == chosen[-1] | {}
    traces, z = column(chosen, 'xline') - XLINES[0], column(chosen, 'z') / 4
    assert_allclose(np.hypot(traces - 7.5, z - 14), np.sqrt(25 - 0.25), atol=0.15)
    assert_allclose((column(chosen, 'x'), column(chosen, 'y')), xy(grid, 6, traces), atol=0.02)
    assert summary['polygons'].keys() == {'polygons_iline.csv', 'polygons_xline.csv'}


def outline_of(table: list[dict[str, str]], line: str) -> str:
    """The polygon of most vertices on a line."""
    numbers = [one['polygon'] for one in table if one['line'] == line]
    return max(set(numbers), key=numbers.count)


def test_coordinates_are_those_that_segyio_reads(tmp_path, salt):
    volume = open_salt(tmp_path / 'a.sgy', salt, 'skewed', order='mixed')
    export_salt(volume, tmp_path / 'out', options=ExportOptions(meshes=(), polygons=()))
    places = {(int(one['iline']), int(one['xline'])): one for one in rows(tmp_path / 'out' / 'horizons.csv')}
    with segyio.open(str(tmp_path / 'a.sgy'), ignore_geometry=True) as file:
        for number in range(file.tracecount):
            header, trace = file.header[number], file.trace[number]
            one = places.get((header[189], header[193]))
            assert (one is not None) == bool((trace > 0.5).any())
            if one is not None:
                assert_allclose((float(one['x']), float(one['y'])), (header[181] / 100, header[185] / 100), atol=0.02)


@pytest.mark.parametrize('step', [2, 5, 16])
def test_small_bodies_are_left_out_of_everything(tmp_path, salt, step: int):
    volume = open_salt(tmp_path / 'a.sgy', salt)
    clean = open_salt(tmp_path / 'b.sgy', ball())
    first = export_salt(volume, tmp_path / 'one', options=ExportOptions(min_body=5, step=step))
    second = export_salt(clean, tmp_path / 'two', options=ExportOptions(step=step))
    assert first['bodies'] == dict(number=1, meshes=1, left_out=1)
    assert second['bodies'] == dict(number=1, meshes=1, left_out=0)
    names = ['horizons.csv', 'bodies.csv', 'polygons_iline.csv', 'polygons_xline.csv', 'bodies/body_001.obj', 'top.xyz']
    for name in names:
        assert (tmp_path / 'one' / name).read_text() == (tmp_path / 'two' / name).read_text(), name


def test_bodies_that_are_nowhere_sure_are_left_out_of_everything(tmp_path):
    values = np.zeros(SHAPE)
    values[2:5, 2:5, 2:8], values[3, 3, 3], values[6:8, 6:8, 8:12] = 0.6, 0.9, 0.7
    unsure = open_salt(tmp_path / 'a.sgy', values)
    sure = open_salt(tmp_path / 'b.sgy', np.where(values == 0.7, 0, values))
    first = export_salt(unsure, tmp_path / 'one', options=ExportOptions(hysteresis=0.8))
    export_salt(sure, tmp_path / 'two')
    assert first['bodies'] == dict(number=1, meshes=1, left_out=1)
    for name in ('bodies.csv', 'horizons.csv', 'bodies/body_001.obj'):
        assert (tmp_path / 'one' / name).read_text() == (tmp_path / 'two' / name).read_text(), name
    with pytest.raises(ValueError, match=r'hysteresis must lie between the threshold, 0\.5, and 1, got 0\.3'):
        ExportOptions(hysteresis=0.3)


def test_bodies_that_touch_are_meshed_one_by_one(tmp_path):
    values = np.zeros(SHAPE)
    values[2:5, 2:5, 2:8] = 0.9
    values[5:8, 5:8, 8:12] = 0.8  # shares a corner
    summary = export_salt(open_salt(tmp_path / 'a.sgy', values), tmp_path / 'out')
    table = rows(tmp_path / 'out' / 'bodies.csv')
    assert summary['bodies']['meshes'] == 2
    for one, cells in zip(table, (54, 36)):
        mesh = read_back(tmp_path / 'out' / f'{one["file"]}.ply')
        assert mesh.is_closed
        assert one['reaches_edge'] == 'no'
        assert 0.65 < mesh.volume / (25 * 12.5 * 4) / cells < 1.3


def test_large_boxes_are_read_coarsely_and_in_groups(tmp_path, monkeypatch, salt):
    monkeypatch.setattr(bodies_module, '_MOST_CELLS', 600)
    summary = export_salt(open_salt(tmp_path / 'a.sgy', salt), tmp_path / 'out', options=ExportOptions(step=4))
    table = rows(tmp_path / 'out' / 'bodies.csv')
    assert [one['every'] for one in table] == ['2', '1']
    assert any('every n-th line' in note for note in summary['notes'])
    cell = 25 * 12.5 * 4
    assert_allclose(float(table[0]['mesh_volume_m2_ms']), 4 / 3 * np.pi * 125 * cell, rtol=0.1)


def test_an_array_takes_lines_and_coordinates_of_the_survey(tmp_path, salt):
    np.save(tmp_path / 'a.npy', salt.astype(np.float32))
    volume, survey = open_volume(tmp_path / 'a.npy'), open_salt(tmp_path / 'a.sgy', salt, unit=2)
    options = ExportOptions(polygons=('xline',), every=4)
    first = export_salt(volume, tmp_path / 'one', geometry=survey, options=options)
    export_salt(survey, tmp_path / 'two', options=options)
    assert (first['unit_of_x_and_y'], first['unit_of_z']) == ('ft', 'ms')
    for path in sorted((tmp_path / 'two').rglob('*.*')):
        if path.name != 'summary.json':
            assert (tmp_path / 'one' / path.relative_to(tmp_path / 'two')).read_bytes() == path.read_bytes(), path.name
    alone = export_salt(volume, tmp_path / 'three', options=options)
    assert alone['unit_of_x_and_y'] == 'lines'
    assert 'map' not in alone
    assert 'X is the crossline number' in alone['notes'][0]


def test_a_line(tmp_path):
    values = np.zeros((1, 12, 30), np.float32)
    values[0, 3:7, 10:14] = 1
    x, y = 1000 + 10 * np.arange(12)[None], 2000 + np.arange(12)[None] ** 2
    file = grid_file(values, headers={181: x, 185: y, -71: 1})
    volume = open_volume(file.write(tmp_path / 'a.sgy'))
    summary = export_salt(volume, tmp_path / 'out')
    assert summary['bodies'] == dict(number=1, meshes=0, left_out=0)
    assert summary['top']['files'] == ['top.xyz', 'top_lines.dat']
    assert 'a line has no bodies to be meshed' in summary['notes']
    outline = rows(tmp_path / 'out' / 'polygons_iline.csv')
    assert_allclose(column(outline, 'x'), 1000 + 10 * (column(outline, 'xline') - 300), atol=0.01)


def test_no_salt_at_all(tmp_path):
    summary = export_salt(open_salt(tmp_path / 'a.sgy', np.full(SHAPE, 0.2)), tmp_path / 'out')
    assert summary['top']['places'] == 0
    assert summary['bodies'] == dict(number=0, meshes=0, left_out=0)
    assert rows(tmp_path / 'out' / 'horizons.csv') == []


def test_holes_of_polygons_and_edges():
    section = np.zeros((20, 30))
    section[0:12, 4:20] = 1
    section[5:8, 8:12] = 0
    found = outlines(section, 0.5)
    assert [one.is_hole for one in found] == [False, True]
    assert_allclose(found[0].points.min(0), [-0.5, 3.5])
    assert all(np.array_equal(one.points[0], one.points[-1]) for one in found)


def test_what_is_wrong_is_named(tmp_path, salt):
    volume = open_salt(tmp_path / 'a.sgy', salt)
    other = open_salt(tmp_path / 'b.sgy', salt[:5])
    with pytest.raises(
        ValueError, match=r'std b\.sgy must be on the grid of a\.sgy, 14 x 16 x 30 of inlines 100 to 126'
    ):
        export_salt(volume, tmp_path / 'out', std=other)
    for options, message in (
        (dict(threshold=1.0), 'threshold must lie between 0 and 1, got 1.0'),
        (dict(meshes=('stl',)), "export: meshes must be one of 'obj', 'ply', 'vtk', 'ts', got 'stl'"),
        (dict(horizons=('dxf',)), "export: horizons must be one of 'xyz', 'lines'"),
        (dict(every=0), 'every must be at least 1, got 0'),
        (dict(factor=-1), 'factor must be'),
    ):
        with pytest.raises(ValueError, match=message.replace('.', r'\.')):
            ExportOptions(**options)
