"""Whole models around MMSegmentation's segmentors."""

from mmattn.models.segmentors.salt_tta import SaltTTAModel

__all__ = ['SaltTTAModel']
