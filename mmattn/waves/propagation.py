"""The one place that calls deepwave."""

import importlib
from collections.abc import Sequence
from importlib import metadata
from types import ModuleType

import torch
from torch import Tensor

from mmattn.seismic.shots.acquisition import Acquisition

OLDEST = (0, 1, 0)
_INSTALL = "pip install 'mmattn[fwi]'"


def get_deepwave() -> ModuleType:
    """Imports deepwave.

    Raises:
        ImportError: if it is missing or older than 0.1.0, whose results are named; says how to install it.
    """
    try:
        module = importlib.import_module('deepwave')
    except ImportError as error:
        raise ImportError(f'modelling and refinement need deepwave, which is not installed: {_INSTALL}') from error
    version = metadata.version('deepwave')
    numbers = tuple(int(part) for part in version.split('.')[:3] if part.isdigit())
    if numbers < OLDEST:
        raise ImportError(f'deepwave {version} is installed, at least 0.1.0 is needed: {_INSTALL}')
    return module


def propagate(
    velocity: Tensor,
    acquisition: Acquisition,
    shots: Sequence[int],
    *,
    accuracy: int = 4,
    edge: int = 20,
    max_velocity: float | None = None,
    sampling: int = 1,
) -> Tensor:
    """Models some shots, differentiably.

    Args:
        velocity: (H, W) m/s, float32 or float64.
        acquisition: the geometry.
        shots: their numbers.
        accuracy: order of the finite differences, 2, 4, 6 or 8.
        edge: cells of the absorbing layer.
        max_velocity: for the inner time step, so that it stays the same while a model changes.
        sampling: inner steps from sample to sample of the gradient's wavefield.

    Returns:
        (len(shots), nt, receivers).
    """
    deepwave = get_deepwave()
    device = velocity.device
    source = torch.as_tensor(acquisition.source(), device=device, dtype=velocity.dtype)
    source = torch.nn.functional.pad(source, (0, -acquisition.nt % sampling))  # deepwave wants whole blocks
    sources = torch.tensor([[acquisition.sources[shot]] for shot in shots], device=device)
    receivers = torch.tensor([acquisition.receivers], device=device).expand(len(shots), -1, -1)
    surface = dict(boundary=['free', 'pml', 'pml', 'pml'], pml_width=[0, edge, edge, edge])
    output = deepwave.scalar(
        velocity,
        acquisition.dx,
        acquisition.dt,
        source_amplitudes=source.repeat(len(shots), 1, 1),  # PyTorch 2.6 transforms no views of one row
        source_locations=sources,
        receiver_locations=receivers,
        accuracy=accuracy,
        pml_freq=acquisition.peak_frequency,
        max_vel=max_velocity,
        model_gradient_sampling_interval=sampling,
        **(surface if acquisition.free_surface else dict(pml_width=edge)),
    )
    return output.receiver_amplitudes[:, :, : acquisition.nt].transpose(1, 2)


def shots_at_once(acquisition: Acquisition, shape: tuple[int, int], memory: float, *, gradient: bool) -> int:
    """How many shots fit into ``memory`` MiB, one at least.

    Counted: five wavefields and the traces of a shot; with a gradient one wavefield a sample as well.
    """
    cells = (shape[0] + 40) * (shape[1] + 40)
    values = 5 * cells + 2 * acquisition.nt * len(acquisition.receivers)
    values += cells * acquisition.nt if gradient else 0
    return max(1, int(memory * 2**20 / (4 * values)))
