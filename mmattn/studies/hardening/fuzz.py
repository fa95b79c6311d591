"""Damaged inputs of every kind: each is read as if it were right, or refused in one line that names it."""

import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from mmattn.checkpoints.arrays import read_archive
from mmattn.cli.device import fit_to_device
from mmattn.cli.launch import build_runner, choose_work_dir, load_config
from mmattn.cli.running import run
from mmattn.cli.saved_weights import read_checkpoint
from mmattn.cli.settings import SETTINGS
from mmattn.common.errors import InputError
from mmattn.seismic import open_volume
from mmattn.seismic.tiles.archive import TgsSource
from mmattn.seismic.tiles.tgs import read_depths, read_folds, read_image, read_mask, read_rles
from mmattn.studies.hardening import samples
from mmattn.studies.hardening.campaign import Campaign
from mmattn.studies.hardening.isolate import GIB, Case, Outcome, WrongResultError, start_tool, wait_for
from mmattn.studies.hardening.mutations import VALUES, mutate, mutate_text

REFUSALS = (ValueError, OSError, InputError)
SHARES = dict(segy=100, image=10, archive=10, table=10, array=10, checkpoint=6, config=2, command=1)
"""Cases of a round by kind: 10,000 SEG-Y files come with a thousand images, archives and tables."""


def fuzz(campaign: Campaign, root: Path, kinds: tuple[str, ...] = tuple(SHARES)) -> None:
    """Tries damaged inputs, a round and more until the campaign's time is over.

    Args:
        campaign: counts.
        root: of the repository, with ``configs`` and ``tools``.
        kinds: names in ``SHARES``.
    """
    folder = campaign.out / 'inputs'
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    samples.spare_time()
    fuzzer = _Fuzzer(folder, root, random.Random(campaign.seed))
    for number in campaign.rounds():
        for kind, count in SHARES.items():
            if kind not in kinds or (number and campaign.over):
                continue
            if kind == 'command':
                fuzzer.commands(campaign, count)
            else:
                campaign.try_all(getattr(fuzzer, kind)(count), seconds=120 if kind == 'config' else 30)


class _Fuzzer:
    """Makes cases."""

    def __init__(self, folder: Path, root: Path, draw: random.Random) -> None:
        self.folder, self.root, self.draw, self.number = folder, root, draw, 0
        self.survey = samples.write_survey(folder / 'right.sgy').read_bytes()
        self.experiment = samples.write_experiment(folder / 'right.py', root / 'configs')
        self.checkpoint_path = samples.write_checkpoint(folder / 'right.pth', self.experiment)
        self.places = _places(Config.fromfile(self.experiment))
        self.right = read_checkpoint(str(self.checkpoint_path))
        self.small = self._small_checkpoint()
        self.arrays, self.tables, self.zip = samples.make_arrays(), samples.make_tables(), samples.make_archive()

    def _small_checkpoint(self) -> bytes:
        names = list(self.right)[:6]
        path = self.folder / 'small.pth'
        self.few = {name: self.right[name] for name in names}
        torch.save(dict(state_dict=self.few, meta=dict(epoch=1, iter=3, names=['a'])), path)
        return path.read_bytes()

    def _case(self, kind: str, suffix: str, content: bytes, read: Callable[[Path], object]) -> Case:
        path = self.folder / f'{kind}{suffix}'

        def run_it() -> None:
            path.write_bytes(content)
            read(path)

        self.number += 1
        return Case(kind, f'{kind} {self.number}', run_it, REFUSALS, path.name, content)

    def segy(self, count: int) -> Iterator[Case]:
        """SEG-Y files, opened and read whole."""
        for _ in range(count):
            content = mutate(self.survey, self.draw, head=3600 + 400)
            yield self._case('segy', '.sgy', content, _read_survey)

    def image(self, count: int) -> Iterator[Case]:
        """Images and masks."""
        for number in range(count):
            mask = bool(number % 2)
            content = mutate(samples.make_png(number, mask=mask), self.draw, head=60)
            yield self._case('image', '.png', content, read_mask if mask else read_image)

    def archive(self, count: int) -> Iterator[Case]:
        """Zips of tiles, all of them read."""
        for _ in range(count):
            yield self._case('archive', '.zip', mutate(self.zip, self.draw), _read_tiles)

    def table(self, count: int) -> Iterator[Case]:
        """Tables of run lengths, depths and folds."""
        readers = {'train.csv': read_rles, 'depths.csv': read_depths, 'folds.csv': read_folds}
        for number in range(count):
            name = list(readers)[number % 3]
            content = mutate_text(self.tables[name], self.draw).encode('utf-8', 'surrogateescape')
            yield self._case('table', f'-{name}', content, readers[name])

    def array(self, count: int) -> Iterator[Case]:
        """NumPy's files."""
        for number in range(count):
            suffix = list(self.arrays)[number % 2]
            content = mutate(self.arrays[suffix], self.draw, head=300)
            yield self._case('array', suffix, content, _read_survey if suffix == '.npy' else read_archive)

    def checkpoint(self, count: int) -> Iterator[Case]:
        """Checkpoints: what is read must be what was written."""
        for _ in range(count):
            yield self._case('checkpoint', '.pth', mutate(self.small, self.draw), self._read_checkpoint)

    def _read_checkpoint(self, path: Path) -> None:
        found = read_checkpoint(str(path))
        if found.keys() != self.few.keys() or any(not torch.equal(found[name], self.few[name]) for name in found):
            raise WrongResultError('damage was not noticed')

    def config(self, count: int) -> Iterator[Case]:
        """Experiments with a wrong option, one missing or misspelt, trained for an epoch."""
        for _ in range(count):
            self.number += 1
            place = self.draw.choice(self.places)
            way, value = self.draw.choice(('value', 'value', 'value', 'typo', 'missing')), self.draw.choice(VALUES)
            name = (
                f'config {self.number}: {place} = {value!r}'
                if way == 'value'
                else f'config {self.number}: {way} {place}'
            )
            yield Case('config', name, partial(self._train, place, way, value, self.number), (InputError, OSError))

    def _train(self, place: str, way: str, value: object, number: int) -> None:
        path, options = self.folder / f'odd{number}.py', {}
        if way == 'value':
            path = self.experiment
            options = {place: value}
        else:
            config = Config.fromfile(self.experiment)
            *parts, last = place.split('.')
            owner = config._cfg_dict
            for part in parts:
                owner = owner[int(part)] if isinstance(owner, list | tuple) else owner[part]
            removed = owner.pop(last)
            if way == 'typo':
                owner[last[:-1] if len(last) > 2 else f'{last}x'] = removed
            config.dump(path)
        config = load_config(str(path), options)
        config.launcher, config.experiment_name = 'none', f'odd{number}'
        work = self.folder / 'work' / str(number)
        try:
            choose_work_dir(config, str(path), str(work))
            fit_to_device(config)
            run(build_runner(config, str(path), 'train_loop', 'val_loop'), 'train', str(path))
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def commands(self, campaign: Campaign, count: int) -> None:
        """Command lines with wrong values, options left out, doubled or unknown."""
        out, log = self.folder / 'out', self.folder / 'command.log'
        right = {
            'segy_info.py': [self.folder / 'right.sgy'],
            'predict_segy.py': [
                self.experiment, self.checkpoint_path, self.folder / 'right.sgy', out / 'p.sgy', '--window', 32, 32,
                '--batch-size', 4, '--device', 'cpu', '--overlap', 0.25, '--threshold', 0.5, '--memory', 64, '--yes',
            ],
            'test.py': [self.experiment, self.checkpoint_path, '--work-dir', out / 'w'],
            'train.py': [self.experiment, '--work-dir', out / 'w', '--cfg-options', 'train_cfg.max_epochs=1'],
            'prepare_tgs.py': [self.folder / 'right.zip', out / 'tgs'],
            'convert_checkpoint.py': ['torchvision-resnet', self.checkpoint_path, out / 'c.pth'],
        }  # fmt: skip
        (self.folder / 'right.zip').write_bytes(self.zip)
        for _ in range(count):
            tool = self.draw.choice(list(right))
            words = self._wrong(list(map(str, right[tool])))
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            log.write_bytes(b'')
            code = wait_for(start_tool(self.root / 'tools' / tool, words, log, memory=GIB, folder=out), 120)
            said = log.read_text(encoding='utf-8', errors='replace')
            campaign.add('command', f'{tool} {words}', _of_tool(code, said))

    def _wrong(self, words: list[str]) -> list[str]:
        place, way = self.draw.randrange(len(words)), self.draw.randrange(4)
        if way == 0:
            words[place] = str(self.draw.choice(VALUES))
        elif way == 1:
            del words[place]
        elif way == 2:
            words.insert(place, self.draw.choice(('--no-such-option', '-x', '--', '\udcff', '--device', 'meta')))
        else:
            words[place] = words[place][:-1] + self.draw.choice(('', 'x', '/', '\n', '9' * 30))
        return words


def _of_tool(code: int | None, said: str) -> Outcome:
    """What became of a tool by its exit code and its words."""
    if code is None:
        return Outcome('hang', said[-500:])
    if 'MemoryError' in said or "can't allocate" in said:
        return Outcome('memory', said[-500:])
    if 'Traceback (most recent call last)' in said:
        return Outcome('traceback', said[-2000:])
    if code not in (0, 1, 2):
        return Outcome('crash', f'exit code {code}: {said[-500:]}')
    return Outcome('refused' if code else 'accepted', said[-200:])


def _read_survey(path: Path) -> None:
    with open_volume(path) as volume:
        volume.section('iline', 0)
        if volume.shape[1] > 1 and volume.shape[0] > 1:
            volume.section('xline', volume.shape[1] - 1)
        assert np.asarray(volume.live).shape == volume.shape[:2]


def _read_tiles(path: Path) -> None:
    with TgsSource(path) as source:
        for readers in (source.images, source.masks, source.test_images, source.tables):
            for read in readers.values():
                read()


def _places(config: Config) -> list[str]:
    """Dotted places of what an experiment sets, the lists' items among them."""
    found: list[str] = []

    def walk(node: object, place: str) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
        for key, value in items:
            here = f'{place}.{key}' if place else str(key)
            if isinstance(node, dict) and place:
                found.append(here)
            walk(value, here)

    walk({key: value for key, value in config._cfg_dict.items() if key in SETTINGS}, '')
    return found
