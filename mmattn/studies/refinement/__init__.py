"""What refinement by the wave equation gains and spoils, over many models."""

from mmattn.studies.refinement.cases import Case, HeldOut, observe
from mmattn.studies.refinement.report import summary, write_report
from mmattn.studies.refinement.study import STARTS, Study, read_rows, run

__all__ = ['STARTS', 'Case', 'HeldOut', 'Study', 'observe', 'read_rows', 'run', 'summary', 'write_report']
