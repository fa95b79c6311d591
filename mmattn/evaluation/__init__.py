"""Metrics of salt segmentation and of velocity estimation."""

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
from mmattn.evaluation.velocity_metric import VelocityMetric
from mmattn.evaluation.velocity_scores import linear_model, score_velocity, ssim, total_velocity_scores
from mmattn.seismic.salt.cleanup import remove_small_bodies

__all__ = [
    'SaltMetric',
    'TileScore',
    'VelocityMetric',
    'binary_mask',
    'boundary_distances',
    'boundary_scores',
    'linear_model',
    'remove_small_bodies',
    'salt_boundary',
    'salt_probability',
    'score_tile',
    'score_velocity',
    'ssim',
    'tgs_precision',
    'total_scores',
    'total_velocity_scores',
]
