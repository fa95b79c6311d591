"""What a salt benchmark trains: a cell for each network, fold and seed, and the protocol that all of them share."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmattn.cli.command_line import read_options
from mmattn.cli.device_augmentation import device_augmentation
from mmattn.cli.launch import load_config
from mmattn.seismic.tiles.statistics import split_digest
from mmattn.seismic.tiles.tgs import FoldRow, read_folds
from mmattn.studies import FINISHED, Cell, read_result

_VALIDATIONS = 6  # of a training, the last at its end
_FIXED = 'randomness', 'work_dir', 'fold', 'train_cfg.max_epochs', 'train_cfg.val_interval'


@dataclass(frozen=True)
class Benchmark:
    """What is compared, and how.

    Args:
        data: folder of the survey, as tools/prepare_tgs.py writes it.
        folds: of that folder: fold and group by tile.
        models: config files by their name.
        images: seen by each training; every cell rounds it to whole epochs of its fold.
        options: ``key=value`` on top of every config.
        out: folder of everything.
        cells: the trainings.
        on_device: whether the trainings augment whole batches on their device.
    """

    data: Path
    folds: Mapping[str, FoldRow]
    models: Mapping[str, Path]
    images: int
    options: tuple[str, ...]
    out: Path
    cells: tuple[Cell, ...]
    on_device: bool = False

    def tiles(self, fold: int) -> tuple[int, int]:
        """How many tiles a cell of this fold trains on, and is tested on."""
        held_out = sum(row.fold == fold for row in self.folds.values())
        return len(self.folds) - held_out, held_out

    def epochs(self, cell: Cell) -> int:
        """How many epochs a cell trains."""
        return max(1, round(self.images / self.tiles(cell.fold)[0]))

    @property
    def digest(self) -> str:
        """Of the split; equal digests mean equal splits."""
        return split_digest(self.folds)[:12]


def find_models(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Finds config files by name or path.

    Args:
        names: of configs in ``folder`` (``ccnet_salt``, or ``ccnet`` for short), or paths; none for every salt config.
        folder: of the experiments.

    Returns:
        Paths by the name of the file, in order.

    Raises:
        ValueError: if there is no such config; the message lists those there are.
    """
    known = {path.stem: path for path in sorted([*folder.glob('*_salt.py'), *folder.glob('salt_*.py')])}
    found: dict[str, Path] = {}
    for name in names or known:
        path = Path(name)
        if path.suffix == '.py' and path.is_file():
            found[path.stem] = path
        elif name in known or f'{name}_salt' in known:
            stem = name if name in known else f'{name}_salt'
            found[stem] = known[stem]
        else:
            raise ValueError(f'no config {name!r}; there are {", ".join(known)} in {str(folder)!r}, or give a path')
    return found


def plan(
    data: Path,
    models: Mapping[str, Path],
    *,
    folds: Sequence[int],
    seeds: Sequence[int],
    images: int,
    options: Sequence[str],
    out: Path,
    on_device: bool = False,
) -> Benchmark:
    """Checks what is asked for; nothing is written.

    Args:
        data: folder of the survey.
        models: config files by their name.
        folds: held out in turn.
        seeds: of the trainings.
        images: seen by each training.
        options: ``key=value`` on top of every config.
        out: folder of everything.
        on_device: whether the trainings augment whole batches on their device.

    Raises:
        ValueError: if the data folder has no such folds, or an option sets what the protocol sets.
    """
    path = data / 'folds.csv'
    if not path.is_file():
        raise ValueError(f'--data: {str(path)!r} is not there; prepare the tiles with tools/prepare_tgs.py')
    rows = read_folds(path)
    there = {row.fold for row in rows.values()}
    if strange := [fold for fold in folds if fold not in there]:
        raise ValueError(f'--folds: {path} has the folds {sorted(there)}, not {", ".join(map(str, strange))}')
    if images < 1:
        raise ValueError(f'--images must be at least 1, got {images}')
    if fixed := [option for option in options if option.startswith(_FIXED)]:
        raise ValueError(f'--cfg-options: the benchmark sets {", ".join(_FIXED)} itself, got {" ".join(fixed)}')
    cells = [
        Cell(name, seed, out / f'{name}-fold{fold}-seed{seed}', fold)
        for seed in dict.fromkeys(seeds)  # seed by seed, so that an early table compares all networks
        for fold in dict.fromkeys(folds)
        for name in models
    ]
    return Benchmark(data.resolve(), rows, dict(models), images, tuple(options), out, tuple(cells), on_device)


def prepare(benchmark: Benchmark) -> None:
    """Writes the cells' configs.

    Raises:
        InputError: if a config cannot be read with the options, or has no augmentation that can be moved.
        ValueError: if a finished cell in the folder was trained with other settings; it would not compare.
    """
    for cell in benchmark.cells:
        epochs = benchmark.epochs(cell)
        lines = [
            f'# {cell.variant}, fold {cell.fold}, seed {cell.seed}; written by tools/salt_benchmark.py',
            f'_base_ = [{str(benchmark.models[cell.variant].resolve())!r}]',
            f'randomness = dict(seed={cell.seed})',
            f'train_cfg = dict(max_epochs={epochs}, val_interval={max(1, epochs // _VALIDATIONS)})',
            *(f'{name}_dataloader = dict(dataset=dict(fold={cell.fold}))' for name in ('train', 'val', 'test')),
        ]
        cell.folder.mkdir(parents=True, exist_ok=True)
        cell.config.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        if benchmark.on_device:
            settings = cell_config(benchmark, cell, with_options=False)
            augment, (pipeline,) = device_augmentation(settings, str(benchmark.models[cell.variant]))
            lines.append(f'model = dict(data_preprocessor=dict(augment={augment!r}))')
            lines.append(f"train_dataloader['dataset']['pipeline'] = {pipeline!r}")
            cell.config.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        cell_config(benchmark, cell)  # wrong options show before any training
        own = _fingerprint(benchmark, cell)
        path = cell.folder / 'fingerprint.txt'
        begun = (cell.work_dir / 'last_checkpoint').is_file() or read_result(cell).status == FINISHED
        if begun and path.is_file() and path.read_text(encoding='utf-8') != own:
            raise ValueError(
                f'{str(cell.folder)!r} was trained with other settings or tiles: take another --out, or remove it'
            )
        path.write_text(own, encoding='utf-8')


def environment(benchmark: Benchmark) -> dict[str, str]:
    """Returns the environment of the trainings: ours, and where the data are."""
    return {**os.environ, 'SALT_DATA': str(benchmark.data)}


def cell_config(benchmark: Benchmark, cell: Cell, *, with_options: bool = True) -> Config:
    """Reads a prepared cell's config as its training will see it, or without the options of the command line.

    Raises:
        InputError: if it cannot be read, or an option sets what nothing reads.
    """
    before = os.environ.get('SALT_DATA')
    os.environ['SALT_DATA'] = str(benchmark.data)
    try:
        return load_config(str(cell.config), read_options(benchmark.options) if with_options else None)
    finally:
        if before is None:
            del os.environ['SALT_DATA']
        else:
            os.environ['SALT_DATA'] = before


def _fingerprint(benchmark: Benchmark, cell: Cell) -> str:
    settings = cell_config(benchmark, cell, with_options=False).to_dict()
    content = json.dumps([settings, benchmark.options, benchmark.digest], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()
