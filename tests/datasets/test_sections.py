"""What the datasets of salt sections share."""

import pytest

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
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'"):
        SyntheticSaltDataset(num_sections=1, **{option: 1})
