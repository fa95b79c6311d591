"""Bins from coordinates that are rounded, skewed, missing or angles."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmattn.seismic import SegyVolume, open_volume
from mmattn.seismic.overview import survey_overview
from mmattn.seismic.salt.report import cell_size
from mmattn.seismic.segy.bins import plane_steps
from mmattn.seismic.segy.report import describe_volume
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (25, 28)


def survey(path: Path, *, skew: float = 90.0, **options) -> SegyVolume:
    """Bins of 12.5 m by 12.5 m, turned by 21.6 degrees, coordinates in whole metres."""
    row, column = np.indices(SHAPE)
    turn, other = np.deg2rad([21.6, 21.6 + skew])
    x = np.rint(500_000 + 12.5 * (row * np.cos(turn) + column * np.cos(other))).astype(int)
    y = np.rint(6_000_000 + 12.5 * (row * np.sin(turn) + column * np.sin(other))).astype(int)
    for corner in options.pop('unknown', ()):
        x[corner] = y[corner] = 0
    headers = {181: x, 185: y, -71: 1} | options.pop('headers', {})
    reading = options.pop('reading', {})
    return open_volume(grid_file(make_cube((*SHAPE, 2)), headers=headers, **options).write(path / 'a.sgy'), **reading)


@pytest.mark.parametrize('skew', [90.0, 60.0])
def test_whole_metres_and_skewed_grids(tmp_path: Path, skew: float):
    volume = survey(tmp_path, skew=skew)
    assert_allclose(volume.bin_size(), (12.5, 12.5), rtol=0.002)
    assert_allclose(volume.bin_area(), 156.25 * np.sin(np.deg2rad(skew)), rtol=0.005)
    assert describe_volume(volume)['coordinates']['bin_area'] == round(volume.bin_area(), 3)


def test_traces_without_coordinates_or_far_away(tmp_path: Path):
    far = np.zeros(SHAPE, int)
    far[3, 4] = 1
    volume = survey(tmp_path, unknown=[(0, 0), (24, 27)])
    assert_allclose(volume.bin_area(), 156.25, rtol=0.005)
    x, y = volume.coordinates()
    known = x != 0
    steps = plane_steps(volume.ilines, volume.xlines, np.where(far, 9e6, x), y, known)
    assert_allclose(np.hypot(*steps.T), (12.5, 12.5), rtol=0.002)


def test_line_numbers_with_steps_and_gaps(tmp_path: Path):
    xlines = 300 + 4 * np.arange(28)
    xlines[20:] += 400
    row, column = np.meshgrid(np.arange(25), xlines - 300, indexing='ij')
    volume = survey(tmp_path, xlines=xlines, headers={181: 5000 + 3 * column, 185: 7000 + 10 * row})
    assert_allclose(volume.bin_size(), (10, 12))


def test_angles_have_no_area(tmp_path: Path):
    volume = survey(tmp_path, headers={-89: 2})
    assert (volume.bin_size(), volume.bin_area()) == (None, None)
    assert any('coordinates are angles' in remark for remark in describe_volume(volume)['remarks'])


@pytest.mark.parametrize(('scalar', 'bin'), [(-10, 1.25), (1, 12.5), (0, 12.5), (4, 50.0), (None, 0.125)])
def test_a_scalar_overrides_the_headers(tmp_path: Path, scalar: int | None, bin: float):
    volume = survey(tmp_path, headers={-71: -100}, reading=dict(coordinate_scalar=scalar))
    assert_allclose(volume.bin_size(), (bin, bin), rtol=0.002)
    assert_allclose(volume.bin_area(), bin**2, rtol=0.005)
    described = describe_volume(volume)['coordinates']
    assert described['scalar'] == (-100 if scalar is None else scalar)
    assert described['inline_spacing'] == pytest.approx(bin, rel=0.005)
    factor = dict(zip((-10, 1, 0, 4, None), (0.1, 1, 1, 4, 0.01)))[scalar]
    assert volume.coordinates()[0][0, 0] == pytest.approx(500_000 * factor)


def test_a_scalar_mends_what_the_headers_say_otherwise(tmp_path: Path):
    volume = survey(tmp_path, headers={-71: 3}, reading=dict(coordinate_scalar=1))
    assert not any('coordinate scalars' in remark for remark in describe_volume(volume)['remarks'])


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(coordinate_scalar=0.01), r'coordinate_scalar must be None or a whole number .*-100 divides.*, got 0\.01'),
        (dict(coordinate_scalar=True), 'coordinate_scalar must be None or a whole number'),
        (dict(coordinate_scalar='-100'), "coordinate_scalar must be None .*, got '-100'"),
        (
            dict(coordinate_unit='km'),
            "coordinate_unit must be one of None, 'm', 'ft', 'arcsec', 'deg', 'dms', got 'km'",
        ),
        (dict(coordinate_unit=1), 'coordinate_unit must be one of .*, got 1'),
    ],
)
def test_wrong_scalars_and_units_are_named(tmp_path: Path, option: dict, message: str):
    with pytest.raises(ValueError, match=message):
        survey(tmp_path, reading=option)


def test_a_unit_overrides_the_headers(tmp_path: Path):
    unsaid = dict(binary={3255: 0})
    plain = survey(tmp_path, **unsaid)
    assert (plain.coordinate_unit, plain.length_unit, cell_size(plain)) == ('', '', {})
    assert 'no header says the unit of the coordinates' in ' '.join(describe_volume(plain)['remarks'])
    feet = survey(tmp_path, **unsaid, reading=dict(coordinate_unit='ft'))
    assert_allclose(feet.bin_area(), 156.25, rtol=0.005)
    assert cell_size(feet)['area_m2'] == pytest.approx(156.25 * 0.3048**2, rel=0.005)
    assert 'ft from inline to inline' in str(survey_overview(feet))
    assert f'area {700 * feet.bin_area() * 0.3048**2 / 1e6:.4g} km2' in str(survey_overview(feet))
    metres = survey(tmp_path, headers={-89: 2}, reading=dict(coordinate_unit='m'))
    assert (metres.has_angles, metres.coordinate_unit) == (False, 'm')
    assert_allclose(metres.bin_area(), 156.25, rtol=0.005)


@pytest.mark.parametrize(('code', 'unit'), [(2, 'arcsec'), (3, 'deg'), (4, 'dms')])
def test_angles_are_named(tmp_path: Path, code: int, unit: str):
    for options in (dict(headers={-89: code}), dict(reading=dict(coordinate_unit=unit))):
        volume = survey(tmp_path, **options)
        assert (volume.coordinate_unit, volume.length_unit, volume.bin_size()) == (unit, '', None)
        assert cell_size(volume) == {}
        assert f'not known: coordinates are angles ({unit})' in str(survey_overview(volume))


def test_floats_are_scaled_and_that_is_said(tmp_path: Path):
    headers = {'201:float32': 12.5 * np.indices(SHAPE)[0], '205:float32': 25 * np.indices(SHAPE)[1], -71: -10}
    words = dict(cdp_x='201:float32', cdp_y='205:float32')
    volume = survey(tmp_path, headers=headers, reading=words)
    assert_allclose(volume.bin_size(), (1.25, 2.5))
    assert any('coordinate_scalar=1' in remark for remark in describe_volume(volume)['remarks'])
    volume = survey(tmp_path, headers=headers, reading=words | dict(coordinate_scalar=1))
    assert_allclose(volume.bin_size(), (12.5, 25))
    assert not any('coordinate_scalar' in remark for remark in describe_volume(volume)['remarks'])
