"""Folders of gathers and velocity models: which gathers belong to which model, in each published layout."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmattn.common.files import ARRAY_ERRORS

WRITTEN = ('npz', 'fcnvmb', 'ddnet', 'openfwi')  # by tools/make_shots.py
LAYOUTS = (*WRITTEN, 'openfwi-list', 'segy')
_HOW = 'model the gathers with `python tools/make_shots.py MODELS OUT`'


@dataclass(frozen=True)
class Pair:
    """Gathers and the model they were recorded over.

    Attributes:
        name: for logs, tables and files.
        shots: file of the gathers.
        velocity: file of the model.
        item: position in files of several; None in files of one.
    """

    name: str
    shots: str
    velocity: str
    item: int | None = None


def find_pairs(data_root: str | os.PathLike, layout: str, split: str = 'train') -> list[Pair]:
    """Lists the pairs of a folder, by number.

    ============== ==============================================================================================
    layout         files
    ============== ==============================================================================================
    npz            ``{split}/*.npz``, or ``*.npz`` where there is no such folder: gathers and model in each
    fcnvmb         ``georec_{split}/{georec,srec}N.mat`` and ``vmodel_{split}/{vmodel,svmodel,saltv}N.mat``
    ddnet          ``{split}_data/{seismic/seismic,vmodel/vmodel}N``, .mat of one or .npy of several
    openfwi        ``data/dataN.npy`` and ``model/modelN.npy``, or ``seis….npy`` and ``vel….npy`` in one folder
    openfwi-list   ``{split}``, a text file: path of gathers, TAB, path of models a line
    segy           ``shots_{split}/NAME.sgy`` and ``velocity_{split}/NAME.sgy``
    ============== ==============================================================================================

    Raises:
        FileNotFoundError: if the folder, or one half of a pair, is missing; says what was looked for.
        ValueError: if there is no such layout, or two files of a pair hold different numbers of items.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'layout must be one of {", ".join(map(repr, LAYOUTS))}, got {layout!r}')
    root = Path(data_root)
    if not root.is_dir():
        raise FileNotFoundError(f'data_root={str(root)!r} is not a folder')
    finders: dict[str, Callable[[Path, str], list[tuple[str, Path, Path]]]] = {
        'npz': _npz,
        'fcnvmb': _fcnvmb,
        'ddnet': _ddnet,
        'openfwi': _openfwi,
        'openfwi-list': _openfwi_list,
        'segy': _segy,
    }
    pairs = [pair for name, shots, velocity in finders[layout](root, split) for pair in _items(name, shots, velocity)]
    if not pairs:
        raise FileNotFoundError(f'data_root={str(root)!r}, layout={layout!r}, split={split!r}: no files were found')
    return pairs


def _items(name: str, shots: Path, velocity: Path) -> list[Pair]:
    """One pair, or one an item of .npy files of several; reads their heads alone."""
    for path, what in ((shots, 'gathers'), (velocity, 'velocity models')):
        if not path.is_file():
            raise FileNotFoundError(f'{what} {str(path)!r} is not a file')
    if shots.suffix != '.npy' or velocity.suffix != '.npy':
        return [Pair(name, str(shots), str(velocity))]
    shapes = []
    for path in (shots, velocity):
        try:
            shapes.append(np.load(path, mmap_mode='r', allow_pickle=False).shape)
        except ARRAY_ERRORS as error:
            raise ValueError(f'{path} cannot be read; objects are never unpickled: {error}') from error
    if len(shapes[0]) == 3:
        return [Pair(name, str(shots), str(velocity))]
    if shapes[0][0] != shapes[1][0]:
        raise ValueError(f'{shots} holds {shapes[0][0]} items, {velocity} {shapes[1][0]}')
    return [Pair(f'{name}_{item:04d}', str(shots), str(velocity), item) for item in range(shapes[0][0])]


def _npz(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    folder = root / split if (root / split).is_dir() else root
    return [(path.stem, path, path) for path in sorted(folder.glob('*.npz'))]


def _fcnvmb(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    shots = _numbered(root / f'georec_{split}', r'(georec|srec)(\d+)\.mat')
    models = _numbered(root / f'vmodel_{split}', r'(vmodel|svmodel|saltv)(\d+)\.mat')
    return _join(shots, models, root / f'georec_{split}')


def _ddnet(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    folder = root / f'{split}_data'
    shots = _numbered(folder / 'seismic', r'(seismic)(\d+)\.(?:mat|npy)')
    models = _numbered(folder / 'vmodel', r'(vmodel)(\d+)\.(?:mat|npy)')
    return _join(shots, models, folder / 'seismic')


def _openfwi(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    folder = root / split if (root / split).is_dir() else root
    if (folder / 'model').is_dir():
        shots = _numbered(folder / 'data', r'(data)(\d+)\.npy')
        return _join(shots, _numbered(folder / 'model', r'(model)(\d+)\.npy'), folder / 'data')
    models = sorted(folder.glob('vel*.npy'))
    pairs = [(path.stem[3:].strip('_'), path.with_name('seis' + path.name[3:]), path) for path in models]
    for _, shots, model in pairs:
        if not shots.is_file():
            raise FileNotFoundError(f'{model} has no gathers: {str(shots)!r} is not a file; {_HOW}')
    return pairs


def _openfwi_list(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    path = root / split
    if not path.is_file():
        raise FileNotFoundError(f"layout='openfwi-list': split must be a text file below data_root, no {str(path)!r}")
    pairs = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        parts = line.split('\t')
        if line.strip() and len(parts) != 2:
            raise ValueError(f'{path}, line {number}: expected gathers, TAB, models, got {line!r}')
        if line.strip():
            shots, model = (root / part.strip() for part in parts)
            pairs.append((f'{shots.parent.name}_{shots.stem}', shots, model))
    return pairs


def _segy(root: Path, split: str) -> list[tuple[str, Path, Path]]:
    found = {}
    for kind in ('shots', 'velocity'):
        files = sorted((root / f'{kind}_{split}').glob('*.s*gy'))
        found[kind] = {path.stem: path for path in files if path.suffix in ('.sgy', '.segy')}
    return _join(found['shots'], found['velocity'], root / f'shots_{split}')


def _numbered(folder: Path, pattern: str) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    matches = ((re.fullmatch(pattern, path.name), path) for path in folder.iterdir())
    return {int(match[2]): path for match, path in matches if match}


def _join(shots: dict, models: dict, folder: Path) -> list[tuple[str, Path, Path]]:
    """Pairs by number or name; FileNotFoundError if one half is missing."""
    if missing := sorted(models.keys() - shots.keys()):
        raise FileNotFoundError(
            f'{len(missing)} of {len(models)} velocity models have no gathers in {folder}, {models[missing[0]].name} '
            f'for one; {_HOW}'
        )
    if missing := sorted(shots.keys() - models.keys()):
        raise FileNotFoundError(f'{len(missing)} of {len(shots)} gathers have no model, {shots[missing[0]]} for one')
    return [(models[key].stem, shots[key], models[key]) for key in sorted(models)]
