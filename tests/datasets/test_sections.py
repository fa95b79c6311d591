"""What the datasets of salt sections share."""

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmattn.datasets import SaltDataset, SegySaltDataset, SyntheticSaltDataset


def test_options_of_the_base_class_reach_it():
    dataset = SyntheticSaltDataset(num_sections=5, indices=[3, 1], test_mode=True, ignore_index=254, lazy_init=True)
    assert (dataset.test_mode, dataset.ignore_index, dataset.max_refetch) == (True, 254, 1000)
    dataset.full_init()
    assert [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))] == [
        'synthetic_0_000003',
        'synthetic_0_000001',
    ]
    assert dataset.metainfo['classes'] == ('background', 'salt')
    assert SaltDataset.METAINFO == SegySaltDataset.METAINFO == SyntheticSaltDataset.METAINFO


@pytest.mark.parametrize('option', ['piepline', 'img_suffix', 'reduce_zero_label'])
def test_options_that_are_unknown_or_of_no_use_are_errors(option: str):
    with pytest.raises(TypeError, match=f"SyntheticSaltDataset has no option '{option}'"):
        SyntheticSaltDataset(num_sections=1, **{option: 1})


@pytest.mark.parametrize('classes', [('salt', 'background'), ('salt',)])
def test_salt_is_class_one(classes: tuple[str, ...]):
    with pytest.raises(ValueError, match=r'SyntheticSaltDataset: metainfo classes must be .*label 1 is salt'):
        SyntheticSaltDataset(num_sections=1, metainfo=dict(classes=classes))


def test_sections_with_salt_can_be_drawn_more_often():
    """ClassBalancedDataset asks for the classes of each section."""
    pipeline = [dict(type='LoadSaltSection'), dict(type='LoadSaltAnnotations')]
    inner = dict(type='SyntheticSaltDataset', num_sections=12, size=(32, 32), seed=3, pipeline=pipeline)
    dataset = DATASETS.build(dict(type='ClassBalancedDataset', dataset=inner, oversample_thr=0.9))
    found = [dataset.dataset.get_cat_ids(index) for index in range(12)]
    labels = [np.unique(dataset.dataset[index]['gt_seg_map']).tolist() for index in range(12)]
    assert found == labels
    share = np.mean([1 in ids for ids in found])
    assert 0 < share < 0.9
    times = [dataset.repeat_indices.count(index) for index in range(12)]
    assert all(
        times[index] == (int(np.ceil(np.sqrt(0.9 / share))) if 1 in ids else 1) for index, ids in enumerate(found)
    )


def test_classes_of_run_lengths_and_unknown_pixels(monkeypatch):
    dataset = SyntheticSaltDataset(num_sections=1)
    samples = [
        dict(img=np.zeros((4, 5), np.uint8), rle_mask='1 3'),
        dict(img=np.zeros((4, 5), np.uint8), rle_mask=''),
        dict(img=np.zeros((4, 5), np.uint8), gt_seg_map=np.full((4, 5), 255, np.uint8)),
        dict(img=np.zeros((4, 5), np.uint8)),
    ]
    monkeypatch.setattr(dataset, 'get_data_info', lambda index: samples[index])
    assert [dataset.get_cat_ids(index) for index in range(4)] == [[0, 1], [0], [], []]
