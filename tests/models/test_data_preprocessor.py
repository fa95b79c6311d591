"""Normalisation by survey and exact reflect padding."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmattn.models import SaltDataPreProcessor
from mmattn.models.data_preprocessor import reflect_indices


def sample(*size: int) -> SegDataSample:
    made = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    made.gt_sem_seg = PixelData(data=torch.ones(1, *size, dtype=torch.long))
    return made


@pytest.mark.parametrize(
    ('size', 'before', 'after'), [(5, 2, 3), (5, 4, 4), (3, 7, 8), (2, 3, 0), (1, 4, 4), (101, 13, 14)]
)
def test_reflection_equals_numpy(size: int, before: int, after: int):
    expected = np.pad(np.arange(size), (before, after), mode='reflect')
    assert reflect_indices(size, before, after).tolist() == expected.tolist()


def test_pads_evenly_and_normalises():
    image = torch.randint(0, 256, (1, 101, 90), dtype=torch.uint8)
    data = SaltDataPreProcessor(mean=100.0, std=50.0)(
        dict(inputs=[image], data_samples=[sample(101, 90)]), training=True
    )
    assert data['inputs'].shape == (1, 1, 128, 96)
    meta = data['data_samples'][0].metainfo
    assert meta['img_padding_size'] == (3, 3, 13, 14)
    assert meta['pad_shape'] == (128, 96)
    inner = data['inputs'][0, :, 13:-14, 3:-3]
    torch.testing.assert_close(inner, (image.float() - 100) / 50)
    expected = np.pad(image[0].numpy(), ((13, 14), (3, 3)), mode='reflect')
    torch.testing.assert_close(data['inputs'][0, 0] * 50 + 100, torch.from_numpy(expected).float(), rtol=0, atol=1e-3)
    label = data['data_samples'][0].gt_sem_seg.data
    assert label.shape == (1, 128, 96)
    assert (label == 1).sum() == 101 * 90
    assert (label == 255).sum() == 128 * 96 - 101 * 90


def test_images_of_several_sizes_share_a_batch():
    images = [torch.rand(2, 40, 30), torch.rand(2, 17, 64)]
    processor = SaltDataPreProcessor(mean=(0.0, 0.5), std=(1.0, 2.0), size_divisor=16)
    data = processor(dict(inputs=images, data_samples=[sample(40, 30), sample(17, 64)]))
    assert data['inputs'].shape == (2, 2, 48, 64)
    for index, image in enumerate(images):
        left, right, top, bottom = data['data_samples'][index].metainfo['img_padding_size']
        inner = data['inputs'][index, :, top : 48 - bottom, left : 64 - right]
        torch.testing.assert_close(inner[0], image[0])
        torch.testing.assert_close(inner[1], (image[1] - 0.5) / 2)


def test_testing_leaves_the_truth_as_it_is():
    data = SaltDataPreProcessor()(dict(inputs=[torch.rand(1, 50, 50)], data_samples=[sample(50, 50)]))
    assert data['data_samples'][0].gt_sem_seg.data.shape == (1, 50, 50)


def test_without_samples():
    assert SaltDataPreProcessor()(dict(inputs=torch.rand(2, 1, 33, 33)))['inputs'].shape == (2, 1, 64, 64)


def test_statistics_come_back_with_the_checkpoint_and_a_difference_is_said(monkeypatch: pytest.MonkeyPatch):
    said = []
    monkeypatch.setattr('mmattn.models.data_preprocessor.print_log', lambda text, logger: said.append(text))
    trained, other = SaltDataPreProcessor(mean=120.0, std=40.0), SaltDataPreProcessor(mean=1.0, std=40.0)
    other.load_state_dict(trained.state_dict())
    assert (other.mean.item(), other.std.item()) == (120.0, 40.0)
    assert len(said) == 1
    assert said[0].startswith("Amplitude mean [1.0] of the config gives way to the checkpoint's [120.0]")
    other.load_state_dict(trained.state_dict())
    assert len(said) == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(std=0.0), r'std must be positive.*std=\[0.0\]'),
        (dict(mean=(1.0, 2.0), std=1.0), 'of one length'),
        (dict(size_divisor=0), 'size_divisor must be at least 1, got 0'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SaltDataPreProcessor(**options)
