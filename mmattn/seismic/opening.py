"""Opens a volume by the name of its file."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from mmattn.seismic.foreign import by_suffix, foreign_format
from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes.arrays import ArrayVolume
from mmattn.seismic.volumes.volume import Volume
from mmattn.seismic.volumes.zarr_arrays import in_zarr

SEGY_DEFAULTS = MappingProxyType(SegyVolume.__init__.__kwdefaults__)
"""Options of SEG-Y files and their defaults."""
ARRAY_OPTIONS = ('null_value',)
"""Options that arrays take too."""
OPEN_DEFAULTS = MappingProxyType(dict(SEGY_DEFAULTS) | dict.fromkeys(ARRAY_OPTIONS))
"""All options and their defaults."""
OWN_OPTIONS = (
    *ARRAY_OPTIONS, 'format', 'sample_interval', 'start_time', 'num_text_headers', 'allow_truncated',
    'coordinate_scalar', 'coordinate_unit',
)  # fmt: skip
"""Options that say what is wrong with one file, so that the label of its amplitudes does not share them."""
_NPY = b'\x93NUMPY'


def is_array(path: str | os.PathLike) -> bool:
    """Whether a path is that of a NumPy array (.npy, or a file that begins as one) or of a store of Zarr or MDIO."""
    if in_zarr(path):
        return True
    path = Path(path)
    if path.suffix.lower() == '.npy':
        return True
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(len(_NPY)) == _NPY


def open_volume(path: str | os.PathLike, **options: int | str | float | Sequence[float] | None) -> Volume:
    """Opens a NumPy array (.npy), a Zarr array or group (.zarr, .mdio) or, whatever else its name, a SEG-Y file.

    Args:
        path: of the file. Stores of Zarr and MDIO may lie at an address that fsspec reads (``s3://…``, ``https://…``).
            Of a group the mask is taken that a prediction wrote, else the probability or the amplitude;
            ``name.zarr/std`` names another array.
        options: of SEG-Y files, as in :class:`mmattn.seismic.segy.SegyVolume`: ``iline``, ``xline``, ``cdp_x``,
            ``cdp_y``, ``endian``, ``geometry``, ``duplicates``, ``num_samples``, ``sample_unit``, ``format``,
            ``num_text_headers``, ``allow_truncated``, ``sample_interval``, ``start_time``,
            ``coordinate_scalar``, ``coordinate_unit``; and of arrays too ``null_value``: a value, or several, that mean
            'no data' (see :attr:`mmattn.seismic.Volume.null_value`).

    Raises:
        FileNotFoundError: if there is no such file.
        SegyError: if a SEG-Y file cannot be used; says what was found and which option could help. A file of another
            format is named, with what converts it.
        TypeError: if there is no option of that name.
        ValueError: if an option is not allowed, or an option of SEG-Y is given for an array.
    """
    if unknown := options.keys() - OPEN_DEFAULTS.keys():
        raise TypeError(f'no option {", ".join(sorted(unknown))}; there are {", ".join(OPEN_DEFAULTS)}')
    if is_array(path):
        given = [name for name, value in options.items() if name not in ARRAY_OPTIONS and value != SEGY_DEFAULTS[name]]
        if given:
            raise ValueError(f'{", ".join(given)}: options of SEG-Y files, but {path} is an array')
        return ArrayVolume(path, **{name: options[name] for name in ARRAY_OPTIONS if name in options})
    return open_segy(path, **options)


def open_segy(path: str | os.PathLike, **options: int | str | float | Sequence[float] | None) -> SegyVolume:
    """Opens a SEG-Y file; arguments and errors as in :func:`open_volume`."""
    of_segy = {name: value for name, value in options.items() if name in SEGY_DEFAULTS}
    what = foreign_format(path)
    try:
        volume = SegyVolume(path, **of_segy)
    except SegyError as error:
        if what or (what := by_suffix(path)):
            raise SegyError(f'{path} is {what}{"" if Path(path).is_dir() else f" ({error})"}') from error
        raise
    if what:
        raise SegyError(f'{path} is {what}')
    volume.null_value = options.get('null_value')
    return volume
