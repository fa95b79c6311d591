"""Run-length strings: a hand-written case, round trips, refused texts."""

import numpy as np
import pytest

from mmattn.seismic.tiles.rle import decode_rle, encode_rle

# Column by column: 0 1 1 | 1 0 0 | 0 0 1, so pixels 2-4 and 9.
MASK = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=np.uint8)


def test_hand_written_case():
    assert encode_rle(MASK) == '2 3 9 1'
    decoded = decode_rle('2 3 9 1', (3, 3))
    np.testing.assert_array_equal(decoded, MASK)
    assert decoded.dtype == np.uint8
    assert decoded.flags['C_CONTIGUOUS']


def test_order_and_touching_runs_do_not_matter():
    np.testing.assert_array_equal(decode_rle('9 1 2 1 3 2', (3, 3)), MASK)


@pytest.mark.parametrize('text', ['', '  ', '\n'])
def test_blank_text_is_an_empty_mask(text):
    assert decode_rle(text, (2, 5)).sum() == 0
    assert encode_rle(np.zeros((2, 5))) == ''


@pytest.mark.parametrize('dtype', [bool, np.uint8, np.uint16, np.float32, np.int64])
def test_any_positive_value_is_salt(dtype):
    mask = MASK.astype(dtype) * np.array(65535 if dtype is np.uint16 else 1, dtype=dtype)
    assert encode_rle(mask) == '2 3 9 1'


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (7, 1), (101, 101), (33, 70)])
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_round_trip(shape, share):
    mask = (np.random.default_rng(3).random(shape) < share).astype(np.uint8)
    np.testing.assert_array_equal(decode_rle(encode_rle(mask), shape), mask)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('1 2 3', "pairs 'start length', found 3 numbers"),
        ('1 x', "positive integers 'start length …', found 'x'"),
        ('1 2.0', "found '2.0'"),
        ('1 -2', "found '-2'"),
        ('1 1_0', "found '1_0'"),
        ('0 2', 'run 0 2 is invalid: starts count from 1'),
        ('3 0', 'run 3 0 is invalid'),
        ('8 3', r'run 8 3 leaves the mask: its shape \(3, 3\) has pixels 1 to 9'),
        ('2 3 4 1', 'runs overlap: 2 3 reaches into 4 1'),
        (float('nan'), 'must be a string'),
    ],
)
def test_refused_texts(text, message):
    with pytest.raises(ValueError, match=message):
        decode_rle(text, (3, 3))


def test_mask_must_have_two_axes():
    with pytest.raises(ValueError, match=r'shape \(H, W\), got \(3, 3, 1\)'):
        encode_rle(MASK[..., None])
