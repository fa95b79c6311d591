"""The acoustic wave equation: gathers from a velocity model, and a model refined to fit gathers.

2-D, constant density, absorbing edges, with the gradient by PyTorch. Needs deepwave: ``pip install 'mmattn[fwi]'``.
"""

from mmattn.waves.modelling import model_shots
from mmattn.waves.refine_options import RefineOptions
from mmattn.waves.refinement import Refinement, refine

__all__ = ['RefineOptions', 'Refinement', 'model_shots', 'refine']
