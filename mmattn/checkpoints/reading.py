"""Checkpoints are read without running code from them, and damage in them is noticed.

PyTorch reads tensors and plain values without code if it is asked to, but trusts what it finds: it compares no
checksum, though each record of its files has one. mmengine asks at first, and where that fails reads a second time, as
a pickle that may run anything; and it runs the text of the config that a checkpoint holds. ``close_loaders`` puts the
reading of this file in the place of mmengine's, for its loaders alone: ``torch.load`` stays as it is for the rest of
the process. Who trusts a file sets MMATTN_TRUST_CHECKPOINTS=1.
"""

import ast
import contextlib
import logging
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO
from urllib.parse import unquote, urlparse

import numpy as np
import torch

from mmattn.common.names import is_component

TRUST = 'MMATTN_TRUST_CHECKPOINTS'
_OVERRULE = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'  # PyTorch's, what is asked for here
_DTYPES = 'float32', 'float16', 'float64', 'int32', 'int64', 'uint8', 'uint32', 'bool'  # of what hooks log
_NO_CHECKPOINT = {
    b'<': 'it is a page of text, as a download that failed leaves one',
    b'version https://git-lfs': 'it is a pointer of Git LFS: fetch the file itself',
}
_CONFIGS = ('meta', 'config'), ('message_hub', 'runtime_info', 'cfg')  # texts that mmengine runs
_SIGNS_OF_CODE = 'Unsupported g', 'Unsupported class', 'unrecognized function'
_PIECE = 2**24

File = str | os.PathLike | IO[bytes]


class CheckpointError(pickle.UnpicklingError):
    """A checkpoint that cannot be read; the message names it."""


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint that cannot be read without running code from it."""


class DamagedCheckpointError(CheckpointError):
    """A file that is no checkpoint, or not the one that was written."""


def is_trusted() -> bool:
    """Tells whether the environment says that checkpoints may run code."""
    return os.environ.get(TRUST, '').strip().lower() in ('1', 'true', 'yes')


def read_safely(
    file: File, map_location: str | torch.device | Callable | None = None, weights_only: bool | None = None
) -> object:
    """Reads a checkpoint: tensors, plain Python values, and what mmengine's runner saves beside them.

    Args:
        file: a path, or an open file.
        map_location: as of ``torch.load``.
        weights_only: taken because mmengine gives it; False too is refused without MMATTN_TRUST_CHECKPOINTS=1.

    Raises:
        UnsafeCheckpointError: if the file holds anything else.
        DamagedCheckpointError: if it is no checkpoint, or a checksum in it is not that of its content.
        OSError: if it cannot be opened.
    """
    name = _name(file)
    whole = check_whole_file(file)
    if is_trusted():
        with _not_overruled():
            return torch.load(file, map_location=map_location, weights_only=False)
    try:
        with torch.serialization.safe_globals(_allowed()), _not_overruled():
            content = torch.load(file, map_location=map_location, weights_only=True)
    except OSError:
        raise
    except Exception as error:
        reason = ' '.join(str(error).rpartition('WeightsUnpickler error: ')[2].split())[:120]
        if not whole and not any(sign in reason for sign in _SIGNS_OF_CODE):
            raise DamagedCheckpointError(f'checkpoint {name!r} is damaged, or is none ({reason})') from None
        raise UnsafeCheckpointError(
            f'checkpoint {name!r} cannot be read without running code from it ({reason}); '
            f'{TRUST}=1 in the environment reads it all the same, if you trust where it comes from'
        ) from None
    if not whole:
        logging.getLogger('mmattn').warning('%s has no checksums: damage in it would go unnoticed', name)
    _take_code_out(content, name)
    return content


def _name(file: File) -> str:
    return os.fspath(file) if isinstance(file, str | os.PathLike) else str(getattr(file, 'name', 'in memory'))


@contextlib.contextmanager
def _not_overruled() -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in _OVERRULE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def check_whole_file(file: File) -> bool:
    """Compares the checksums of a checkpoint's records with their content.

    Args:
        file: a path, or an open file, which is left at its beginning.

    Returns:
        Whether it has checksums. Files of PyTorch before 1.6 have none, nor those that were written without.

    Raises:
        DamagedCheckpointError: if one differs, the file is empty or plainly something else.
        OSError: if it cannot be opened.
    """
    name = _name(file)
    with open(file, 'rb') if isinstance(file, str | os.PathLike) else contextlib.nullcontext(file) as opened:
        opened.seek(0)
        head = opened.read(64).lstrip()
        if not head:
            raise DamagedCheckpointError(f'checkpoint {name!r} is empty')
        for begin, what in _NO_CHECKPOINT.items():
            if head.startswith(begin):
                raise DamagedCheckpointError(f'{name!r} is no checkpoint: {what}')
        opened.seek(0)
        try:
            whole = head.startswith(b'PK') and _has_right_checksums(opened, name)
        except CheckpointError:
            raise
        except Exception as error:  # zipfile has many for a file that is none
            raise DamagedCheckpointError(f'checkpoint {name!r} is damaged, or was cut short ({error})') from None
        opened.seek(0)
    return whole


def _has_right_checksums(file: IO[bytes], name: str) -> bool:
    with zipfile.ZipFile(file) as archive:
        records = archive.infolist()
        size = file.seek(0, os.SEEK_END)
        if any(record.compress_type for record in records) or sum(record.file_size for record in records) > size:
            raise DamagedCheckpointError(f'checkpoint {name!r} holds compressed records, which PyTorch does not write')
        wrong = [record.filename for record in records if not _is_right(archive, record)]
        if wrong and len(wrong) < len(records):
            raise DamagedCheckpointError(
                f'checkpoint {name!r} is damaged: {len(wrong)} of its {len(records)} records, {wrong[0]} for one, are '
                'not what was written; take another copy, or an earlier one'
            )
        return not wrong


def _is_right(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(record) as content:
            while content.read(_PIECE):
                pass
    except zipfile.BadZipFile:
        return False
    return True


def _allowed() -> list:
    """What a checkpoint may name: NumPy's numbers, and the buffers of mmengine's log."""
    core = getattr(np, '_core', None) or np.core
    allowed = [slice, np.ndarray, np.dtype, *(type(np.dtype(name)) for name in _DTYPES)]
    for owner in 'numpy._core', 'numpy.core':  # of NumPy 2 and 1
        allowed += [(getattr(core.multiarray, f), f'{owner}.multiarray.{f}') for f in ('_reconstruct', 'scalar')]
    buffers = sys.modules.get('mmengine.logging.history_buffer')
    if buffers is not None:  # its statistics are saved as getattr(HistoryBuffer, name)
        kind = buffers.HistoryBuffer

        def getattr_of_buffers(owner: object, attribute: str) -> object:
            if owner is not kind or attribute.startswith('_'):
                raise pickle.UnpicklingError(f'Unsupported getattr({owner!r}, {attribute!r})')
            return getattr(owner, attribute)

        allowed += [kind, (getattr_of_buffers, 'builtins.getattr')]
    return allowed


def _take_code_out(content: object, name: str) -> None:
    """Empties texts of configs that are more than data, in place: mmengine would run them."""
    for *way, last in _CONFIGS:
        owner = content
        for key in way:
            owner = owner.get(key) if isinstance(owner, Mapping) else None
        if isinstance(owner, dict) and last in owner and not is_plain_config(owner[last]):
            owner[last] = ''
            logging.getLogger('mmattn').warning('%s: %s is a program and no data; it is left out', name, last)


def is_plain_config(text: object) -> bool:
    """Tells whether the text of a config is data alone: names set to values, ``dict(…)`` of components among them."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return all(
        isinstance(statement, ast.Assign)
        and all(isinstance(target, ast.Name) and target.id != '_base_' for target in statement.targets)
        and all(_is_plain(node) for node in ast.walk(statement.value))
        for statement in statements
    )


_PLAIN = (
    ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.UnaryOp, ast.USub, ast.UAdd, ast.keyword, ast.Load,
)  # fmt: skip


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ''
        pairs = all(isinstance(argument, ast.Dict) for argument in node.args)  # dict({'0.1': 3}), as mmengine prints it
        return name in ('set', 'tuple', 'list') or (name == 'dict' and pairs)
    if isinstance(node, ast.keyword) and node.arg == 'type':
        return isinstance(node.value, ast.Constant) and is_component(node.value.value)
    if isinstance(node, ast.Dict):
        names = [value for key, value in zip(node.keys, node.values) if getattr(key, 'value', 'type') == 'type']
        return all(isinstance(name, ast.Constant) and is_component(name.value) for name in names)
    return isinstance(node, _PLAIN) or (isinstance(node, ast.Name) and node.id in ('dict', 'set', 'tuple', 'list'))


def fetch(url: str, folder: str | os.PathLike | None = None, *, progress: bool = False) -> Path:
    """Downloads a file into PyTorch's cache unless it is there, and returns its path.

    Raises:
        OSError: if it cannot be fetched.
    """
    folder = Path(torch.hub.get_dir()) / 'checkpoints' if folder is None else Path(folder)
    path = folder / Path(unquote(urlparse(url).path)).name
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=progress)
    return path


def read_url(
    url: str,
    model_dir: str | None = None,
    map_location: str | torch.device | Callable | None = None,
    progress: bool = False,
    **_: object,
) -> object:
    """Reads a checkpoint from an address as ``read_safely`` does; arguments as of PyTorch's ``load_url``."""
    return read_safely(fetch(url, model_dir, progress=progress), map_location)


def close_loaders(module: ModuleType) -> None:
    """Lets mmengine's loaders read by ``read_safely``.

    Args:
        module: ``mmengine.runner.checkpoint``, once it is imported.
    """
    module._safe_torch_load = read_safely
    module.load_url = read_url

    def load_from_local(filename: str, map_location: str | Callable | None) -> object:
        return read_safely(os.path.expanduser(filename), map_location)

    module.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
