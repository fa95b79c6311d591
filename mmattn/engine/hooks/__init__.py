"""Hooks that draw what a run has done."""

from mmattn.engine.hooks.curves import CurveHook, read_curves
from mmattn.engine.hooks.overlays import OverlayHook, TileSelection

__all__ = ['CurveHook', 'OverlayHook', 'TileSelection', 'read_curves']
