"""Opens a volume by the name of its file."""

import os
from pathlib import Path
from types import MappingProxyType

from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes.volume import ArrayVolume, Volume

ARRAY_SUFFIXES = ('.npy', '.zarr')
SEGY_DEFAULTS = MappingProxyType(SegyVolume.__init__.__kwdefaults__)
"""Options of SEG-Y files and their defaults."""


def open_volume(path: str | os.PathLike, **options: int | str | None) -> Volume:
    """Opens a NumPy array (.npy), a Zarr array (.zarr) or, whatever else its name, a SEG-Y file.

    Args:
        path: of the file.
        options: of SEG-Y files, as in :class:`mmattn.seismic.segy.SegyVolume`: ``iline``, ``xline``, ``cdp_x``,
            ``cdp_y``, ``endian``, ``geometry``, ``duplicates``, ``num_samples``, ``sample_unit``.

    Raises:
        FileNotFoundError: if there is no such file.
        SegyError: if a SEG-Y file cannot be used; says what was found and which option could help.
        TypeError: if there is no option of that name.
        ValueError: if an option is not allowed, or an option of SEG-Y is given for an array.
    """
    if unknown := options.keys() - SEGY_DEFAULTS.keys():
        raise TypeError(f'no option {", ".join(sorted(unknown))}; there are {", ".join(SEGY_DEFAULTS)}')
    if Path(path).suffix.lower() not in ARRAY_SUFFIXES:
        return SegyVolume(path, **options)
    if given := [name for name, value in options.items() if value != SEGY_DEFAULTS[name]]:
        raise ValueError(f'{", ".join(given)}: options of SEG-Y files, but {path} is an array')
    return ArrayVolume(path)
