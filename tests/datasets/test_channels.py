"""RepeatSection and AddCoordinateChannels."""

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmattn.datasets import AddCoordinateChannels, RepeatSection

SECTION = np.arange(15, dtype=np.uint8).reshape(3, 5)


def test_a_section_becomes_equal_channels():
    image = TRANSFORMS.build(dict(type='RepeatSection'))(dict(img=SECTION))['img']
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.uint8
    assert all((image[..., channel] == SECTION).all() for channel in range(3))
    assert RepeatSection(channels=2)(dict(img=SECTION))['img'].shape == (3, 5, 2)


def test_coordinates_run_from_minus_one_to_one():
    image = TRANSFORMS.build(dict(type='AddCoordinateChannels'))(dict(img=SECTION))['img']
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[..., 0], SECTION)
    np.testing.assert_array_equal(image[..., 1], np.repeat([[-1.0], [0.0], [1.0]], 5, axis=1))
    np.testing.assert_array_equal(image[..., 2], [[-1.0, -0.5, 0.0, 0.5, 1.0]] * 3)


def test_the_axes_are_those_asked_for_in_their_order():
    both = AddCoordinateChannels(axes=('column', 'row'))(dict(img=SECTION[..., None]))['img']
    np.testing.assert_array_equal(both[0, :, 1], [-1.0, -0.5, 0.0, 0.5, 1.0])
    rows = AddCoordinateChannels(axes=['row'])(dict(img=np.zeros((1, 4, 3))))['img']
    assert rows.shape == (1, 4, 4)
    assert (rows[..., 3] == 0).all()  # one row lies in the middle


def test_a_crop_keeps_the_coordinates_of_the_tile():
    sample = AddCoordinateChannels()(dict(img=np.zeros((9, 9), np.uint8), img_shape=(9, 9)))
    np.random.seed(3)
    image = TRANSFORMS.build(dict(type='RandomCrop', crop_size=(4, 4)))(sample)['img']
    np.testing.assert_allclose(np.diff(image[:, 0, 1]), 0.25)
    assert image[-1, 0, 1] - image[0, 0, 1] == pytest.approx(0.75)


@pytest.mark.parametrize('channels', [0, 1.5, True])
def test_refused_numbers_of_channels(channels):
    with pytest.raises((TypeError, ValueError), match=f'channels must be (at least 1|an integer), got {channels}'):
        RepeatSection(channels=channels)


def test_only_a_section_is_repeated():
    with pytest.raises(ValueError, match=r'expected a section \(H, W\), got shape \(3, 5, 1\)'):
        RepeatSection()(dict(img=SECTION[..., None]))


@pytest.mark.parametrize('axes', [(), 'row', ('row', 'row'), ('depth',)])
def test_refused_axes(axes):
    with pytest.raises(ValueError, match=r"axes must be some of \('row', 'column'\), each once, got "):
        AddCoordinateChannels(axes=axes)
