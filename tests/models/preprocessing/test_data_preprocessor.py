"""Normalisation by survey and exact reflect padding."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmattn.models import SaltDataPreProcessor
from mmattn.models.preprocessing.data_preprocessor import reflect_indices


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


def test_each_section_by_itself():
    random = torch.Generator().manual_seed(0)
    images = [255 * torch.rand(1, 40, 30, generator=random), 128 + torch.rand(1, 40, 30, generator=random)]
    flat = torch.full((1, 40, 30), 77.0)
    preprocessor = SaltDataPreProcessor(per_section=True, size_divisor=8)
    inputs = preprocessor(dict(inputs=[*images, flat]))['inputs'][:, :, :, 1:-1]
    for image, given in zip(images, inputs):
        torch.testing.assert_close(given, (image - image.mean()) / image.std(correction=0), rtol=1e-4, atol=1e-4)
    assert not inputs[2].any()
    louder = preprocessor(dict(inputs=[40 + 0.1 * image for image in images]))['inputs'][:, :, :, 1:-1]
    torch.testing.assert_close(louder, inputs[:2], rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match=r'per_section=True takes no mean and std, got mean=\[128.0\]'):
        SaltDataPreProcessor(per_section=True, mean=128.0)
    with pytest.raises(TypeError, match="per_section must be True or False, got 'no'"):
        SaltDataPreProcessor(per_section='no')


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


def test_enlarges_section_and_label():
    image, own = torch.rand(1, 101, 90), sample(101, 90)
    own.gt_sem_seg.data[:, :, 40:] = 0
    data = SaltDataPreProcessor(enlarge=2, size_divisor=64)(dict(inputs=[image], data_samples=[own]), training=True)
    assert data['inputs'].shape == (1, 1, 256, 192)
    left, right, top, bottom = data['data_samples'][0].metainfo['img_padding_size']
    assert (left, right, top, bottom) == (6, 6, 27, 27)
    inner = data['inputs'][0, :, top:-bottom, left:-right]
    means = torch.nn.functional.avg_pool2d(inner, 2)[:, 1:-1, 1:-1]
    # bilinear at twice the resolution: the mean of a pixel's four is a blur of its neighbours, by 1/8, 6/8, 1/8 an axis
    line = torch.tensor([1.0, 6.0, 1.0]) / 8
    blurred = torch.nn.functional.conv2d(image[None], torch.outer(line, line)[None, None])[0]
    torch.testing.assert_close(means, blurred)
    label = data['data_samples'][0].gt_sem_seg.data[:, top:-bottom, left:-right]
    assert label.shape == (1, 202, 180)
    assert (label[:, :, :80] == 1).all()
    assert (label[:, :, 80:] == 0).all()


class Itself(BaseModule):
    """A backbone whose one map is its input."""

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        return [inputs]


def test_predictions_of_enlarged_sections_have_their_own_size():
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SaltDataPreProcessor', mean=0.5, std=0.1, enlarge=2, size_divisor=64),
            backbone=dict(type=Itself),
            test_cfg=ConfigDict(mode='whole'),
            decode_head=dict(
                type='FCNHead',
                in_channels=1,
                in_index=0,
                channels=1,
                num_convs=0,
                concat_input=False,
                num_classes=2,
                out_channels=1,
                threshold=0.5,
            ),
        )
    )
    torch.nn.init.constant_(model.decode_head.conv_seg.weight, 1.0)
    torch.nn.init.zeros_(model.decode_head.conv_seg.bias)
    image = torch.zeros(1, 101, 77)
    image[:, 30:60, 20:50] = 1.0
    made = model.eval().test_step(dict(inputs=[image], data_samples=[sample(101, 77)]))[0]
    assert made.pred_sem_seg.data.shape == (1, 101, 77)
    assert torch.equal(made.pred_sem_seg.data, image)


def test_testing_leaves_the_truth_as_it_is():
    data = SaltDataPreProcessor()(dict(inputs=[torch.rand(1, 50, 50)], data_samples=[sample(50, 50)]))
    assert data['data_samples'][0].gt_sem_seg.data.shape == (1, 50, 50)


def test_without_samples():
    assert SaltDataPreProcessor()(dict(inputs=torch.rand(2, 1, 33, 33)))['inputs'].shape == (2, 1, 64, 64)


def test_statistics_come_back_with_the_checkpoint_and_a_difference_is_said(monkeypatch: pytest.MonkeyPatch):
    said = []
    monkeypatch.setattr(
        'mmattn.models.preprocessing.data_preprocessor.print_log', lambda text, logger: said.append(text)
    )
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
        (dict(enlarge=0), 'enlarge must be a whole number from 1, got 0'),
        (dict(enlarge=1.5), 'enlarge must be a whole number from 1, got 1.5'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SaltDataPreProcessor(**options)


def test_sections_of_several_sizes_in_a_batch_are_said_once(monkeypatch: pytest.MonkeyPatch):
    said = []
    monkeypatch.setattr('mmattn.models.preprocessing.data_preprocessor.print_log', lambda text, **_: said.append(text))
    preprocessor = SaltDataPreProcessor()
    same, several = [torch.zeros(1, 40, 30)] * 2, [torch.zeros(1, 40, 30), torch.zeros(1, 20, 50)]
    preprocessor(dict(inputs=same))
    preprocessor(dict(inputs=several), training=True)
    assert not said
    preprocessor(dict(inputs=several))
    preprocessor(dict(inputs=several))
    assert len(said) == 1
    assert said[0].startswith('sections of 2 sizes, (20, 50) to (40, 30), are in one batch')
