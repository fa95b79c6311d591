"""Synthetic models with their gathers, modelled once and kept in files."""

import hashlib
import json
import os
import warnings
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np

from mmattn.common.files import written_whole
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.synthetic.velocity import VelocitySurvey
from mmattn.version import __version__
from mmattn.waves.modelling import model_shots

Example = tuple[np.ndarray, np.ndarray, np.ndarray | None]
_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def synthetic_example(
    index: int, acquisition: Acquisition, *, size: tuple[int, int], dx: float, seed: int, cache_dir: str | os.PathLike
) -> Example:
    """Returns gathers (S, T, R) float32, velocity (H, W) float32 and salt (H, W) uint8 of a synthetic model.

    Args:
        index: of the model in the survey.
        acquisition: of the gathers.
        size, dx, seed: of ``VelocitySurvey``.
        cache_dir: where they are kept; deepwave is needed only for what is not there yet.
    """
    path = cache_path(index, acquisition, size=size, dx=dx, seed=seed, cache_dir=cache_dir)
    if path.is_file():
        try:
            return read_example(path)
        except _ERRORS as error:
            warnings.warn(f'{path} is damaged and is made again: {error}', stacklevel=2)
    model = VelocitySurvey(size, dx=dx, seed=seed).model(index)
    shots = model_shots(model.velocity, acquisition, warn=False)
    write_example(path, shots, model.velocity, model.salt)
    return read_example(path)


def cache_path(
    index: int, acquisition: Acquisition, *, size: tuple[int, int], dx: float, seed: int, cache_dir: str | os.PathLike
) -> Path:
    """File of a model: its name holds a hash of every option, and deepwave's version.

    Where deepwave is missing, a file of any of its versions will do.
    """
    what = dict(index=index, size=list(size), dx=dx, seed=seed, acquisition=acquisition.as_dict(), mmattn=__version__)
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:20]
    name = f'seed{seed}_{index:06d}_{key}_'
    try:
        return Path(cache_dir) / f'{name}{metadata.version("deepwave")}.npz'
    except metadata.PackageNotFoundError:
        found = sorted(Path(cache_dir).glob(f'{name}*.npz'))
        return found[-1] if found else Path(cache_dir) / f'{name}none.npz'


def write_example(path: Path, shots: np.ndarray, velocity: np.ndarray, salt: np.ndarray | None) -> None:
    """Writes gathers as float16 with a scale, and the model, into an .npz that is whole or not there."""
    scale = np.float32(np.abs(shots).max() or 1)
    arrays = dict(shots=(shots / scale).astype(np.float16), shot_scale=scale, velocity=velocity)
    if salt is not None:
        arrays['salt'] = salt
    with written_whole(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, **arrays)


def read_example(path: Path) -> Example:
    """Reads what ``write_example`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        shots = file['shots'].astype(np.float32) * file['shot_scale']
        return shots, file['velocity'], file['salt'] if 'salt' in file.files else None
