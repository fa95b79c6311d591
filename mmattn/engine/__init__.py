"""Hooks and the runner's pieces; importing this registers them."""

from mmattn.engine import hooks, mixed_precision, storage

__all__ = ['hooks', 'mixed_precision', 'storage']
