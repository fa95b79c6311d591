"""Ablations of attention layers: many trainings that differ in one layer and a seed, and one table."""

from mmattn.studies.ablation.cells import resolve_attention
from mmattn.studies.ablation.driver import Ablation, plan, prepare, run
from mmattn.studies.ablation.report import write_report

__all__ = ['Ablation', 'plan', 'prepare', 'resolve_attention', 'run', 'write_report']
