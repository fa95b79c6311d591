"""Losses beside MMSegmentation's own."""

from mmattn.models.losses.category_consistent import CategoryConsistentLoss, category_consistency
from mmattn.models.losses.lovasz_hinge import LovaszHingeLoss, lovasz_hinge

__all__ = ['CategoryConsistentLoss', 'LovaszHingeLoss', 'category_consistency', 'lovasz_hinge']
