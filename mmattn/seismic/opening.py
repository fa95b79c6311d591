"""Opens a volume by the name of its file."""

import os
from pathlib import Path

from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes import ArrayVolume, Volume

ARRAY_SUFFIXES = ('.npy', '.zarr')


def open_volume(
    path: str | os.PathLike,
    *,
    iline: int = 189,
    xline: int = 193,
    cdp_x: int = 181,
    cdp_y: int = 185,
    endian: str = 'auto',
    geometry: str = 'auto',
    duplicates: str = 'error',
    num_samples: int | None = None,
    sample_unit: str = 'ms',
) -> Volume:
    """Opens a NumPy array (.npy), a Zarr array (.zarr) or, whatever else its name, a SEG-Y file.

    The options are those of :class:`mmattn.seismic.segy.SegyVolume` and of SEG-Y files only.

    Raises:
        FileNotFoundError: if there is no such file.
        SegyError: if a SEG-Y file cannot be used; says what was found and which option could help.
        ValueError: if an option is not allowed, or an option of SEG-Y is given for an array.
    """
    options = dict(
        iline=iline,
        xline=xline,
        cdp_x=cdp_x,
        cdp_y=cdp_y,
        endian=endian,
        geometry=geometry,
        duplicates=duplicates,
        num_samples=num_samples,
        sample_unit=sample_unit,
    )
    if Path(path).suffix.lower() not in ARRAY_SUFFIXES:
        return SegyVolume(path, **options)
    given = [name for name, value in options.items() if value != open_volume.__kwdefaults__[name]]
    if given:
        raise ValueError(f'{", ".join(given)}: options of SEG-Y files, but {path} is an array')
    return ArrayVolume(path)
