"""Seismic images, salt masks and SEG-Y volumes without any network.

NumPy, SciPy, scikit-image, Matplotlib, Pillow and segyio only; neither torch nor MMSegmentation. What concerns volumes
can be imported from here; tiles, run lengths, mosaics and folds from their modules, e.g.
``from mmattn.seismic.tiles.rle import encode_rle``.
"""

from mmattn.seismic.opening import open_volume
from mmattn.seismic.salt.cleanup import salt_mask
from mmattn.seismic.segy import SegyError, SegyVolume, copy_with_samples
from mmattn.seismic.volumes.amplitude import estimate_clip, scale_amplitude, to_grey
from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.seismic.volumes.volume import Volume

__all__ = [
    'ArrayVolume',
    'SegyError',
    'SegyVolume',
    'Volume',
    'copy_with_samples',
    'estimate_clip',
    'open_volume',
    'salt_mask',
    'scale_amplitude',
    'to_grey',
]
