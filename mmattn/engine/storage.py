"""Checkpoints that are either whole or absent."""

from pathlib import Path

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


register_backend('AtomicBackend', AtomicBackend, force=True)
