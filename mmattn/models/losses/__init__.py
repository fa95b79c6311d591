"""Losses beside MMSegmentation's own."""

from mmattn.models.losses.category_consistent import CategoryConsistentLoss, category_consistency
from mmattn.models.losses.lovasz_hinge import LovaszHingeLoss, lovasz_hinge
from mmattn.models.losses.regression import GradientLoss, RegressionLoss, SSIMLoss
from mmattn.models.losses.waveform import WaveformLoss

__all__ = [
    'CategoryConsistentLoss',
    'GradientLoss',
    'LovaszHingeLoss',
    'RegressionLoss',
    'SSIMLoss',
    'WaveformLoss',
    'category_consistency',
    'lovasz_hinge',
]
