"""mmattn: attention mechanisms and seismic salt for MMSegmentation 1.x.

``custom_imports = dict(imports=['mmattn'])`` in a config registers everything. Importing mmattn alone costs nothing:
``mmattn.attention`` needs PyTorch only, ``mmattn.seismic`` not even that. ``mmattn.load`` gives a trained network.
"""

import importlib

from mmattn.registration import register_when_wanted
from mmattn.version import __version__

_PACKAGES = ('attention', 'checkpoints', 'datasets', 'engine', 'evaluation', 'inference', 'models', 'seismic', 'waves')
_NAMES = {'SaltPredictor': 'inference', 'load': 'inference'}
__all__ = ['__version__', *_PACKAGES, *_NAMES]


def __getattr__(name: str) -> object:
    """Imports a package, or what one of them holds, when it is first asked for."""
    if name in _PACKAGES:
        return importlib.import_module(f'mmattn.{name}')
    if name in _NAMES:
        return getattr(importlib.import_module(f'mmattn.{_NAMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


register_when_wanted()
