"""Whole models around MMSegmentation's segmentors."""

from mmattn.models.segmentors.salt_tta import SaltTTAModel
from mmattn.models.segmentors.velocity_estimator import VelocityEstimator

__all__ = ['SaltTTAModel', 'VelocityEstimator']
