"""Overlap and TGS scores against hand-counted cases; the salt probability of both kinds of output."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from mmattn.evaluation import binary_mask, salt_probability, score_tile, tgs_precision, total_scores

TRUTH = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
PREDICTION = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]])


def test_hand_counted_tile():
    tile = score_tile(PREDICTION, TRUTH)
    assert (tile.intersection, tile.predicted, tile.true, tile.valid) == (2, 5, 4, 12)
    assert (tile.union, tile.correct) == (7, 7)
    assert tile.iou == pytest.approx(2 / 7)
    assert tile.dice == pytest.approx(4 / 9)
    assert tile.pixel_accuracy == pytest.approx(7 / 12)
    assert tile.mean_precision == 0


def test_ignored_pixels_do_not_count():
    truth = TRUTH.copy()
    truth[:, 0], truth[2, 3] = 255, 255
    tile = score_tile(PREDICTION, truth)
    assert (tile.intersection, tile.predicted, tile.true, tile.valid) == (2, 4, 2, 8)
    changed = PREDICTION.copy()
    changed[truth == 255] = 1 - changed[truth == 255]
    assert score_tile(changed, truth) == tile
    assert score_tile(PREDICTION, np.where(truth == 255, 7, truth), ignore_index=7) == tile


def test_wholly_ignored_tile_counts_nowhere():
    ignored = score_tile(PREDICTION, np.full_like(TRUTH, 255))
    assert np.isnan([ignored.iou, ignored.dice, ignored.pixel_accuracy, ignored.mean_precision]).all()
    tile = score_tile(PREDICTION, TRUTH)
    assert total_scores([tile, ignored]) == total_scores([tile])


def test_tile_without_salt():
    empty, some = np.zeros((4, 4), int), np.eye(4, dtype=int)
    right, wrong = score_tile(empty, empty), score_tile(some, empty)
    assert (right.iou, right.dice, right.mean_precision) == (1, 1, 1)
    assert (wrong.iou, wrong.dice, wrong.mean_precision) == (0, 0, 0)


def test_errors():
    with pytest.raises(ValueError, match=r'differ in shape: \(3, 4\) and \(2, 4\)'):
        score_tile(PREDICTION, TRUTH[:2])
    with pytest.raises(ValueError, match=r'truth may hold 0 .* got also \[2\]'):
        score_tile(PREDICTION, TRUTH * 2)
    with pytest.raises(ValueError, match=r'prediction may hold .* got also \[0\.25\]'):
        score_tile(PREDICTION * 0.25, TRUTH)
    with pytest.raises(ValueError, match=r'mask may hold .* got also \[255\]'):
        binary_mask(TRUTH * 255)


@pytest.mark.parametrize(
    ('intersection', 'union', 'expected'),
    [
        (50, 100, 0.0),
        (51, 100, 0.1),
        (55, 100, 0.1),
        (56, 100, 0.2),
        (95, 100, 0.9),
        (96, 100, 1.0),
        (100, 100, 1.0),
        (0, 9, 0),
    ],
)
def test_tgs_precision_is_strict_at_its_thresholds(intersection, union, expected):
    assert tgs_precision(intersection, predicted=intersection, true=union) == expected


def test_tgs_precision_without_true_salt():
    assert tgs_precision(0, predicted=0, true=0) == 1
    assert tgs_precision(0, predicted=1, true=0) == 0
    # The np.histogram recipe that is copied around gives 0.6 here.
    assert tgs_precision(0, predicted=0, true=8059) == 0


def test_tgs_precision_equals_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(500):
        union = int(rng.integers(1, 400))
        intersection = int(rng.integers(0, union + 1))
        iou = Fraction(intersection, union)
        hits = sum(iou > Fraction(1, 2) + step * Fraction(1, 20) for step in range(10))
        assert tgs_precision(intersection, predicted=intersection, true=union) == pytest.approx(hits / 10)


def test_totals_are_of_all_pixels_and_means_of_all_tiles():
    perfect, empty = score_tile(TRUTH, TRUTH), score_tile(np.zeros_like(TRUTH), np.zeros_like(TRUTH))
    totals = total_scores([score_tile(PREDICTION, TRUTH), perfect, empty])
    assert totals['salt_iou'] == pytest.approx((2 + 4) / (7 + 4))
    assert totals['salt_dice'] == pytest.approx(2 * (2 + 4) / (5 + 4 + 4 + 4))
    assert totals['pixel_accuracy'] == pytest.approx((7 + 12 + 12) / 36)
    assert totals['mean_precision'] == pytest.approx((0 + 1 + 1) / 3)
    # One of five predicted boundary pixels lies sqrt(5) off, all true ones match; the empty tile has no boundary.
    assert totals['boundary_f1'] == pytest.approx((2 * 0.8 / 1.8 + 1) / 2)
    assert totals['boundary_distance'] == pytest.approx(((1 + 1 + 5**0.5 + 1) / 8 + 0) / 2)


def test_totals_that_are_not_defined_are_nan():
    totals = total_scores([score_tile(np.zeros((3, 3)), np.zeros((3, 3)))])
    assert totals['pixel_accuracy'] == 1
    assert totals['mean_precision'] == 1
    assert np.isnan([totals[name] for name in ('salt_iou', 'salt_dice', 'boundary_f1', 'boundary_distance')]).all()


def test_probability_is_the_same_from_one_and_two_channels():
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    one_channel = torch.sigmoid(logits[1:] - logits[:1])
    torch.testing.assert_close(salt_probability(logits), salt_probability(one_channel))
    assert salt_probability(one_channel).data_ptr() == one_channel.data_ptr()
    with pytest.raises(ValueError, match=r'must be \(1, H, W\) or \(2, H, W\) .* got \(3, 5, 7\)'):
        salt_probability(torch.zeros(3, 5, 7))
    with pytest.raises(ValueError, match=r'got \(2, 1, 5, 7\)'):
        salt_probability(torch.zeros(2, 1, 5, 7))
