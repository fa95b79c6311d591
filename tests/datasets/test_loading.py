"""LoadSaltAnnotations and AddDepthChannel."""

import numpy as np
import pytest
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from mmattn.datasets import AddDepthChannel, LoadSaltAnnotations
from mmattn.seismic.tiles.rle import encode_rle
from tests.seismic.tgs_files import png

MASK = (np.add.outer(np.arange(6), np.arange(9)) > 7).astype(np.uint8)
IMAGE = np.zeros((6, 9, 3), np.uint8)


@pytest.mark.parametrize('stored', [MASK * 255, MASK.astype(np.uint16) * 65535], ids=['8 bit', '16 bit'])
def test_mask_from_png(stored, tmp_path):
    (tmp_path / 'a.png').write_bytes(png(stored))
    load = TRANSFORMS.build(dict(type='LoadSaltAnnotations'))
    results = load(dict(img=IMAGE, seg_map_path=str(tmp_path / 'a.png'), label_map=None, seg_fields=[]))
    np.testing.assert_array_equal(results['gt_seg_map'], MASK)
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['seg_fields'] == ['gt_seg_map']
    packed = PackSegInputs(meta_keys=('seg_map_path',))(results)
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 6, 9)


def test_mask_from_run_lengths():
    results = LoadSaltAnnotations()(dict(img=IMAGE, rle_mask=encode_rle(MASK)))
    np.testing.assert_array_equal(results['gt_seg_map'], MASK)
    assert results['seg_fields'] == ['gt_seg_map']
    assert LoadSaltAnnotations()(dict(img=IMAGE, rle_mask=''))['gt_seg_map'].sum() == 0


def test_label_map_is_applied():
    results = LoadSaltAnnotations()(dict(img=IMAGE, rle_mask=encode_rle(MASK), label_map={0: 255, 1: 0}))
    np.testing.assert_array_equal(results['gt_seg_map'], np.where(MASK, 0, 255))


def test_samples_without_label_pass_untouched():
    results = dict(img=IMAGE, img_path='a.png')
    assert LoadSaltAnnotations()(dict(results)) == results


def test_refused_masks(tmp_path):
    load = LoadSaltAnnotations()
    path = str(tmp_path / 'a.png')
    (tmp_path / 'a.png').write_bytes(png(MASK))
    with pytest.raises(ValueError, match=r'mask .*a.png has the size \(6, 9\), its image t1 \(8, 8\)'):
        load(dict(img=np.zeros((8, 8, 3)), img_id='t1', seg_map_path=path))
    (tmp_path / 'a.png').write_bytes(png(MASK + np.eye(6, 9, dtype=np.uint8) * 2))
    with pytest.raises(ValueError, match=r'mask .*a.png holds the values 0, 1, 2'):
        load(dict(img=IMAGE, seg_map_path=path))
    with pytest.raises(ValueError, match='rle_mask of tile t1: run 50 9 leaves the mask'):
        load(dict(img=IMAGE, img_id='t1', rle_mask='50 9'))
    with pytest.raises(KeyError, match='put LoadImageFromFile first'):
        load(dict(rle_mask='1 1'))


@pytest.mark.parametrize(('image', 'channels'), [(IMAGE + 7, 3), (IMAGE[..., 0] + 7, 1)])
def test_depth_becomes_a_channel(image, channels):
    img = TRANSFORMS.build(dict(type='AddDepthChannel'))(dict(img=image, depth=250.0))['img']
    assert img.shape == (6, 9, channels + 1)
    assert img.dtype == np.float32
    assert (img[..., :channels] == 7).all()
    assert (img[..., channels] == 0.25).all()


def test_missing_depth():
    with pytest.raises(ValueError, match=r'tile t1 has no depth; add it to depths.csv or set AddDepthChannel'):
        AddDepthChannel()(dict(img=IMAGE, depth=None, img_id='t1'))
    assert AddDepthChannel(max_depth=500, default=100)(dict(img=IMAGE))['img'][0, 0, 3] == np.float32(0.2)
    assert AddDepthChannel(default=100)(dict(img=IMAGE, depth=0.0))['img'][0, 0, 3] == 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(max_depth=0), 'max_depth must be a positive number, got 0'),
        (dict(max_depth='deep'), "max_depth must be a positive number, got 'deep'"),
        (dict(default=float('nan')), 'default must be None or a number, got nan'),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(ValueError, match=message):
        AddDepthChannel(**options)


def resized(**fields: object) -> dict:
    """A sample whose image was made twice as large after it was loaded."""
    return dict(img=np.zeros((12, 18, 3), np.uint8), img_id='t1', ori_shape=(6, 9), img_shape=(12, 18), **fields)


@pytest.mark.parametrize('kind', ['png', 'rle', 'memory'])
def test_in_testing_the_label_keeps_the_original_size(kind: str, tmp_path):
    (tmp_path / 'a.png').write_bytes(png(MASK))
    label = dict(png=dict(seg_map_path=str(tmp_path / 'a.png')), rle=dict(rle_mask=encode_rle(MASK)))
    fields = label.get(kind) or dict(gt_seg_map=MASK)
    for more in (dict(test_mode=True), {}):
        np.testing.assert_array_equal(LoadSaltAnnotations()(resized(**fields, **more))['gt_seg_map'], MASK)
    with pytest.raises(ValueError, match=r'image of t1 was resized from \(6, 9\) to \(12, 18\) before its mask'):
        LoadSaltAnnotations()(resized(**fields, test_mode=False))
