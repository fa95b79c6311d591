"""Held-out models, and gathers recorded over them on a finer grid than that of the inversion.

Gathers that the inversion's own code models on its own grid would flatter it: the error of the finite differences is
in both and cancels. Here the model has ``factor`` times as many cells along each axis, 8th-order differences instead of
4th, an absorbing layer of 60 cells instead of 20 and, as the cells are smaller, a shorter time step inside.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mmattn.common.checks import check_not_negative
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import check_velocity
from mmattn.seismic.synthetic.velocity import VelocitySurvey
from mmattn.waves.cache import read_example, write_example
from mmattn.waves.modelling import model_shots
from mmattn.waves.refinement import low_pass

_ACCURACY, _EDGE = 8, 60


@dataclass(frozen=True)
class Case:
    """One model with its gathers.

    Attributes:
        group: which set it is of.
        name: in the set.
        velocity: on the grid of the inversion, (H, W) m/s: the middle cell of each ``factor`` x ``factor``.
        salt: 0 and 1, (H, W).
        shots: without noise, (S, T, R), at the strength that the inversion's grid gives.
    """

    group: str
    name: str
    velocity: np.ndarray
    salt: np.ndarray
    shots: np.ndarray


class HeldOut:
    """A set of models on the fine grid.

    Args:
        group: what it is called.
        acquisition: of the inversion.
        size: rows and columns of the inversion's grid.
        factor: fine cells to one, along each axis; odd.
        path: an .npz with ``velocity`` (models, rows, columns) m/s on the fine grid, from which the upper rows and the
            middle columns are taken; None for models of the synthetic survey.
        seed: of the synthetic survey.
        salt_velocity: m/s from which a cell of a file is salt; the survey knows exactly.

    Raises:
        ValueError: if models are smaller than ``factor`` times ``size``, or the file holds something else.
    """

    def __init__(
        self,
        group: str,
        acquisition: Acquisition,
        size: tuple[int, int],
        *,
        factor: int = 3,
        path: str | os.PathLike | None = None,
        seed: int = 3,
        salt_velocity: float = 4250.0,
    ) -> None:
        self.group, self.acquisition, self.factor = group, acquisition, factor
        self.fine_acquisition = acquisition.finer(factor)
        self._shape = (size[0] * factor, size[1] * factor)
        self._salt_velocity = salt_velocity
        self._survey = self._models = None
        self._source = f'survey of seed {seed}'
        if path is None:
            self._survey = VelocitySurvey(self._shape, dx=acquisition.dx / factor, seed=seed)
        else:
            self._models = _read_models(Path(path), self._shape)
            self._source = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]

    @property
    def identity(self) -> str:
        """What tells these models and gathers from others of the same name."""
        return f'{self._source}, {self.factor} times finer, {self.acquisition.key}'

    def __len__(self) -> int:
        return 10**6 if self._models is None else len(self._models)

    def fine(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Velocity and salt of a model on the fine grid."""
        if self._survey is not None:
            model = self._survey.model(index)
            return model.velocity, model.salt
        model = self._models[index]
        first = (model.shape[1] - self._shape[1]) // 2
        velocity = model[: self._shape[0], first : first + self._shape[1]].astype(np.float32)
        velocity = check_velocity(velocity, f'{self.group} {index}')
        return velocity, (velocity >= self._salt_velocity).astype(np.uint8)

    def case(self, index: int, folder: Path) -> Case:
        """A model, its gathers read from ``folder`` or modelled and kept there."""
        path = folder / f'{self.group}_{index:04d}_{self.fine_acquisition.key}.npz'
        fine, fine_salt = self.fine(index)
        middle = slice(self.factor // 2, None, self.factor)
        velocity, salt = (np.ascontiguousarray(array[middle, middle]) for array in (fine, fine_salt))
        if not path.is_file():
            write_example(path, observe(fine, self.acquisition, self.factor), velocity, salt)
        return Case(self.group, f'{index:04d}', velocity, salt, read_example(path)[0])


def observe(fine: np.ndarray, acquisition: Acquisition, factor: int) -> np.ndarray:
    """Gathers over a model on the fine grid.

    A source's strength in the ground goes with the area of its cell; the gathers are multiplied by ``factor**2``, to be
    as strong as those modelled on the coarse grid.

    Args:
        fine: (H * factor, W * factor) m/s.
        acquisition: on the coarse grid.
        factor: fine cells to one.
    """
    shots = model_shots(fine, acquisition.finer(factor), accuracy=_ACCURACY, edge=_EDGE, warn=False)
    return shots * np.float32(factor**2)


def add_noise(shots: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Adds white noise of ``ratio`` times the gathers' standard deviation."""
    check_not_negative('add_noise', 'ratio', ratio)
    noise = np.random.default_rng(seed).standard_normal(shots.shape).astype(np.float32)
    return shots + noise * np.float32(ratio * shots.std())


def take_out_low(shots: np.ndarray, dt: float, frequency: float) -> np.ndarray:
    """Takes out what lies below a frequency, Hz; 0 takes out nothing."""
    return low_pass(torch.from_numpy(shots), dt, 0.5 / dt, frequency).numpy() if frequency else shots


def _read_models(path: Path, shape: tuple[int, int]) -> np.ndarray:
    if not path.is_file():
        raise ValueError(f'{str(path)!r} is not a file')
    with np.load(path, allow_pickle=False) as file:
        if 'velocity' not in file.files:
            raise ValueError(f'{path} has no velocity; it holds {", ".join(file.files)}')
        models = file['velocity']
    if models.ndim != 3 or models.shape[1] < shape[0] or models.shape[2] < shape[1]:
        raise ValueError(f'{path}: models must be at least {shape[0]} x {shape[1]}, got an array of {models.shape}')
    return models
