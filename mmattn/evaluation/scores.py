"""Overlap scores of salt masks, tile by tile and over a set, and the salt probability of a model's output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmattn.evaluation.boundaries import boundary_scores


@dataclass(frozen=True)
class TileScore:
    """What one tile adds to the scores: pixel counts (ignored pixels excluded) and its boundary scores.

    Args:
        intersection: pixels that are salt in both prediction and truth.
        predicted: pixels predicted as salt.
        true: pixels that are salt in truth.
        valid: pixels that are not ignored.
        boundary_f1: 0 to 1, or nan where neither mask has a boundary.
        boundary_distance: pixels, or nan where a mask has no boundary.
    """

    intersection: int
    predicted: int
    true: int
    valid: int
    boundary_f1: float
    boundary_distance: float

    @property
    def union(self) -> int:
        """Pixels that are salt in prediction or truth."""
        return self.predicted + self.true - self.intersection

    @property
    def correct(self) -> int:
        """Pixels where prediction and truth agree."""
        return self.valid - self.union + self.intersection

    @property
    def iou(self) -> float:
        """Intersection over union of the tile; 1 where neither has salt, nan where every pixel is ignored."""
        if not self.valid:
            return float('nan')
        return self.intersection / self.union if self.union else 1.0

    @property
    def dice(self) -> float:
        """Dice coefficient of the tile; 1 where neither has salt, nan where every pixel is ignored."""
        if not self.valid:
            return float('nan')
        return 2 * self.intersection / (self.predicted + self.true) if self.union else 1.0

    @property
    def pixel_accuracy(self) -> float:
        """Share of valid pixels that are right; nan where every pixel is ignored."""
        return self.correct / self.valid if self.valid else float('nan')

    @property
    def mean_precision(self) -> float:
        """The tile's share in the TGS score; nan where every pixel is ignored."""
        return tgs_precision(self.intersection, self.predicted, self.true) if self.valid else float('nan')


def tgs_precision(intersection: int, predicted: int, true: int) -> float:
    """Scores one tile as the TGS Salt Identification Challenge (Kaggle, 2018) defines it.

    A tile with true salt scores the share of the ten thresholds t = 0.50, 0.55, ... 0.95 with IoU > t (strictly). A
    tile without true salt scores 1 if none is predicted, else 0. The comparison is made in whole numbers, so an IoU
    that equals a threshold is never taken for a larger one.

    Args:
        intersection: pixels that are salt in both.
        predicted: pixels predicted as salt.
        true: pixels that are salt in truth.

    Returns:
        0 to 1, in tenths. The competition's score is the mean over the tiles.
    """
    if not true:
        return float(not predicted)
    union = predicted + true - intersection
    return sum(20 * intersection > (10 + step) * union for step in range(10)) / 10


def score_tile(
    prediction: np.ndarray, truth: np.ndarray, *, ignore_index: int = 255, boundary_tolerance: float = 2.0
) -> TileScore:
    """Compares a predicted mask with the true one.

    Args:
        prediction: (H, W), 0 background, 1 salt.
        truth: (H, W), 0 background, 1 salt, ignore_index where unknown. Unknown pixels count nowhere.
        ignore_index: the label of unknown pixels.
        boundary_tolerance: in pixels, see :func:`mmattn.evaluation.boundary_scores`.

    Returns:
        The tile's counts and boundary scores.

    Raises:
        ValueError: if the shapes differ or other labels than these occur.
    """
    if prediction.shape != truth.shape:
        raise ValueError(
            f'prediction and truth differ in shape: {prediction.shape} and {truth.shape}; '
            'load the truth after every transform that changes the size'
        )
    salt = binary_mask(prediction, name='prediction')
    valid = truth != ignore_index
    true_salt = binary_mask(np.where(valid, truth, 0), name='truth')
    if valid.all():
        valid, known = None, salt
    else:
        known = salt & valid
    f1, distance = boundary_scores(salt, true_salt, valid=valid, tolerance=boundary_tolerance)
    return TileScore(
        intersection=int(np.count_nonzero(known & true_salt)),
        predicted=int(np.count_nonzero(known)),
        true=int(np.count_nonzero(true_salt)),
        valid=int(truth.size if valid is None else np.count_nonzero(valid)),
        boundary_f1=f1,
        boundary_distance=distance,
    )


def binary_mask(labels: np.ndarray, *, name: str = 'mask') -> np.ndarray:
    """Turns labels 0 and 1 of any dtype into booleans.

    Raises:
        ValueError: if another value occurs, such as a probability or a mask of 0 and 255.
    """
    salt = labels == 1
    if np.count_nonzero(labels) != np.count_nonzero(salt):
        others = np.unique(labels[(labels != 0) & ~salt])
        raise ValueError(f'{name} may hold 0 (background) and 1 (salt), got also {others[:5].tolist()}')
    return salt


def total_scores(tiles: Sequence[TileScore]) -> dict[str, float]:
    """Combines the tiles of a set.

    IoU, Dice and pixel accuracy are those of all pixels together, as MMSegmentation's IoUMetric counts them; mean
    precision, boundary F1 and boundary distance are means over the tiles where they are defined. A score that is
    defined nowhere (IoU of a set without true or predicted salt) is nan.

    Args:
        tiles: one entry a tile.

    Returns:
        salt_iou, salt_dice, pixel_accuracy, boundary_f1, mean_precision as fractions of 1, boundary_distance in pixels.
    """
    intersection, union = sum(tile.intersection for tile in tiles), sum(tile.union for tile in tiles)
    return {
        'salt_iou': _ratio(intersection, union),
        'salt_dice': _ratio(2 * intersection, union + intersection),
        'pixel_accuracy': _ratio(sum(tile.correct for tile in tiles), sum(tile.valid for tile in tiles)),
        'boundary_f1': _mean([tile.boundary_f1 for tile in tiles]),
        'boundary_distance': _mean([tile.boundary_distance for tile in tiles]),
        'mean_precision': _mean([tile.mean_precision for tile in tiles]),
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')


def _mean(values: Sequence[float]) -> float:
    """The mean of those values that are not nan; nan if there are none."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float('nan')


def salt_probability(seg_logits: Tensor) -> Tensor:
    """Gives the salt probability that a prediction's ``seg_logits`` stand for.

    MMSegmentation stores two different things there: the sigmoid of the logit for one output channel, the raw logits
    for several.

    Args:
        seg_logits: (1, H, W) sigmoid scores, returned as they are, or (2, H, W) logits of background and salt.

    Returns:
        (H, W), float, 0 to 1.

    Raises:
        ValueError: if the shape is another.
    """
    if seg_logits.dim() == 3 and seg_logits.shape[0] == 1:
        return seg_logits[0]
    if seg_logits.dim() == 3 and seg_logits.shape[0] == 2:
        return torch.softmax(seg_logits.float(), dim=0)[1]
    raise ValueError(
        f'seg_logits must be (1, H, W) or (2, H, W) for salt against background, got {tuple(seg_logits.shape)}'
    )
