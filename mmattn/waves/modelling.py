"""Shot gathers from a velocity model."""

import warnings

import numpy as np
import torch

from mmattn.common.checks import check_number
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import check_velocity
from mmattn.waves.propagation import propagate, shots_at_once


def model_shots(
    velocity: np.ndarray,
    acquisition: Acquisition,
    *,
    memory: float = 1024,
    accuracy: int = 4,
    edge: int = 20,
    device: str = 'cpu',
    warn: bool = True,
) -> np.ndarray:
    """Models gathers by the 2-D acoustic wave equation of constant density.

    A source of amplitude w(t) in a cell drives ``laplacian(p) - p_tt / v**2 = w(t) * dx**2 * delta``, as deepwave has
    it: the same wavelet on two grids gives gathers that differ by the ratio of their ``dx**2``.

    Args:
        velocity: (H, W), m/s.
        acquisition: the geometry.
        memory: MiB for the shots that are modelled at once.
        accuracy: order of the finite differences, 2, 4, 6 or 8.
        edge: cells of the absorbing layer.
        device: where to compute.
        warn: whether to warn of few cells a wavelength and of short traces.

    Returns:
        Pressure, float32 (shots, samples, receivers).

    Raises:
        ImportError: if deepwave is missing or too old.
        ValueError: if the model or the acquisition is wrong, or has fewer than 4 cells a wavelength.
    """
    velocity = check_velocity(np.asarray(velocity), 'velocity')
    acquisition.check_model(velocity.shape)
    check_number('memory (MiB)', memory, low=1)
    for remark in acquisition.remarks(velocity):
        if warn:
            warnings.warn(remark, stacklevel=2)
    count = shots_at_once(acquisition, velocity.shape, memory, gradient=False)
    model = torch.as_tensor(velocity, device=device)
    gathers = np.empty(acquisition.shape, np.float32)
    with torch.no_grad():
        for start in range(0, len(gathers), count):
            shots = range(start, min(start + count, len(gathers)))
            gathers[start : shots.stop] = propagate(model, acquisition, shots, accuracy=accuracy, edge=edge).cpu()
    return gathers
