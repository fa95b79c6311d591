"""Checkpoints that are either whole or absent, and read without running code from them."""

from pathlib import Path

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend

from mmattn.common.files import write_whole


class AtomicBackend(LocalBackend):
    """The local disk, with files that appear under their name only once they are whole.

    mmengine writes a checkpoint in place: a run that is killed meanwhile leaves half a file, on which a resumed run
    fails. Use it by ``CheckpointHook(backend_args=dict(backend='AtomicBackend'))``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Writes ``obj`` beside ``filepath``, then renames it."""
        write_whole(filepath, obj)


def allow_runner_checkpoints() -> None:
    """Lets ``torch.load(weights_only=True)`` read what mmengine's runner saves beside the weights.

    mmengine's own list lacks float32 among the NumPy types of a log buffer; without it every checkpoint is read a
    second time with ``weights_only=False``.
    """
    torch.serialization.add_safe_globals([type(np.dtype(name)) for name in ('float32', 'float16', 'int32', 'bool')])


register_backend('AtomicBackend', AtomicBackend, force=True)
allow_runner_checkpoints()
