"""Hooks that draw what a run has done, and that change losses as it goes."""

from mmattn.engine.hooks.curves import CurveHook, read_curves
from mmattn.engine.hooks.loss_schedule import LossScheduleHook
from mmattn.engine.hooks.overlays import OverlayHook, TileSelection

__all__ = ['CurveHook', 'LossScheduleHook', 'OverlayHook', 'TileSelection', 'read_curves']
