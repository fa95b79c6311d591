"""Salt in pictures by one command: what is written, going on, and pictures that are none."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmattn
from mmattn.inference.pictures import list_pictures, predict_pictures
from mmattn.seismic import salt_mask
from mmattn.seismic.synthetic import SyntheticSurvey
from tests.tools.run_here import run_here

OPTIONS = dict(threshold=0.4, hysteresis=0.7, min_body=50)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sections as a grey PNG, one of equal colours and one with a palette; and what is no picture."""
    folder, survey = tmp_path_factory.mktemp('sections'), SyntheticSurvey(size=(64, 48), seed=4)
    for name, index, mode in (('a', 1, 'L'), ('b', 2, 'RGB'), ('c', 3, 'P')):
        Image.fromarray(survey.section(index).image).convert(mode).save(folder / f'{name}.png')
    (folder / 'notes.txt').write_text('no picture')
    return folder


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_a_folder_of_pictures(monkeypatch, capsys, tmp_path: Path, folder: Path):
    out, given = tmp_path / 'out', ('--threshold', 0.4, '--hysteresis', 0.7, '--min-body', 50)
    outcome = run_here(monkeypatch, capsys, 'predict_images.py', 'salt-synthetic', folder, '--out', out, *given)
    assert outcome.returncode == 0, outcome.stderr
    assert 'pictures: 3 of 3' in outcome.stderr
    model, survey = mmattn.load('salt-synthetic'), SyntheticSurvey(size=(64, 48), seed=4)
    table = {row['picture']: row for row in rows(out / 'salt.csv')}
    assert list(table) == ['a.png', 'b.png', 'c.png']
    for index, name in enumerate('abc', 1):
        probability = model(survey.section(index).image)
        mask = salt_mask(probability, **OPTIONS)
        np.testing.assert_array_equal(read(out / f'{name}_mask.png'), 255 * mask)
        assert np.abs(read(out / f'{name}_probability.png') / 255 - probability).max() <= 0.5 / 255 + 1e-6
        assert read(out / f'{name}_overlay.png').shape[0] > 100
        row = table[f'{name}.png']
        assert (row['samples'], row['traces'], row['salt_share']) == ('64', '48', f'{mask.mean():.4f}')
    assert (
        f'a.png: {float(table["a.png"]["salt_share"]):.1%} salt in {table["a.png"]["bodies"]} bodies' in outcome.stdout
    )
    again = run_here(monkeypatch, capsys, 'predict_images.py', 'salt-synthetic', folder, '--out', out, *given)
    assert (again.returncode, again.stderr.count('\n')) == (2, 1)
    assert 'out holds a prediction: go on with it (--resume), or give another folder' in again.stderr


def test_interrupted_it_goes_on(tmp_path: Path, folder: Path):
    calls, pictures = [], list_pictures([folder / 'b.png', folder / 'a.png'])

    def predict(grey: np.ndarray) -> np.ndarray:
        calls.append(grey)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.where(np.arange(48) < 12, 0.9, 0.1) * np.ones((64, 1))

    with pytest.raises(KeyboardInterrupt):
        predict_pictures(predict, pictures, tmp_path, about=dict(network='x'))
    assert [row['picture'] for row in rows(tmp_path / 'salt.csv')] == ['b.png']
    with pytest.raises(ValueError, match=r'cannot be gone on with: threshold was 0\.5, is 0\.6'):
        predict_pictures(predict, pictures, tmp_path, threshold=0.6, about=dict(network='x'), resume=True)
    with pytest.raises(ValueError, match='network was x, is y'):
        predict_pictures(predict, pictures, tmp_path, about=dict(network='y'), resume=True)
    seen = []
    found = predict_pictures(
        predict, pictures, tmp_path, about=dict(network='x'), resume=True, progress=lambda *done: seen.append(done)
    )
    assert (len(calls), seen) == (3, [(1, 2), (2, 2)])
    assert [(row['picture'], row['salt_share'], int(row['bodies'])) for row in found] == [
        ('b.png', '0.2500', 1),
        ('a.png', '0.2500', 1),
    ]


def test_pictures_that_cannot_be_are_named_before_the_work(tmp_path: Path, folder: Path):
    grey = read(folder / 'a.png')
    Image.fromarray(np.stack([grey, grey, 255 - grey], -1)).save(tmp_path / 'colours.png')
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / 'deep.png')
    (tmp_path / 'broken.png').write_bytes(b'no picture')
    for name, message in (
        ('colours.png', r'colours\.png is a colour image; expected grey'),
        ('deep.png', r'deep\.png: expected an 8-bit image, got uint16'),
        ('broken.png', r'broken\.png is not a readable image'),
    ):
        with pytest.raises(ValueError, match=message):
            predict_pictures(lambda grey: grey, list_pictures([folder / 'a.png', tmp_path / name]), tmp_path / 'out')
    with pytest.raises(ValueError, match=r'hysteresis must lie between the threshold, 0\.5, and 1, got 0\.2'):
        predict_pictures(lambda grey: grey, list_pictures([folder]), tmp_path / 'out', hysteresis=0.2)
    assert not (tmp_path / 'out').exists()


def test_what_is_no_picture_is_named(tmp_path: Path, folder: Path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png' is neither a picture nor a folder of pictures"):
        list_pictures([folder / 'gone.png'])
    with pytest.raises(ValueError, match=r'notes\.txt is no picture \(\.png, '):
        list_pictures([folder / 'notes.txt'])
    with pytest.raises(ValueError, match='holds no picture'):
        list_pictures([tmp_path])
    (tmp_path / 'a.png').write_bytes((folder / 'a.png').read_bytes())
    with pytest.raises(ValueError, match=r'a\.png and .*a\.png would have the same outputs'):
        list_pictures([folder, tmp_path])
