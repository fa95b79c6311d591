"""Comparisons of many trainings: cells that run, resume and fail on their own, and tables over seeds and folds."""

from mmattn.studies.runs import (
    FAILED,
    FINISHED,
    STATUSES,
    UNFINISHED,
    Cell,
    Result,
    read_result,
    run_cell,
    train_command,
    write_result,
)
from mmattn.studies.session import cells_progress, locked, outcome
from mmattn.studies.summary import (
    Row,
    check_metrics,
    markdown_line,
    mean_and_spread,
    quality_picture,
    read_rows,
    scaled,
)

__all__ = [
    'FAILED',
    'FINISHED',
    'STATUSES',
    'UNFINISHED',
    'Cell',
    'Result',
    'Row',
    'cells_progress',
    'check_metrics',
    'locked',
    'markdown_line',
    'mean_and_spread',
    'outcome',
    'quality_picture',
    'read_result',
    'read_rows',
    'run_cell',
    'scaled',
    'train_command',
    'write_result',
]
