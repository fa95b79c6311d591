"""What an unfinished prediction has computed: files beside the output, a journal of finished blocks, a lock.

Everything goes through explicit reads and writes: pages of a memory map would count as the process's own memory. A
block enters the journal only after its samples are on the disk, and writing it again gives the same bytes, so a
prediction may end at any moment and go on from the journal. When all is written the folder gets another name before
anything in it goes, so what is half deleted is never taken for a prediction to go on with.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mmattn.common.disk import naming
from mmattn.common.files import hold_folder, write_whole

Block: TypeAlias = tuple[str, int, int]  # direction, first line, line after the last

_PLAN, _LOCK, _OUTPUTS, _JOURNAL, _DONE = 'plan.json', 'lock', 'outputs.txt', 'journal-{}.txt', '.done'
_KEPT = 'what was predicted before is kept'


class ScratchArray:
    """A volume in a file, written and read by lines.

    Args:
        path: the file; made, full of zeros, if need be.
        shape: (num_ilines, num_xlines, num_samples).
        dtype: of the samples.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: type = np.float32) -> None:
        self._path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        size = _num_bytes(shape, dtype)
        if os.fstat(self._file).st_size != size:
            with naming(path, _KEPT):
                os.ftruncate(self._file, size)

    def write(self, direction: str, start: int, block: np.ndarray) -> None:
        """Writes adjacent lines, (num_lines, num_traces, num_samples), from line ``start`` of a direction on."""
        block = np.ascontiguousarray(block, self.dtype)
        if direction == 'iline':
            self._write(start * self.shape[1], block)
            return
        for iline in range(self.shape[0]):
            self._write(iline * self.shape[1] + start, np.ascontiguousarray(block[:, iline]))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Reads inlines ``start`` to ``stop``: (stop - start, num_xlines, num_samples).

        Raises:
            OSError: if the file is shorter than it was made.
        """
        result = np.empty((stop - start, *self.shape[1:]), self.dtype)
        view, offset = memoryview(result).cast('B'), start * self.shape[1] * self.shape[2] * self.dtype.itemsize
        while view:
            count = os.preadv(self._file, [view], offset)
            if not count:
                raise OSError('a scratch file of the prediction is shorter than it was made')
            view, offset = view[count:], offset + count
        return result

    def sync(self) -> None:
        """Returns once everything written is on the disk."""
        with naming(self._path, _KEPT):
            os.fsync(self._file)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _write(self, trace: int, samples: np.ndarray) -> None:
        view, offset = memoryview(samples).cast('B'), trace * self.shape[2] * self.dtype.itemsize
        with naming(self._path, _KEPT):
            while view:
                count = os.pwrite(self._file, view, offset)
                view, offset = view[count:], offset + count


class Scratch:
    """The folder of an unfinished prediction.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None

    @property
    def begun(self) -> bool:
        """Whether an unfinished prediction is there."""
        return (self.folder / _PLAN).is_file()

    def begin(self, plan: Mapping[str, object], *, resume: bool) -> None:
        """Makes the folder, or goes on with the one that is there; to be called by the first process alone.

        Args:
            plan: everything that decides the numbers, by the name under which a difference is told.
            resume: whether an unfinished prediction may be there.

        Raises:
            FileExistsError: if an unfinished prediction is there without ``resume``, or another process is at it.
            ValueError: if the unfinished prediction had another plan, or its plan cannot be read.
        """
        if self.begun and not resume:
            raise FileExistsError(
                f'{self.folder} holds an unfinished prediction: resume it (--resume), or delete that folder'
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock(self.folder)
        if not self.begun:
            for left in [*self.folder.glob(_JOURNAL.format('*')), self.folder / _OUTPUTS]:
                left.unlink(missing_ok=True)
            write_whole(self.folder / _PLAN, json.dumps(plan, indent=1))
            return
        try:
            changes = _differences(_read_plan(self.folder), plan)
            if changes:
                raise ValueError(
                    f'the unfinished prediction in {self.folder} cannot be resumed: {"; ".join(changes)}. '
                    'Go on as it was begun, or delete that folder'
                )
        except ValueError:
            self.release()
            raise

    def was_completed(self, plan: Mapping[str, object]) -> bool:
        """Tells whether a prediction of this plan ended while its folder was being deleted, and deletes the rest.

        Raises:
            FileExistsError: if another process is deleting it.
        """
        folder = self._done_folder
        if not folder.is_dir():
            return False
        self._take_lock(folder)
        try:
            same = not _differences(_read_plan(folder), plan)
        except ValueError:
            same = False
        self._delete(folder)
        return same

    def keep_only(self, blocks: set[Block]) -> None:
        """Rewrites the journals to these blocks: what became of the others has to be predicted again."""
        journal = ''.join(' '.join(map(str, block)) + '\n' for block in sorted(blocks))
        write_whole(self.folder / _JOURNAL.format(0), journal)
        for path in self.folder.glob(_JOURNAL.format('*')):
            if path.name != _JOURNAL.format(0):
                path.unlink()

    def is_whole(self, name: str, shape: tuple[int, int, int], dtype: type = np.float32) -> bool:
        """Tells whether one of the folder's volumes is there in its full size."""
        path = self._array_path(name, dtype)
        return path.is_file() and path.stat().st_size == _num_bytes(shape, dtype)

    def held(self) -> int:
        """Bytes on the disk that the folder's files take already."""
        return sum(path.stat().st_blocks * 512 for path in self.folder.glob('*') if path.is_file())

    def array(self, name: str, shape: tuple[int, int, int], dtype: type = np.float32) -> ScratchArray:
        """Opens one of the folder's volumes."""
        return ScratchArray(self._array_path(name, dtype), shape, dtype)

    def finished(self) -> set[Block]:
        """The blocks in the journals of all processes; a line that is damaged, or cut short, does not count."""
        blocks: set[Block] = set()
        for path in self.folder.glob(_JOURNAL.format('*')):
            for line in path.read_text(encoding='utf-8', errors='replace').splitlines(keepends=True):
                words = line.split()
                if (
                    line.endswith('\n')
                    and len(words) == 3
                    and words[0].isascii()
                    and all(word.isdecimal() for word in words[1:])
                ):
                    blocks.add((words[0], int(words[1]), int(words[2])))
        return blocks

    def record(self, block: Block, *, rank: int) -> None:
        """Adds a block, whose samples are on the disk, to a process's journal."""
        _append(self.folder / _JOURNAL.format(rank), ' '.join(map(str, block)))

    def claim(self, output: Path) -> None:
        """Notes that an output is about to be written: a resumed run may replace it.

        Raises:
            FileExistsError: if it is there and this prediction has not written it.
        """
        if output.exists() and output.resolve() not in self.claimed():
            raise FileExistsError(
                f'{output} has been written meanwhile, by another prediction maybe; {_KEPT}: go on (--resume) with '
                'another name for it'
            )
        _append(self.folder / _OUTPUTS, str(output.resolve()))

    def claimed(self) -> set[Path]:
        """The outputs that this prediction had begun to write."""
        path = self.folder / _OUTPUTS
        return set(map(Path, path.read_text(encoding='utf-8').splitlines())) if path.is_file() else set()

    def remove(self) -> None:
        """Deletes the folder of a prediction whose outputs are written, and lets go of its lock last."""
        folder = self._done_folder
        if folder.exists():
            shutil.rmtree(folder)
        self.folder.rename(folder)
        self._delete(folder)

    def release(self) -> None:
        """Lets other processes at the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _done_folder(self) -> Path:
        return self.folder.with_name(self.folder.name + _DONE)

    def _array_path(self, name: str, dtype: type) -> Path:
        return self.folder / f'{name}.{np.dtype(dtype).name}'

    def _delete(self, folder: Path) -> None:
        """Deletes a finished prediction's folder: what is large first, the plan that tells of it and the lock last."""
        last = [folder / _PLAN, folder / _LOCK]
        for path in [*(path for path in folder.iterdir() if path not in last), *last]:
            if path.is_dir():  # half of a plan that a killed process was writing
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        folder.rmdir()
        self.release()

    def _take_lock(self, folder: Path) -> None:
        try:
            self._lock = hold_folder(folder, _LOCK)
        except FileExistsError as error:
            raise FileExistsError(f'another process is predicting into {self.folder}: {error}') from None


def _read_plan(folder: Path) -> dict[str, object]:
    path = folder / _PLAN
    try:
        plan = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(plan, dict):
            raise ValueError(f'it holds no settings but {plan!r}')
    except (OSError, ValueError) as error:
        raise ValueError(
            f'the plan of the unfinished prediction, {path}, cannot be read ({error}); delete {folder} to begin anew'
        ) from None
    return plan


def _differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    new = json.loads(json.dumps(new))
    return [f'{key} was {old.get(key)}, is {new.get(key)}' for key in {**old, **new} if old.get(key) != new.get(key)]


def _num_bytes(shape: tuple[int, int, int], dtype: type) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def _append(path: Path, line: str) -> None:
    """Adds a line to a file; one that a kill cut short is closed first."""
    with naming(path, _KEPT), open(path, 'a', encoding='utf-8') as file:
        if file.tell() and path.read_bytes()[-1:] != b'\n':
            file.write('\n')
        file.write(line + '\n')
        file.flush()
        os.fsync(file.fileno())


def line_ranges(num_lines: int, step: int) -> Iterator[tuple[int, int]]:
    """Cuts lines 0 to ``num_lines`` into ranges of ``step``."""
    for start in range(0, num_lines, step):
        yield start, min(start + step, num_lines)
