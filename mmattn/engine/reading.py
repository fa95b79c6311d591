"""Checkpoints are read without running code from them, on every road that begins with ``import mmattn``.

mmengine reads a checkpoint without code at first, and where that fails a second time as a pickle that may run anything.
Here its one reading function is replaced by ours, which does not: for mmengine's loaders alone, so that ``torch.load``
stays as it is for the rest of the process. Who trusts a file sets MMATTN_TRUST_CHECKPOINTS=1.
"""

import os
import pickle
from collections.abc import Callable
from typing import IO
from unittest.mock import patch

import mmengine.runner.checkpoint as mmengine_checkpoint
import numpy as np
import torch
from mmengine.runner.checkpoint import get_torch_safe_globals

TRUST = 'MMATTN_TRUST_CHECKPOINTS'
_OPENS_ALL = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'  # PyTorch's, which would overrule what is asked for here
_DTYPES = 'float32', 'float16', 'float64', 'int32', 'int64', 'uint8', 'bool'  # of what hooks leave in a log buffer


class UnsafeCheckpointError(pickle.UnpicklingError):
    """A checkpoint that cannot be read without running code from it, or that is none."""


def is_trusted() -> bool:
    """Tells whether the environment says that checkpoints may run code."""
    return os.environ.get(TRUST, '').strip().lower() in ('1', 'true', 'yes')


def read_safely(
    file: str | os.PathLike | IO[bytes],
    map_location: str | torch.device | Callable | None = None,
    weights_only: bool | None = None,
) -> object:
    """Reads a checkpoint: tensors, plain Python values, and what mmengine's runner saves beside them.

    Args:
        file: a path, or an open file.
        map_location: as of ``torch.load``.
        weights_only: taken because mmengine gives it; False too is refused without MMATTN_TRUST_CHECKPOINTS=1.

    Raises:
        UnsafeCheckpointError: if the file holds anything else; the message names it.
        OSError: if it cannot be opened.
    """
    if is_trusted():
        return torch.load(file, map_location=map_location, weights_only=False)
    allowed = [*get_torch_safe_globals(), *(type(np.dtype(name)) for name in _DTYPES)]
    environment = {name: value for name, value in os.environ.items() if name != _OPENS_ALL}
    try:
        with torch.serialization.safe_globals(allowed), patch.dict(os.environ, environment, clear=True):
            return torch.load(file, map_location=map_location, weights_only=True)
    except OSError:
        raise
    except Exception as error:
        name = getattr(file, 'name', file)
        reason = ' '.join(str(error).split())[:200]
        raise UnsafeCheckpointError(
            f'checkpoint {str(name)!r} cannot be read without running code from it, or is damaged ({reason}); '
            f'{TRUST}=1 in the environment reads it all the same, if you trust where it comes from'
        ) from None


mmengine_checkpoint._safe_torch_load = read_safely
