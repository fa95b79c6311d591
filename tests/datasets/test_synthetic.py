"""The synthetic survey as a dataset of addresses."""

import logging

import mmcv
import mmengine.fileio as fileio
import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmattn.datasets import SyntheticSaltDataset
from mmattn.seismic.synthetic import SyntheticSurvey

PIPELINE = [
    dict(type='LoadImageFromFile', color_type='grayscale'),
    dict(type='LoadSaltAnnotations'),
    dict(type='PackSegInputs'),
]


def test_the_usual_pipeline_gives_the_sections_of_the_survey():
    dataset = DATASETS.build(
        dict(type='SyntheticSaltDataset', num_sections=5, size=(40, 56), seed=7, pipeline=PIPELINE, test_mode=True)
    )
    survey = SyntheticSurvey((40, 56), seed=7)
    assert len(dataset) == 5
    for index in range(5):
        sample, section = dataset[index], survey.section(index)
        assert np.array_equal(sample['inputs'][0].numpy(), section.image)
        assert np.array_equal(sample['data_samples'].gt_sem_seg.data[0].numpy(), section.mask)


def test_names_tell_sections_apart():
    dataset = SyntheticSaltDataset(num_sections=3, seed=4)
    assert [dataset.get_data_info(index)['img_id'] for index in range(3)] == [f'synthetic_4_00000{i}' for i in range(3)]
    assert dataset.metainfo['classes'] == ('background', 'salt')


def test_an_address_is_an_image_to_anything_that_reads_images():
    image = mmcv.imfrombytes(fileio.get('synthetic://33x44/1/image/000012.png'), flag='unchanged')
    assert image.shape == (33, 44)
    assert image.std() > 5


@pytest.mark.parametrize('address', ['synthetic://33x44/1/image.png', 'synthetic://33/1/mask/0.png'])
def test_a_wrong_address_is_named(address: str):
    with pytest.raises(ValueError, match='is no synthetic section; expected synthetic://HEIGHTxWIDTH'):
        fileio.get(address)


@pytest.mark.parametrize('number', [0, -3, 2.5, True])
def test_a_wrong_number_is_named(number):
    with pytest.raises((TypeError, ValueError), match=f'num_sections must be (at least 1|an integer), got {number}'):
        SyntheticSaltDataset(num_sections=number)


def test_says_loudly_that_the_data_are_synthetic(monkeypatch: pytest.MonkeyPatch):
    said = []
    monkeypatch.setattr(
        'mmattn.datasets.synthetic.print_log', lambda text, *, logger, level: said.append((text, level))
    )
    SyntheticSaltDataset(num_sections=3, note='Set SALT_DATA for more.')
    (text, level) = said[0]
    assert text.startswith('SYNTHETIC DATA: 3 sections of 101 x 101')
    assert text.endswith('No real data are read. Set SALT_DATA for more.')
    assert level == logging.WARNING
