"""Tiles and made-up surveys as volumes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmattn.viewer.lines import directions, name_of
from mmattn.viewer.survey import open_survey
from mmattn.viewer.tiles import make_up, open_tiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three tiles of 10 x 7, the second without a mask."""
    for name in ('images', 'masks'):
        (tmp_path / name).mkdir()
    for number, name in enumerate('abc'):
        grey = np.full((10, 7), 100 + number, np.uint8)
        grey[2, 5] = 0
        Image.fromarray(grey).save(tmp_path / 'images' / f'{name}.png')
        if name != 'b':
            Image.fromarray((grey > 0).astype(np.uint16) * 65535).save(tmp_path / 'masks' / f'{name}.png')
    return tmp_path


def test_tiles_are_sections(folder: Path):
    with open_survey(folder) as survey:
        volume, label = survey.volume, survey.label
        assert volume.shape == label.shape == (3, 7, 10)
        assert (volume.names, volume.name, directions(volume)) == (('a', 'b', 'c'), folder.name, ('iline',))
        assert (name_of(volume, 'iline'), name_of(volume, 'xline')) == ('tile', 'trace')
        assert volume.section('iline', 2)[5, 2] == -128
        assert volume.section('iline', 2)[0, 0] == 102 - 128
        assert label.section('iline', 0)[5, 2] == 0
        assert label.section('iline', 0).sum() == 69
        assert (label.section('iline', 1) == 255).all()


def test_pictures_alone(folder: Path):
    volume, label = open_tiles(folder / 'images')
    assert label is None
    assert volume.shape == (3, 7, 10)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('d.png', b'no picture', r'd.png is no readable picture'),
        ('e.png', None, r'e.png is 4 x 5, the others are 10 x 7'),
    ],
)
def test_wrong_pictures(folder: Path, name: str, content: bytes | None, message: str):
    path = folder / 'images' / name
    path.write_bytes(content) if content else Image.fromarray(np.zeros((4, 5), np.uint8)).save(path)
    with pytest.raises(ValueError, match=message):
        open_survey(folder)


def test_a_folder_without_pictures(tmp_path: Path):
    with pytest.raises(ValueError, match=r'holds no pictures \(.png\), nor does its folder images'):
        open_survey(tmp_path)


def test_options_of_segy_are_refused(folder: Path):
    with pytest.raises(ValueError, match='iline: options of SEG-Y files, but'):
        open_survey(folder, iline=9)


def test_a_made_up_survey(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('mmattn.viewer.tiles._SHAPE', (3, 20, 24))
    with open_survey('synthetic:5') as survey:
        assert survey.volume.shape == survey.label.shape == (3, 20, 24)
        assert directions(survey.volume) == ('iline', 'xline', 'time')
        assert survey.volume.name == 'synthetic:5'
        again, _ = make_up('synthetic:5')
        assert np.array_equal(again.section('iline', 1), survey.volume.section('iline', 1))
        other, _ = make_up('synthetic')
        assert not np.array_equal(other.section('iline', 1), survey.volume.section('iline', 1))
