"""Losses beside MMSegmentation's own."""

from mmattn.models.losses.lovasz_hinge import LovaszHingeLoss, lovasz_hinge

__all__ = ['LovaszHingeLoss', 'lovasz_hinge']
