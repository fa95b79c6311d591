"""Cells of labelled tiles and starts: resumed row by row, drawn so that more tiles hold the fewer."""

import math
from pathlib import Path

import pytest
from PIL import Image

from mmattn.cli.saved_weights import read_checkpoint
from mmattn.seismic.synthetic import SyntheticSurvey, write_tgs_folder
from mmattn.studies import few_labels
from mmattn.studies.few_labels import Outcome, Study, read, run, save_curves, table, write


def outcome(start: str, labels: int, draw: int, iou: float) -> Outcome:
    return Outcome(start, labels, draw, 4096, iou, iou / 2)


def write_tiles(folder: Path, number: int) -> Path:
    """Made-up tiles in five folds."""
    write_tgs_folder(SyntheticSurvey((64, 64), seed=4), number, folder)
    images = sorted((folder / 'images').glob('*.png'))
    rows = ['id,group,fold,coverage', *(f'{path.stem},{path.stem},{n % 5},0.1' for n, path in enumerate(images))]
    (folder / 'folds.csv').write_text('\n'.join(rows) + '\n')
    return folder


def test_a_training_of_a_few_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The shipped weights start it, and hardly move in one step; random ones are elsewhere."""
    data = write_tiles(tmp_path / 'data', 20)
    study = Study(data, tmp_path / 'out', labels=(3,), starts=('salt-synthetic', 'random'), draws=1, images=3)
    study.out.mkdir()
    found = run(study)
    assert [(one.start, one.labels, one.draw) for one in found] == [('salt-synthetic', 3, 0), ('random', 3, 0)]
    shipped = few_labels.load('salt-synthetic').segmentor.state_dict()
    for start, near in (('salt-synthetic', True), ('random', False)):
        weights = read_checkpoint(str(study.out / f'{start}-3-draw0' / 'epoch_1.pth'))
        moved = (weights['backbone.conv1.conv.weight'] - shipped['backbone.conv1.conv.weight']).abs().max()
        assert (moved < 0.01) == near
    assert read(study.out / 'few_labels.csv') == found
    monkeypatch.setattr(few_labels, 'train', lambda *args: pytest.fail('it was trained before'))
    assert run(study) == found


def test_draws_hold_each_other_and_too_many_tiles_are_refused(tmp_path: Path):
    study = Study(tmp_path, tmp_path, labels=(4, 8), starts=('random',), draws=2)
    assert study.cells == [(0, 4, 'random'), (0, 8, 'random'), (1, 4, 'random'), (1, 8, 'random')]
    data = write_tiles(tmp_path / 'data', 10)
    with pytest.raises(ValueError, match=r'labels: 50 of \d tiles are asked for'):
        few_labels.train(Study(data, tmp_path, labels=(50,), starts=('random',)), 0, 50, 'random')


def test_wrong_options_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"start must be .*, got 'tgs'"):
        Study(tmp_path, tmp_path, starts=('tgs',))
    with pytest.raises(ValueError, match=r"imagenet: no file 'nowhere\.pth'"):
        Study(tmp_path, tmp_path, imagenet='nowhere.pth')
    with pytest.raises(ValueError, match='draws'):
        Study(tmp_path, tmp_path, starts=('random',), draws=0)


def test_the_table(tmp_path: Path):
    rows = [outcome('random', 16, 0, 0.1), outcome('salt-synthetic', 16, 0, 0.6), outcome('salt-synthetic', 16, 1, 0.7)]
    write(tmp_path / 'few_labels.csv', rows)
    assert read(tmp_path / 'few_labels.csv') == rows
    spread = math.sqrt(0.005)
    assert table(rows).splitlines()[2] == f'| 16 | 0.650 ± {spread:.3f} | 0.325 ± {spread / 2:.3f} | 0.100 | 0.050 |'


def test_the_curves(tmp_path: Path):
    rows = [outcome(start, labels, 0, 0.5) for start in ('imagenet', 'random') for labels in (16, 64)]
    save_curves(tmp_path / 'curves.png', rows)
    assert min(Image.open(tmp_path / 'curves.png').size) > 300
