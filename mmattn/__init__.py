"""mmattn: attention mechanisms and seismic salt for MMSegmentation 1.x.

``custom_imports = dict(imports=['mmattn'])`` in a config registers everything.
"""

from mmattn._distributions import check_distributions
from mmattn._upstream import import_mmseg

check_distributions()
import_mmseg()

from mmattn import checkpoints, datasets, engine, evaluation, models  # noqa: E402
from mmattn.version import __version__  # noqa: E402

__all__ = ['__version__', 'checkpoints', 'datasets', 'engine', 'evaluation', 'models']
