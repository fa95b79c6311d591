"""Volumes that do not belong together are refused by name."""

import numpy as np
import pytest

from mmattn.seismic import ArrayVolume
from mmattn.viewer.survey import open_survey, usual_clip
from tests.seismic.segy_files import grid_file, make_cube
from tests.viewer.surveys import SHAPE, write_survey


def test_opens_all(tmp_path):
    with open_survey(**write_survey(tmp_path), clip=2.5) as survey:
        assert (survey.volume.shape, survey.clip) == (SHAPE, 2.5)
        assert survey.probability.shape == survey.label.shape == SHAPE


def test_usual_clip_is_the_percentile_of_what_is_there():
    cube = np.zeros((3, 3, 50), np.float32)
    cube[0] = np.random.default_rng(0).normal(size=(3, 50))
    assert usual_clip(ArrayVolume(cube)) == pytest.approx(np.percentile(np.abs(cube[0]), 99.5))
    assert usual_clip(ArrayVolume(np.zeros((2, 2, 5), np.float32))) == 1


def test_header_words_are_shared_with_a_probability_in_segy(tmp_path):
    for name in 'ab':
        grid_file(np.abs(make_cube()) / 9, bytes=(9, 21)).write(tmp_path / f'{name}.sgy')
    with open_survey(tmp_path / 'a.sgy', probability=tmp_path / 'b.sgy', iline=9, xline=21, sample_interval=2) as one:
        assert one.probability.shape == (4, 5, 12)


@pytest.mark.parametrize('option', ['probability', 'label'])
def test_another_grid(tmp_path, option: str):
    np.save(tmp_path / 'a.npy', np.zeros((6, 7, 21)))
    with pytest.raises(ValueError, match=rf'{option} a\.npy must be on the grid of survey\.sgy, 6 x 7 x 20 of inl'):
        open_survey(**{**write_survey(tmp_path), option: tmp_path / 'a.npy'})


def test_other_line_numbers(tmp_path):
    grid_file(np.zeros(SHAPE, np.float32)).write(tmp_path / 'a.sgy')
    with pytest.raises(ValueError, match=r'it has 6 x 7 x 20 of inlines 10 to 15, crosslines 300 to 306'):
        open_survey(write_survey(tmp_path)['path'], probability=tmp_path / 'a.sgy')


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('probability', 1.5, r'probability .* must hold values from 0 to 1, got 1.5 among 0 to 1.5'),
        ('label', 2, r'label .* must hold values 0 \(background\), 1 \(salt\) and 255 \(unknown\) alone, got 2'),
    ],
)
def test_other_values(tmp_path, option: str, value: float, message: str):
    values = np.zeros(SHAPE, np.float32)
    values[:, 3, 4] = value
    np.save(tmp_path / 'a.npy', values)
    with pytest.raises(ValueError, match=message):
        open_survey(**{**write_survey(tmp_path), option: tmp_path / 'a.npy'})


def test_a_wrong_clip(tmp_path):
    with pytest.raises(ValueError, match='clip must be above 0, got -1'):
        open_survey(write_survey(tmp_path)['path'], clip=-1)
