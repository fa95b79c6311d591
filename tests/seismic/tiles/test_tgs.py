"""Tables, tile folders, images and masks of the TGS layout."""

import struct
import zlib

import numpy as np
import pytest

from mmattn.seismic.tiles.tgs import (
    check_picture,
    list_tiles,
    read_depths,
    read_folds,
    read_groups,
    read_image,
    read_mask,
    read_rles,
)
from tests.seismic.tgs_files import png

MASK = np.array([[0, 1, 1], [0, 0, 1]], dtype=np.uint8)


@pytest.mark.parametrize(
    'stored',
    [MASK, MASK * 255, MASK.astype(np.uint16) * 65535, MASK.astype(bool), np.repeat(MASK[..., None] * 255, 3, axis=2)],
    ids=['8 bit 0/1', '8 bit 0/255', '16 bit', '1 bit', 'grey as colour'],
)
def test_masks_of_any_depth_become_0_and_1(stored, tmp_path):
    (tmp_path / 'm.png').write_bytes(png(stored))
    for source in (tmp_path / 'm.png', png(stored)):
        mask = read_mask(source)
        np.testing.assert_array_equal(mask, MASK)
        assert mask.dtype == np.uint8


def test_all_salt_and_no_salt_are_masks():
    assert read_mask(png(np.full((2, 2), 255, np.uint8))).sum() == 4
    assert read_mask(png(np.zeros((2, 2), np.uint16))).sum() == 0


def test_mask_of_three_values_is_refused_by_name():
    with pytest.raises(ValueError, match=r'mask abc.png holds the values 0, 127, 255; expected 0 and one value above'):
        read_mask(png(np.array([[0, 127, 255]], np.uint8)), name='abc.png')


def test_unreadable_and_colour_images_are_refused():
    with pytest.raises(ValueError, match=r'x.png is not a readable image'):
        read_image(b'no image', name='x.png')
    with pytest.raises(ValueError, match=r'x.png is not a readable image'):
        read_mask(png(np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.uint8))[:80], name='x.png')
    with pytest.raises(ValueError, match=r'x.png is a colour image'):
        read_image(png(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)), name='x.png')
    with pytest.raises(ValueError, match=r'x.png: expected an 8-bit image, got uint16'):
        read_image(png(np.array([[0, 300]], np.uint16)), name='x.png')


def test_tables(tmp_path):
    (tmp_path / 'train.csv').write_text('id,rle_mask\na,1 2\nb,\n')
    (tmp_path / 'depths.csv').write_text('id,z\nb,7.5\na,\n')
    (tmp_path / 'folds.csv').write_text('id,group,fold,coverage\na,m1,3,0.25\n')
    assert read_rles(tmp_path / 'train.csv') == {'a': '1 2', 'b': ''}
    assert read_depths(tmp_path / 'depths.csv') == {'b': 7.5}
    assert read_folds(tmp_path / 'folds.csv')['a'] == ('m1', 3, 0.25)
    assert read_groups(tmp_path / 'folds.csv') == {'a': 'm1'}


@pytest.mark.parametrize(
    ('read', 'text', 'message'),
    [
        (read_rles, 'id,mask\na,\n', "its header is 'id,mask', expected the columns id,rle_mask"),
        (read_rles, '', "its header is ''"),
        (read_rles, 'id,rle_mask\na\n', 'line 2: 1 columns, expected 2'),
        (read_rles, 'id,rle_mask\na,\na,1 2\n', "line 3: id 'a' is a repetition"),
        (read_rles, 'id,rle_mask\n,1 2\n', 'is blank'),
        (read_depths, 'id,z\na,deep\n', "depth of a is 'deep', expected a number"),
        (read_depths, 'id,z\na,nan\n', "depth of a is 'nan', expected a number"),
        (read_folds, 'id,group,fold,coverage\na,g,-1,0\n', "fold of a is '-1', expected 0, 1"),
        (read_folds, 'id,group,fold,coverage\na,g,1,x\n', "coverage of a is 'x'"),
    ],
)
def test_refused_tables(read, text, message, tmp_path):
    (tmp_path / 'table.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'table.csv')


def test_missing_or_binary_table(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing.csv not found: expected a csv with the columns id,z'):
        read_depths(tmp_path / 'nothing.csv')
    with pytest.raises(ValueError, match=r'train.csv is not a readable csv'):
        read_rles(b'\xff\xfe\xff', name='train.csv')


def test_tiles_are_sorted_and_hidden_files_left_out(tmp_path):
    for name in ('b.png', 'a.png', '.tmp-1-c.png', 'note.txt'):
        (tmp_path / name).touch()
    assert list(list_tiles(tmp_path)) == ['a', 'b']
    (tmp_path / 'C.PNG').touch()
    assert list_tiles(tmp_path)['C'] == str(tmp_path / 'C.PNG')
    (tmp_path / 'a.PNG').touch()
    with pytest.raises(ValueError, match='holds tile a twice'):
        list_tiles(tmp_path)
    with pytest.raises(FileNotFoundError, match='is not a folder'):
        list_tiles(tmp_path / 'none')


def huge_png(side: int) -> bytes:
    """The head of a picture of side x side pixels, and hardly any content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    head = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + head + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b'')


@pytest.mark.parametrize('side', [10_000, 60_000])
def test_a_picture_of_a_huge_size_is_not_unpacked(tmp_path, side: int):
    (tmp_path / 'x.png').write_bytes(huge_png(side))
    for read in (lambda: read_image(huge_png(side), name='x.png'), lambda: check_picture(tmp_path / 'x.png')):
        with pytest.raises(ValueError, match=r'x\.png.* (pixels; no section is so large|exceeds limit)'):
            read()
