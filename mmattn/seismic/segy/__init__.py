"""SEG-Y files: opening, reading and copying with other samples."""

from mmattn.seismic.segy.copying import copy_with_samples
from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.suggest import Suggestion, suggest_bytes
from mmattn.seismic.segy.volume import SegyVolume

__all__ = ['SegyError', 'SegyVolume', 'Suggestion', 'copy_with_samples', 'suggest_bytes']
