"""The salt benchmark: every network under one protocol, and what came of it."""

from mmattn.engine.salt_benchmark.driver import run
from mmattn.engine.salt_benchmark.plan import Benchmark, find_models, plan, prepare
from mmattn.engine.salt_benchmark.report import write_report

__all__ = ['Benchmark', 'find_models', 'plan', 'prepare', 'run', 'write_report']
