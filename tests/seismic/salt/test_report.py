"""The report's numbers, tables and pictures."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmattn.seismic import ArrayVolume, open_volume
from mmattn.seismic.salt.report import cell_size, write_salt_report
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (6, 8, 20)


def salt() -> np.ndarray:
    """Two bodies: 2 x 3 x 4 and a single voxel."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 2:5, 5:9] = 1
    mask[5, 7, 19] = 1
    return mask


def write(folder: Path, volume, mask: np.ndarray, *, live: np.ndarray | None = None) -> dict:
    probability = np.where(mask, 0.905, 0.105).astype(np.float32)
    return write_salt_report(
        folder,
        volume,
        live=np.ones(mask.shape[:2], bool) if live is None else live,
        read_probability=lambda start, stop: probability[start:stop],
        read_mask=lambda start, stop: mask[start:stop],
        step=4,
        cleaned=dict(filled=3, removed_bodies=2),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope='module')
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('report')
    summary = write(folder, ArrayVolume(make_cube(SHAPE)), salt())
    assert json.loads((folder / 'summary.json').read_text()) == summary
    return folder


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of numbers: drawing takes a second."""
    for name in ('save_slices', 'save_histogram'):
        monkeypatch.setattr(f'mmattn.seismic.salt.report.{name}', lambda *_, **__: None)


def test_the_summary(report):
    summary = json.loads((report / 'summary.json').read_text())
    assert summary['salt cells'] == 25
    assert summary['share of salt'] == 25 / (6 * 8 * 20)
    assert summary['traces with salt'] == 7
    assert summary['bodies'] == 2
    assert summary['largest body, cells'] == 24
    assert summary['mean probability'] == pytest.approx((25 * 0.905 + 935 * 0.105) / 960)
    assert summary['clean-up, filled'] == 3
    assert summary['clean-up, removed bodies'] == 2
    assert 'salt volume, m3' not in summary
    text = (report / 'summary.md').read_text()
    assert '| inlines, crosslines, samples | 6 x 8 x 20 |' in text
    assert '| salt cells | 25 |' in text


def test_the_lines(report):
    lines = rows(report / 'lines.csv')
    assert [row['direction'] for row in lines] == ['iline'] * 6 + ['xline'] * 8
    assert lines[1] == dict(
        direction='iline',
        line='1',
        live_traces='8',
        traces_with_salt='3',
        salt_cells='12',
        salt_share='0.075000',
        mean_probability=f'{(12 * 0.905 + 148 * 0.105) / 160:.6f}',
    )
    assert [int(row['salt_cells']) for row in lines[6:]] == [0, 0, 8, 8, 8, 0, 0, 1]


def test_the_bodies(report):
    large, small = rows(report / 'bodies.csv')
    assert (large['cells'], large['first_iline'], large['last_iline']) == ('24', '1', '2')
    assert (large['first_sample_sample'], large['last_sample_sample'], large['reaches_edge']) == ('5', '8', 'no')
    assert (small['cells'], small['reaches_edge']) == ('1', 'yes')


@pytest.mark.parametrize('name', ['slices.png', 'histogram.png'])
def test_the_pictures_show_something(report, name: str):
    picture = np.asarray(Image.open(report / name).convert('RGB'))
    assert min(picture.shape[:2]) > 300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > (50 if name == 'slices.png' else 10)


@pytest.mark.usefixtures('no_pictures')
def test_traces_that_are_not_live_do_not_count(tmp_path):
    live = np.ones(SHAPE[:2], bool)
    live[1] = False
    summary = write(tmp_path, ArrayVolume(make_cube(SHAPE)), salt(), live=live)
    assert summary['live traces'] == 40
    assert summary['salt cells'] == 13
    assert rows(tmp_path / 'lines.csv')[1]['salt_share'] == ''


def test_a_volume_without_salt_and_a_line(tmp_path):
    empty = np.zeros((1, 8, 20), np.uint8)
    summary = write(tmp_path, ArrayVolume(make_cube((1, 8, 20))), empty)
    assert summary['bodies'] == summary['salt cells'] == 0
    assert rows(tmp_path / 'bodies.csv') == []


@pytest.mark.usefixtures('no_pictures')
def test_long_line_numbers_keep_their_digits(tmp_path):
    numbers = 10_000_000 + np.arange(SHAPE[1])
    grid_file(make_cube(SHAPE), xlines=numbers).write(tmp_path / 'in.sgy')
    with open_volume(tmp_path / 'in.sgy') as volume:
        write(tmp_path / 'report', volume, salt())
    large = rows(tmp_path / 'report' / 'bodies.csv')[0]
    assert (large['first_xline'], large['last_xline']) == ('10000002', '10000004')


@pytest.mark.usefixtures('no_pictures')
@pytest.mark.parametrize('unit', ['m', 'ms'])
def test_cubic_metres_where_headers_tell(tmp_path, unit: str):
    iline, xline = np.mgrid[: SHAPE[0], : SHAPE[1]]
    headers = {181: 25 * iline, 185: 12 * xline}
    grid_file(make_cube(SHAPE), headers=headers, interval=4000).write(tmp_path / 'in.sgy')
    with open_volume(tmp_path / 'in.sgy', sample_unit=unit) as volume:
        cell = cell_size(volume)
        summary = write(tmp_path / 'report', volume, salt())
    assert cell['area_m2'] == pytest.approx(300, rel=1e-9)
    assert summary['area with salt, km2'] == pytest.approx(7 * 300e-6)
    if unit == 'm':
        assert summary['salt volume, m3'] == pytest.approx(25 * 300 * 4, rel=1e-9)
        assert rows(tmp_path / 'report' / 'bodies.csv')[0]['volume_m3'] == '28800'
    else:
        assert summary['salt, km2 x s of two-way time'] == pytest.approx(25 * 300e-6 * 0.004)
