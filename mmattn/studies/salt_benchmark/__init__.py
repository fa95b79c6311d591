"""The salt benchmark: every network under one protocol, and what came of it."""

from mmattn.studies.salt_benchmark.driver import run
from mmattn.studies.salt_benchmark.plan import Benchmark, find_models, plan, prepare
from mmattn.studies.salt_benchmark.report import write_report

__all__ = ['Benchmark', 'find_models', 'plan', 'prepare', 'run', 'write_report']
