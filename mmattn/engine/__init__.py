"""Hooks and the runner's pieces; importing this registers them."""

from mmattn.engine import hooks, storage

__all__ = ['hooks', 'storage']
