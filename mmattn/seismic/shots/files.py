"""Files of velocity models and shot gathers: .npy, .npz, .mat and SEG-Y."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import segyio
from scipy import io

from mmattn.common.files import ARRAY_ERRORS, check_arrays, written_whole
from mmattn.seismic.opening import open_segy
from mmattn.seismic.segy.gathers import read_gathers
from mmattn.seismic.segy.volume import METRES
from mmattn.seismic.shots.checks import check_gathers, check_velocity

SEGY_SUFFIXES = ('.sgy', '.segy')
SUFFIXES = ('.npy', '.npz', '.mat', *SEGY_SUFFIXES)
VELOCITY_KEYS = ('velocity', 'vmodel', 'svmodel', 'data')
SHOT_KEYS = ('shots', 'Rec', 'data')


def read_velocity(
    path: str | os.PathLike, *, item: int | None = None, segy: Mapping | None = None, dx: float | None = None
) -> np.ndarray:
    """Reads a velocity model.

    Args:
        path: .npy (H, W); .npz with ``velocity``; .mat with ``vmodel``, ``svmodel`` or ``data``; SEG-Y, a 2-D line
            whose samples are depths.
        item: which model of a file of several; such arrays are memory-mapped where the format allows.
        segy: options of ``open_volume``, for SEG-Y; ``geometry`` is '2d' and ``sample_unit`` 'm' unless told.
        dx: metres a cell that the model must have; SEG-Y states the step in depth.

    Returns:
        float32 (H, W), m/s, row 0 at the surface.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, holds something else or is in other units; the message names the file.
    """
    path = _existing(path, 'velocity model')
    if path.suffix in SEGY_SUFFIXES:
        array = _line(path, dict(geometry='2d', sample_unit='m') | dict(segy or {}), dx)
    else:
        array = _array(path, VELOCITY_KEYS)
    array = _item(array, item, path, axes=2)
    return check_velocity(array, str(path))


def _line(path: Path, options: Mapping, dx: float | None) -> np.ndarray:
    """The traces of a line as columns, (depths, traces)."""
    if options['sample_unit'] not in METRES:
        raise ValueError(f"sample_unit of a velocity model must be 'm' or 'ft', got {options['sample_unit']!r}")
    with open_segy(path, **options) as volume:
        if len(volume.ilines) != 1:
            raise ValueError(f"{path} has {len(volume.ilines)} lines; a velocity model is one, geometry='2d'")
        if volume.delay:
            raise ValueError(
                f'{path} begins at {volume.delay:g} {volume.sample_unit} (bytes 109-110), a velocity model at the '
                'surface; start_time=0 takes the first sample for the surface'
            )
        step = volume.sample_interval * METRES.get(volume.sample_unit, np.nan)  # NaN: the file states none
        if dx is not None and abs(step - dx) > 0.01 * dx:
            raise ValueError(
                f'{path}: the step in depth is {step:g} m by its headers, a cell has {dx:g} m; resample the model, or '
                f'where the header is wrong give sample_interval={dx:g}'
            )
        return volume.section('iline', 0).T


def read_salt(path: str | os.PathLike) -> np.ndarray | None:
    """The exact salt label beside a model in an .npz, uint8 (H, W); None where there is none."""
    path = Path(path)
    if path.suffix != '.npz':
        return None
    with np.load(path, allow_pickle=False) as file:
        return file['salt'].astype(np.uint8) if 'salt' in file.files else None


def read_shots(path: str | os.PathLike, *, item: int | None = None, segy: Mapping | None = None) -> np.ndarray:
    """Reads shot gathers.

    Args:
        path: .npy (shots, samples, receivers); .npz with ``shots`` and, where they are float16, ``shot_scale``; .mat
            with ``Rec`` or ``data``, which hold (samples, receivers, shots); SEG-Y, see ``read_gathers``.
        item: which gathers of a file of several, (items, shots, samples, receivers); memory-mapped.
        segy: options of ``read_gathers``, for SEG-Y.

    Returns:
        float32 (shots, samples, receivers).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read or holds something else; the message names the file.
    """
    path = _existing(path, 'gathers')
    if path.suffix in SEGY_SUFFIXES:
        return check_gathers(read_gathers(path, **(segy or {})).shots, str(path))
    array = _array(path, SHOT_KEYS)
    scale = None
    if path.suffix == '.npz':
        with np.load(path, allow_pickle=False) as file:
            scale = file['shot_scale'] if 'shot_scale' in file.files else None
    if path.suffix == '.mat':
        array = array.transpose(2, 0, 1) if array.ndim == 3 else array
    array = _item(array, item, path, axes=3).astype(np.float32)
    return check_gathers(array if scale is None else array * np.float32(scale), str(path))


def write_velocity(path: str | os.PathLike, velocity: np.ndarray, *, dx: float) -> None:
    """Writes a model as .npy, or as SEG-Y: one trace a column, depths in thousandths of a metre.

    CDP-X (bytes 181-184) holds the position along the line in centimetres, with the scalar -100 in bytes 71-72.

    Args:
        path: ends with .npy, .sgy or .segy.
        velocity: (H, W), m/s.
        dx: metres a cell.
    """
    velocity = check_velocity(np.asarray(velocity), 'velocity')
    path = Path(path)
    if path.suffix not in ('.npy', *SEGY_SUFFIXES):
        raise ValueError(f'a velocity model is written as .npy, .sgy or .segy, got {str(path)!r}')
    with written_whole(path) as temporary:
        if path.suffix == '.npy':
            np.save(temporary, velocity)
            return
        traces = np.ascontiguousarray(velocity.T)
        segyio.tools.from_array2D(str(temporary), traces, dt=_depth_step(dx), format=5)
        with segyio.open(str(temporary), 'r+', ignore_geometry=True) as file:
            for column in range(len(traces)):
                file.header[column] = {
                    segyio.TraceField.CDP: column + 1,
                    segyio.TraceField.CDP_X: round(100 * column * dx),
                    segyio.TraceField.SourceGroupScalar: -100,
                }


def _depth_step(dx: float) -> int:
    if not 0 < round(1000 * dx) < 2**15:
        raise ValueError(f'SEG-Y holds depth steps of up to 32.767 m, got dx={dx:g}; write .npy')
    return round(1000 * dx)


def _existing(path: str | os.PathLike, what: str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{what} {str(path)!r} is not a file')
    if path.suffix not in SUFFIXES:
        raise ValueError(f'{what} must be one of {", ".join(SUFFIXES)}, got {str(path)!r}')
    return path


def _array(path: Path, keys: Sequence[str]) -> np.ndarray:
    readers: dict[str, Callable] = {'.npy': _npy, '.npz': _npz, '.mat': _mat}
    return readers[path.suffix](path, keys)


def _npy(path: Path, keys: Sequence[str]) -> np.ndarray:
    try:
        return np.load(path, mmap_mode='r', allow_pickle=False)
    except ARRAY_ERRORS as error:
        raise ValueError(f'{path} cannot be read: {_why(error)}') from error


def _npz(path: Path, keys: Sequence[str]) -> np.ndarray:
    try:
        check_arrays(path)
        with np.load(path, allow_pickle=False) as file:
            return file[_key(path, keys, file.files)]
    except ARRAY_ERRORS as error:
        raise error if str(path) in str(error) else ValueError(f'{path} cannot be read: {_why(error)}') from error


def _mat(path: Path, keys: Sequence[str]) -> np.ndarray:
    try:
        names = [name for name, *_ in io.whosmat(path)]
        key = _key(path, keys, names)
        return io.loadmat(path, variable_names=[key])[key]
    except NotImplementedError as error:
        raise ValueError(f'{path} is a MATLAB 7.3 (HDF5) file, which is not read: save it with -v7') from error
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f'{path} cannot be read: {_why(error)}') from error
    except Exception as error:  # SciPy's reader fails in many ways on a file that is cut
        raise ValueError(f'{path} cannot be read: it is cut short or no MATLAB file ({error})') from error


def _key(path: Path, keys: Sequence[str], found: Sequence[str]) -> str:
    for key in keys:
        if key in found:
            return key
    raise ValueError(f'{path} has none of {", ".join(keys)}; it holds {", ".join(found) or "nothing"}')


def _item(array: np.ndarray, item: int | None, path: Path, *, axes: int) -> np.ndarray:
    if array.dtype == object:
        raise ValueError(f'{path} holds objects, not numbers; they are never unpickled')
    if item is None:
        return array[0] if array.ndim == axes + 1 and len(array) == 1 else array
    if array.ndim < axes + 1 or not 0 <= item < len(array):
        raise ValueError(f'{path}: there is no item {item} in an array of shape {array.shape}')
    array = np.asarray(array[item])
    return array[0] if array.ndim == axes + 1 and len(array) == 1 else array


def _why(error: Exception) -> str:
    text = str(error)
    if 'pickle' in text.lower() or 'Python objects' in text:
        return 'it holds objects, or is no such file; objects are never unpickled'
    return f'it is cut short or damaged ({text or type(error).__name__})'
