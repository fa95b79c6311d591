"""Views of whole batches, against the transforms that do the same to one section after another."""

import mmcv
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmattn.models import SaltDataPreProcessor, SectionAugmentation
from mmattn.models.preprocessing.section_augmentation import Views

SIZE = 45, 61  # height, width


def sections(count: int = 3, channels: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth sections, and labels in blocks."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, channels, 7, 9, generator=generator) * 255
    images = torch.nn.functional.interpolate(coarse, SIZE, mode='bicubic')
    return images, (images[:, :1] > 128).long()


def views(count: int, size: tuple[int, int] = SIZE, offset: tuple[int, int] = (0, 0), **options) -> Views:
    flip, gain = options.get('flip', False), options.get('gain', 1.0)
    return Views(
        torch.tensor([size] * count),
        torch.tensor([offset] * count),
        torch.full((count,), flip),
        torch.full((count,), gain, dtype=torch.float64),
    )


def test_the_default_changes_nothing():
    images, labels = sections()
    made, made_labels = SectionAugmentation()(images, labels)
    torch.testing.assert_close(made, images, rtol=0, atol=1e-2)
    assert torch.equal(made_labels, labels)


@pytest.mark.parametrize('size', [(60, 82), (45, 61), (33, 45)])
@pytest.mark.parametrize('flip', [False, True])
def test_equals_scaling_cropping_flipping_and_gain_by_mmcv(size: tuple[int, int], flip: bool):
    images, labels = sections()
    crop, offset = (30, 40), (2, 4)
    augment = SectionAugmentation(crop_size=crop, center=100.0)
    made, made_labels = augment.apply_views(images, labels, views(3, size, offset, flip=flip, gain=-0.5))
    for index, image in enumerate(images):
        expected = mmcv.imresize(image.permute(1, 2, 0).numpy(), size[::-1])
        expected = expected[offset[0] : offset[0] + crop[0], offset[1] : offset[1] + crop[1]]
        expected = expected[:, ::-1] if flip else expected
        expected = torch.from_numpy(100 - 0.5 * (expected - 100)).permute(2, 0, 1)
        torch.testing.assert_close(made[index], expected, rtol=0, atol=1e-2)
    # the nearest sample: where the image at the labels' places is far from what divides them, they agree with it
    clear = (made[:, :1] - (100 - 0.5 * (128 - 100))).abs() > 12
    assert clear.float().mean() > 0.5
    assert torch.equal((made[:, :1] < 86)[clear].long(), made_labels[clear])


def test_labels_take_the_nearest_sample():
    labels = torch.arange(6)[None, None, None].repeat(1, 1, 2, 1)
    augment = SectionAugmentation(crop_size=(2, 9))
    taken = augment.apply_views(torch.zeros(1, 1, 2, 6), labels, views(1, (2, 9)))[1]
    assert taken[0, 0, 0].tolist() == [0, 1, 1, 2, 3, 3, 4, 5, 5]  # places (0.5, 1.5, …) * 6 / 9
    taken = augment.apply_views(torch.zeros(1, 1, 2, 6), labels, views(1, (2, 18), (0, 3)))[1]
    assert taken[0, 0, 1].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_section_below_the_crop_is_reflected_and_its_surroundings_ignored():
    images, labels = sections()
    augment = SectionAugmentation(crop_size=(55, 61))
    made, made_labels = augment.apply_views(images, labels, views(3, offset=(-5, 0)), ignore_index=9)
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), (5, 5), (0, 0)), mode='reflect')
    torch.testing.assert_close(made, torch.from_numpy(expected), rtol=0, atol=1e-2)
    assert torch.equal(made_labels[:, :, 5:-5], labels)
    assert (made_labels[:, :, :5] == 9).all()
    assert (made_labels[:, :, -5:] == 9).all()


@pytest.mark.parametrize('own', [(1, 1), (1, 7), (2, 1)])
def test_the_smallest_sections(own: tuple[int, int]):
    images, labels = torch.rand(2, 1, *own), torch.ones(2, 1, *own, dtype=torch.long)
    made, made_labels = SectionAugmentation(ratio_range=(0.4, 3.0), crop_size=(5, 4), flip_prob=0.5)(images, labels)
    assert made.shape == made_labels.shape == (2, 1, 5, 4)
    assert made.min() >= images.min() - 1e-4
    assert made.max() <= images.max() + 1e-4
    assert set(made_labels.unique().tolist()) <= {1, 255}


def test_draws_within_the_ranges_and_by_the_seed():
    augment = SectionAugmentation(
        scale=(101, 101),
        ratio_range=(0.8, 1.4),
        crop_size=(101, 101),
        flip_prob=0.25,
        gain=(0.5, 2.0),
        polarity_prob=0.1,
    )
    torch.manual_seed(0)
    drawn = augment.draw(20_000, (101, 101))
    size, offset = drawn.size[:, 0], drawn.offset[:, 0]
    assert torch.equal(drawn.size[:, 0], drawn.size[:, 1])
    assert (size.min(), size.max()) == (80, 141)
    assert abs(size.float().mean() - 110.6) < 0.5  # the floor of a uniform number between 80.8 and 141.4
    assert (offset[size >= 101] >= 0).all()
    assert (offset <= (size - 101).clamp(min=0)).all()
    assert torch.equal(offset[size < 101], -((101 - size[size < 101]) // 2))
    largest = size - 101 >= 30
    assert abs((offset / (size - 101))[largest].mean() - 0.5) < 0.01
    assert (drawn.offset[:, 0] != drawn.offset[:, 1]).any()
    assert abs(drawn.flip.float().mean() - 0.25) < 0.01
    assert abs((drawn.gain < 0).float().mean() - 0.1) < 0.01
    assert 0.5 <= drawn.gain.abs().min() < 0.51
    assert 1.98 < drawn.gain.abs().max() <= 2.0
    assert abs(drawn.gain.abs().log().mean()) < 0.01
    torch.manual_seed(0)
    assert torch.equal(augment.draw(20_000, (101, 101)).gain, drawn.gain)


def test_other_shapes_are_fitted_as_mmcv_fits_them():
    augment = SectionAugmentation(scale=(90, 50), ratio_range=(0.7, 1.3), crop_size=(20, 20))
    torch.manual_seed(1)
    ratios = torch.rand(6, 64, dtype=torch.float64)[0] * (1.3 - 0.7) + 0.7
    torch.manual_seed(1)
    drawn = augment.draw(64, SIZE)
    for ratio, size in zip(ratios.tolist(), drawn.size.tolist()):
        assert tuple(size[::-1]) == mmcv.rescale_size(SIZE[::-1], (int(90 * ratio), int(50 * ratio)))


def batch(*sizes: tuple[int, int]) -> dict:
    samples = [SegDataSample(metainfo=dict(ori_shape=size, img_shape=size)) for size in sizes]
    for sample, size in zip(samples, sizes):
        sample.gt_sem_seg = PixelData(data=torch.ones(1, *size, dtype=torch.long))
    return dict(inputs=[torch.full((1, *size), 200, dtype=torch.uint8) for size in sizes], data_samples=samples)


@pytest.mark.parametrize('sizes', [((50, 50), (50, 50)), ((50, 50), (90, 20))])
def test_the_preprocessor_augments_in_training_only(sizes: tuple[tuple[int, int], ...]):
    augment = dict(type='SectionAugmentation', crop_size=(40, 40), gain=(0.5, 0.5))
    processor = SaltDataPreProcessor(mean=100.0, std=50.0, size_divisor=32, augment=augment)
    data = batch(*sizes)
    made = processor(data, training=True)
    assert made['inputs'].shape == (2, 1, 64, 64)
    torch.testing.assert_close(made['inputs'], torch.full((2, 1, 64, 64), (128 + 36 - 100) / 50), rtol=0, atol=1e-5)
    first = made['data_samples'][0]
    assert first.img_padding_size == (12, 12, 12, 12)
    assert (first.gt_sem_seg.data == 1).sum() == 40 * 40
    assert (first.gt_sem_seg.data == 255).sum() == 64 * 64 - 40 * 40
    assert first.img_shape == (40, 40)
    assert data['data_samples'][0].gt_sem_seg.shape == (50, 50)
    tested = processor(data, training=False)
    assert tested['inputs'].max() == 2.0
    assert tested['data_samples'][0].img_shape == (50, 50)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(scale=(101,)), ValueError, r'scale must have 2 numbers, got \(101,\)'),
        (dict(ratio_range=(1.4, 0.8)), ValueError, r'ratio_range must be two finite numbers, the lower first'),
        (dict(ratio_range=1.4), ValueError, 'ratio_range must be two numbers, the lower first, got 1.4'),
        (dict(crop_size=(0, 5)), ValueError, 'crop_size must be at least 1, got 0'),
        (dict(flip_prob=1.5), ValueError, 'flip_prob must be from 0 to 1, got 1.5'),
        (dict(gain=(0.0, 1.0)), ValueError, 'gain must be above 0, got 0.0'),
        (dict(polarity_prob='no'), TypeError, "polarity_prob must be a number, got 'no'"),
        (dict(center=float('nan')), ValueError, 'center must be finite, got nan'),
    ],
)
def test_wrong_options_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        SectionAugmentation(**options)
