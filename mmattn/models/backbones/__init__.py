"""Encoders beside MMSegmentation's own."""

from mmattn.models.backbones.lvt import LVT

__all__ = ['LVT']
