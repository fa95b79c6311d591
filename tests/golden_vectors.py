"""Reads the reference vectors in tests/golden."""

from pathlib import Path

import numpy as np
import torch


def load_golden(name: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Returns the published weights, and inputs and outputs under their ``x/`` and ``y/`` names."""
    with np.load(Path(__file__).parent / 'golden' / f'{name}.npz') as file:
        tensors = {key: torch.from_numpy(file[key]) for key in file.files if not key.startswith('meta/')}
    weights = {key[2:]: value for key, value in tensors.items() if key.startswith('w/')}
    return weights, {key: value for key, value in tensors.items() if not key.startswith('w/')}
