"""Checkpoints that are archives of NumPy arrays, as JAX's are."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmattn.common.files import ARRAY_ERRORS, check_arrays


def is_archive(path: str | Path) -> bool:
    """Tells from its name whether a file, or what lies at an address, is an archive of arrays."""
    return str(path).partition('?')[0].lower().endswith('.npz')


def read_archive(path: str | Path) -> dict[str, Tensor]:
    """Reads an ``.npz`` file without running code from it.

    Args:
        path: of the file.

    Returns:
        Names to tensors.

    Raises:
        ValueError: if the file is no such archive, or holds something beside arrays of numbers.
    """
    try:
        check_arrays(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except FileNotFoundError:
        raise
    except ARRAY_ERRORS as error:
        raise ValueError(f'{str(path)!r} is no archive of arrays of numbers: {error}') from error
