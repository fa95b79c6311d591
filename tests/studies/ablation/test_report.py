"""Tables and picture of an ablation."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from mmattn.studies import Result, read_rows
from mmattn.studies.ablation.report import write_report
from mmattn.studies.summary import _places_among_alike


@pytest.fixture
def out(tmp_path: Path) -> Path:
    results = [
        Result('CBAM', 0, 'finished', 10.0, dict(salt_iou=0.5, dice=0.6), '', 1_500_000, 2_000_000_000),
        Result('CBAM', 1, 'finished', 20.0, dict(salt_iou=0.7, dice=0.6), '', 1_500_000, 2_000_000_000),
        Result('SCSE', 0, 'failed', 3.0, {}, 'Traceback\nRuntimeError: no luck', 1_400_000, 1_900_000_000),
        Result('none', 0, 'finished', 8.0, dict(salt_iou=0.4, dice=0.5), '', 1_000_000, 1_000_000_000),
        Result('none', 1, 'unfinished', 4.0, {}, '', 1_000_000, 1_000_000_000),
    ]
    for result in results:
        folder = tmp_path / f'{result.variant}-seed{result.seed}'
        folder.mkdir()
        (folder / 'result.json').write_text(json.dumps(asdict(result)))
    return tmp_path


def test_csv_has_mean_spread_and_cost(out: Path):
    write_report(out, ['salt_iou'], 'title')
    with (out / 'results.csv').open() as file:
        none, cbam, scse = csv.DictReader(file)
    assert [row['attention'] for row in (none, cbam, scse)] == ['none', 'CBAM', 'SCSE']
    assert (cbam['seeds'], cbam['parameters'], cbam['multiply_adds']) == ('2', '1500000', '2000000000')
    assert float(cbam['salt_iou_mean']) == pytest.approx(0.6)
    assert float(cbam['salt_iou_std']) == pytest.approx(0.02**0.5)
    assert float(cbam['seconds']) == 15
    assert (none['seeds'], none['salt_iou_std'], none['failed']) == ('1', '', '0')
    assert (scse['seeds'], scse['salt_iou_mean'], scse['failed']) == ('0', '', '1')


def test_markdown_shows_what_is_missing(out: Path):
    write_report(out, ['salt_iou', 'dice'], 'My title')
    text = (out / 'results.md').read_text()
    assert text.startswith('# My title\n')
    assert '| CBAM | 0.6000 ± 0.1414 | 0.6000 ± 0.0000 | 2 | 1.500 | 2.000 | 15 |' in text
    assert '| SCSE |  |  | 0 | 1.400 | 1.900 |  |' in text
    assert '- SCSE, seed 0 failed: `RuntimeError: no luck`' in text
    assert '- none: 1 unfinished' in text


def test_picture_is_drawn_as_soon_as_a_cell_is_finished(out: Path):
    assert [path.name for path in write_report(out, ['salt_iou'], 't')] == [
        'results.csv',
        'results.md',
        'results.png',
        'differences.png',
    ]
    with Image.open(out / 'results.png') as picture:
        assert picture.size == (1350, 750)
        colors = {color for _, color in picture.convert('RGB').getcolors(1 << 20)}
    assert (0x00, 0x72, 0xB2) in colors  # the second mark; SCSE has no mean
    assert (0xD5, 0x5E, 0x00) not in colors
    for path in out.glob('*/result.json'):
        if json.loads(path.read_text())['status'] == 'finished':
            path.unlink()
    assert [path.name for path in write_report(out, ['salt_iou'], 't')] == ['results.csv', 'results.md']


def test_layers_are_compared_with_none_seed_by_seed(out: Path):
    write_report(out, ['salt_iou', 'dice'], 't')
    text = (out / 'results.md').read_text()
    assert '## Beside none, paired by seed' in text
    assert '| CBAM | +0.1000 | +0.1000 | 1 |  | one pair |' in text
    with (out / 'results.csv').open() as file:
        none, cbam, _ = csv.DictReader(file)
    assert float(cbam['salt_iou_difference']) == pytest.approx(0.1)
    assert (cbam['salt_iou_low'], none['salt_iou_difference']) == ('', '')
    folder = out / 'none-seed1'
    (folder / 'result.json').write_text(json.dumps(asdict(Result('none', 1, 'finished', 8.0, dict(salt_iou=0.5)))))
    write_report(out, ['salt_iou'], 't')
    text = (out / 'results.md').read_text()
    assert '| CBAM | +0.1500 [-0.4853, +0.7853] | 2 | 0.205 | noise |' in text  # t of one degree of freedom, 12.706
    assert 'by Holm for 1 layers' in text


def test_an_unknown_metric_lists_the_known(out: Path):
    with pytest.raises(ValueError, match="no metric 'mIoU'; there are dice, salt_iou"):
        write_report(out, ['salt_iou', 'mIoU'], 't')


def test_an_empty_folder_has_no_rows(tmp_path: Path):
    assert read_rows(tmp_path) == []


def test_marks_of_alike_cost_stand_side_by_side():
    assert _places_among_alike([1.0, 1.001, 1.02, 2.0, 5.0]) == [0, 1, 2, 0, 0]
    assert _places_among_alike([1.0, 1.0]) == [0, 1]
    assert _places_among_alike([]) == []
