"""Ablations of attention layers: many trainings that differ in one layer and a seed, and one table."""

from mmattn.engine.ablation.cells import PLACES, resolve_attention
from mmattn.engine.ablation.driver import Ablation, locked, plan, prepare, run
from mmattn.engine.ablation.report import write_report
from mmattn.engine.ablation.runs import FINISHED, Result, read_result, train_command

__all__ = [
    'FINISHED',
    'PLACES',
    'Ablation',
    'Result',
    'locked',
    'plan',
    'prepare',
    'read_result',
    'resolve_attention',
    'run',
    'train_command',
    'write_report',
]
