"""Whole models around MMSegmentation's segmentors."""

from mmattn.models.segmentors.distilled_encoder_decoder import DistilledEncoderDecoder
from mmattn.models.segmentors.salt_tta import SaltTTAModel
from mmattn.models.segmentors.velocity_estimator import VelocityEstimator

__all__ = ['DistilledEncoderDecoder', 'SaltTTAModel', 'VelocityEstimator']
