"""Imports MMSegmentation without its remarks on optional parts that mmattn does not use.

MMSegmentation prints that a dataset library is absent, and warns of mmcv's compiled operators, each time it is
imported. Anything else that it has to say passes through.
"""

import contextlib
import importlib
import io
import warnings


def import_mmseg() -> None:
    """Imports ``mmseg.datasets`` and ``mmseg.models``."""
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said):
            warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
            importlib.import_module('mmseg.datasets')
            importlib.import_module('mmseg.models')
    finally:
        for line in said.getvalue().splitlines():
            if line != 'Could not import OneDL':
                print(line)
