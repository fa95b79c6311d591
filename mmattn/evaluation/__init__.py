"""Metrics of salt segmentation."""

from mmattn.evaluation.boundaries import boundary_distances, boundary_scores, salt_boundary
from mmattn.evaluation.salt_metric import SaltMetric
from mmattn.evaluation.scores import (
    TileScore,
    binary_mask,
    salt_probability,
    score_tile,
    tgs_precision,
    total_scores,
)
from mmattn.seismic.salt.cleanup import remove_small_bodies

__all__ = [
    'SaltMetric',
    'TileScore',
    'binary_mask',
    'boundary_distances',
    'boundary_scores',
    'remove_small_bodies',
    'salt_boundary',
    'salt_probability',
    'score_tile',
    'tgs_precision',
    'total_scores',
]
