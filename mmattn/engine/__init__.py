"""Hooks and the runner's pieces; importing this registers them."""

from mmattn.engine import storage

__all__ = ['storage']
