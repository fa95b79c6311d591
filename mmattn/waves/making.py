"""Gathers of many models, into files that networks are trained from."""

import csv
import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import io as matlab

from mmattn.common.checks import check_choice, check_number, check_whole
from mmattn.common.files import ARRAY_ERRORS, write_whole, written_whole
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import check_velocity
from mmattn.seismic.shots.files import SUFFIXES, VELOCITY_KEYS, read_salt, read_velocity
from mmattn.seismic.shots.pairs import WRITTEN
from mmattn.seismic.shots.sampling import decimate
from mmattn.seismic.synthetic.velocity import VelocitySurvey
from mmattn.waves.cache import write_example
from mmattn.waves.modelling import model_shots
from mmattn.waves.propagation import get_deepwave

_BYTES = dict(npz=2, fcnvmb=4, ddnet=4, openfwi=4)  # of a sample of the gathers

Model = tuple[np.ndarray, np.ndarray | None]


class FileModels:
    """Velocity models of files.

    Args:
        path: a folder with a model a file, or an .npy or .npz file of one or several, (models, H, W).
        segy: options of ``read_velocity``, for SEG-Y.
        dx: metres a cell that SEG-Y must state.

    Raises:
        FileNotFoundError: if there is nothing.
        ValueError: if the first model cannot be used.
    """

    def __init__(self, path: str | os.PathLike, *, segy: Mapping | None = None, dx: float | None = None) -> None:
        path, self._segy, self._dx = Path(path), dict(segy or {}), dx
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
            self._items = [(file.stem, file, None) for file in files]
        elif path.is_file() and path.suffix in ('.npy', '.npz'):
            count = _count(path)
            self._items = [(f'{path.stem}_{item:05d}', path, item if count > 1 else None) for item in range(count)]
        elif path.is_file():
            self._items = [(path.stem, path, None)]
        else:
            raise FileNotFoundError(f'models {str(path)!r} is neither a file nor a folder')
        if not self._items:
            raise FileNotFoundError(f'models {str(path)!r} holds no files of {", ".join(SUFFIXES)}')
        self.shape = self[0][0].shape

    def __len__(self) -> int:
        return len(self._items)

    def name(self, index: int) -> str:
        """What a model is called."""
        return self._items[index][0]

    def __getitem__(self, index: int) -> Model:
        _, path, item = self._items[index]
        return read_velocity(path, item=item, segy=self._segy, dx=self._dx), None


class SyntheticModels:
    """Velocity models of the synthetic survey, with exact salt.

    Args:
        count: of models.
        size: rows and columns.
        dx: metres a cell.
        seed: of the survey.
    """

    def __init__(self, count: int, *, size: tuple[int, int], dx: float, seed: int) -> None:
        self._count = check_whole('--synthetic', count, least=1)
        self._survey = VelocitySurvey(size, dx=dx, seed=seed)
        self.shape = self._survey.size

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        """What a model is called."""
        return f'synthetic_{self._survey.seed}_{index:06d}'

    def __getitem__(self, index: int) -> Model:
        model = self._survey.model(index)
        return model.velocity, model.salt


@dataclass(frozen=True)
class MakeOptions:
    """How gathers are made and written.

    Args:
        decimate: every so many-th sample is kept, after a zero-phase low-pass.
        layout: 'npz', 'fcnvmb', 'ddnet' or 'openfwi', as ``find_pairs`` reads them.
        split: 'train' or 'test', where the layout has folders for them.
        jobs: processes.
        memory: MiB for the shots that one process models at once.
        device: where to model.
    """

    decimate: int = 1
    layout: str = 'npz'
    split: str = 'train'
    jobs: int = 1
    memory: float = 1024
    device: str = 'cpu'

    def __post_init__(self) -> None:
        check_whole('--decimate', self.decimate, least=1)
        check_choice('make_shots', '--layout', self.layout, WRITTEN)
        if not self.split or Path(self.split).name != self.split:
            raise ValueError(f'--split must be a name such as train or test, got {self.split!r}')
        check_whole('--jobs', self.jobs, least=1)
        check_number('--memory', self.memory, low=1)


@dataclass(frozen=True)
class Work:
    """What is to be done, and what to say about it before it starts."""

    models: FileModels | SyntheticModels
    acquisition: Acquisition
    out: Path
    options: MakeOptions
    missing: tuple[int, ...]
    lines: tuple[str, ...]


def plan(
    models: FileModels | SyntheticModels, acquisition: Acquisition, out: str | os.PathLike, options: MakeOptions
) -> Work:
    """Checks everything that can be checked before hours of work.

    Raises:
        ImportError: if deepwave is missing or too old.
        ValueError: if the geometry does not fit the first model, the folder holds gathers of another acquisition, or
            the disk has too little room.
    """
    get_deepwave()
    out = Path(out)
    velocity = models[0][0]
    acquisition.check_model(velocity.shape)
    remarks = acquisition.remarks(velocity)
    kept = -(-acquisition.nt // options.decimate)
    _check_folder(out, acquisition)
    missing = tuple(index for index in range(len(models)) if not _is_there(_files(out, options, models, index)))
    shots, _, receivers = acquisition.shape
    size = shots * kept * receivers * _BYTES[options.layout] + 5 * velocity.size
    total = len(missing) * size
    folder = next(parent for parent in (out, *out.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    cells = float(velocity.min()) / acquisition.peak_frequency / acquisition.dx
    lines = [
        f'{len(models)} models of {velocity.shape[0]} x {velocity.shape[1]} at {acquisition.dx:g} m, {len(missing)} to '
        f'model; {shots} shots, {receivers} receivers, {acquisition.nt} samples, {kept} kept',
        f'{cells:.1f} cells a wavelength in the first model',
        f'about {total / 2**20:.0f} MiB on disk ({size / 2**20:.2f} MiB a model), {free / 2**20:.0f} MiB are free',
        *(f'note: {remark}' for remark in remarks),
    ]
    if total > free:
        raise ValueError(f'{out}: {total / 2**20:.0f} MiB are needed, {free / 2**20:.0f} MiB are free')
    if missing:
        start = time.perf_counter()
        few = Acquisition(**{**acquisition.as_dict(), 'sources': acquisition.sources[:1]})
        model_shots(velocity, few, memory=options.memory, device=options.device, warn=False)
        seconds = (time.perf_counter() - start) * shots * len(missing) / options.jobs
        lines.append(f'about {seconds / 60:.1f} minutes, going by one shot')
    return Work(models, acquisition, out, options, missing, tuple(lines))


def make_shots(work: Work, *, progress: Callable[[str, int, int], None] | None = None) -> int:
    """Models what is missing, and returns how many models that was.

    Each file is whole or not there. ``acquisition.json`` is written first, ``index.csv`` (name, lowest and highest
    velocity, share of salt where it is known) last.

    Raises:
        OSError: if the disk is full; what was written before stays, and a second run goes on.
        ValueError: if a model cannot be used; the message names it.
    """
    work.out.mkdir(parents=True, exist_ok=True)
    work.acquisition.save(work.out / 'acquisition.json')
    done = 0
    if work.options.jobs == 1:
        for index in work.missing:
            _make(work, index)
            done += 1
            if progress is not None:
                progress('models', done, len(work.missing))
    else:
        with ProcessPoolExecutor(work.options.jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            futures = [pool.submit(_make, work, index) for index in work.missing]
            try:
                for future in as_completed(futures):
                    future.result()
                    done += 1
                    if progress is not None:
                        progress('models', done, len(work.missing))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    _write_index(work)
    return done


def _make(work: Work, index: int) -> None:
    name, options = work.models.name(index), work.options
    velocity, salt = work.models[index]
    if velocity.shape != tuple(work.models.shape):
        raise ValueError(f'{name}: the model is {velocity.shape}, the first one {tuple(work.models.shape)}')
    velocity = check_velocity(velocity, name)
    try:
        shots = model_shots(velocity, work.acquisition, memory=options.memory, device=options.device, warn=False)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error
    shots = decimate(shots, options.decimate)
    files = _files(work.out, options, work.models, index)
    if options.layout == 'npz':
        write_example(files[0], shots, velocity, salt)
        return
    arrays = (shots, velocity) if options.layout == 'openfwi' else (shots.transpose(1, 2, 0), velocity)
    keys = dict(fcnvmb=('Rec', 'vmodel'), ddnet=('data', 'data'), openfwi=(None, None))[options.layout]
    for path, array, key in reversed(list(zip(files, arrays, keys))):  # the gathers last: they say that all is there
        with written_whole(path) as temporary:
            if key is None:
                np.save(temporary, array[None] if array.ndim == 3 else array[None, None])
            else:
                matlab.savemat(temporary, {key: array}, do_compression=True)


def _files(out: Path, options: MakeOptions, models: FileModels | SyntheticModels, index: int) -> list[Path]:
    """Gathers and model of one model; one file of both in the npz layout."""
    split, number = options.split, index + 1
    if options.layout == 'npz':
        return [out / split / f'{models.name(index)}.npz']
    if options.layout == 'fcnvmb':
        return [out / f'georec_{split}' / f'georec{number}.mat', out / f'vmodel_{split}' / f'vmodel{number}.mat']
    if options.layout == 'ddnet':
        return [out / f'{split}_data' / kind / f'{kind}{number}.mat' for kind in ('seismic', 'vmodel')]
    return [out / split / kind / f'{kind}{number}.npy' for kind in ('data', 'model')]


def _is_there(files: list[Path]) -> bool:
    return all(path.is_file() for path in files)


def _check_folder(out: Path, acquisition: Acquisition) -> None:
    path = out / 'acquisition.json'
    if path.is_file() and (differences := acquisition.differences(Acquisition.load(path))):
        raise ValueError(
            f'{path} is of another acquisition: {", ".join(differences)} differ; give another folder or the same '
            'options'
        )


def _write_index(work: Work) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['name', 'file', 'slowest', 'fastest', 'salt'])
    for index in range(len(work.models)):
        path = _files(work.out, work.options, work.models, index)[0]
        velocity, salt = (read_velocity(path), read_salt(path)) if path.suffix == '.npz' else work.models[index]
        share = '' if salt is None else f'{salt.mean():.4f}'
        row = [work.models.name(index), path.relative_to(work.out), f'{velocity.min():.1f}', f'{velocity.max():.1f}']
        table.writerow([*row, share])
    write_whole(work.out / 'index.csv', text.getvalue())


def _count(path: Path) -> int:
    try:
        with open(path, 'rb'):
            loaded = np.load(path, mmap_mode='r', allow_pickle=False)
        if path.suffix == '.npy':
            return len(loaded) if loaded.ndim > 2 else 1
        with loaded:
            key = next((key for key in VELOCITY_KEYS if key in loaded.files), None)
            return 1 if key is None or loaded[key].ndim == 2 else len(loaded[key])
    except ARRAY_ERRORS as error:
        raise ValueError(f'{path} cannot be read; objects are never unpickled: {error}') from error
