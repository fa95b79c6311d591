"""Hooks that draw what a run has done, and that change losses and the memory layout of a training."""

from mmattn.engine.hooks.attention_maps import AttentionMapHook
from mmattn.engine.hooks.channels_last import ChannelsLastHook
from mmattn.engine.hooks.checkpoint import SafeCheckpointHook
from mmattn.engine.hooks.curves import CurveHook, read_curves
from mmattn.engine.hooks.exact_resume import ExactResumeHook
from mmattn.engine.hooks.finite import FiniteLossHook
from mmattn.engine.hooks.late_average import LateAverageHook
from mmattn.engine.hooks.late_runtime_info import LateRuntimeInfoHook
from mmattn.engine.hooks.loss_schedule import LossScheduleHook
from mmattn.engine.hooks.one_log import OneLogHook
from mmattn.engine.hooks.overlays import OverlayHook, TileSelection
from mmattn.engine.hooks.sharding import ShardingHook
from mmattn.engine.hooks.stop_safely import StopSafelyHook
from mmattn.engine.hooks.time_budget import TimeBudgetHook
from mmattn.engine.hooks.velocity_pictures import VelocityPictureHook

__all__ = [
    'AttentionMapHook',
    'ChannelsLastHook',
    'CurveHook',
    'ExactResumeHook',
    'FiniteLossHook',
    'LateAverageHook',
    'LateRuntimeInfoHook',
    'LossScheduleHook',
    'OneLogHook',
    'OverlayHook',
    'SafeCheckpointHook',
    'ShardingHook',
    'StopSafelyHook',
    'TileSelection',
    'TimeBudgetHook',
    'VelocityPictureHook',
    'read_curves',
]
