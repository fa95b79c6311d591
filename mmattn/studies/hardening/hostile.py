"""Inputs made to do harm: each must be refused, whatever its road, and leave no trace."""

import csv
import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint
from mmseg.apis import MMSegInferencer, init_model
from torch import nn

from mmattn.checkpoints.arrays import read_archive
from mmattn.checkpoints.reading import CheckpointError
from mmattn.cli.saved_weights import read_checkpoint
from mmattn.common.errors import InputError
from mmattn.common.tables import safe_row
from mmattn.models.weights.pretrained import Pretrained
from mmattn.seismic import open_volume
from mmattn.seismic.tiles.archive import TgsSource
from mmattn.seismic.tiles.rle import decode_rle
from mmattn.seismic.tiles.tgs import read_image, read_rles
from mmattn.studies.hardening import samples
from mmattn.studies.hardening.campaign import Campaign
from mmattn.studies.hardening.isolate import Case, WrongResultError
from mmattn.studies.hardening.mutations import mutate

REFUSALS = (ValueError, OSError, InputError, CheckpointError)


class _Calls:
    """Calls something when it is unpickled."""

    def __init__(self, call: Callable, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple:
        return self.call, self.arguments


def attack(campaign: Campaign, root: Path) -> None:
    """Tries hostile inputs, a round and more until the campaign's time is over.

    Args:
        campaign: counts.
        root: of the repository, with ``configs``.
    """
    folder = campaign.out / 'inputs'
    folder.mkdir(exist_ok=True)
    attacker = _Attacker(folder, root, random.Random(campaign.seed))
    for _ in campaign.rounds():
        campaign.try_all(attacker.checkpoints())
        campaign.try_all(attacker.archives())
        campaign.try_all(attacker.files())
        campaign.try_all(attacker.cells())


class _Attacker:
    """Makes cases; a file ``ran`` in the folder tells that code of theirs was run."""

    def __init__(self, folder: Path, root: Path, draw: random.Random) -> None:
        self.folder, self.draw, self.number = folder, draw, 0
        self.sign = folder / 'ran'
        self.config = samples.write_experiment(folder / 'right.py', root / 'configs')

    def _case(self, kind: str, name: str, suffix: str, content: bytes, read: Callable[[Path], object]) -> Case:
        self.number += 1
        path = self.folder / f'{kind}{suffix}'

        def run() -> None:
            path.write_bytes(content)
            try:
                read(path)
            finally:
                if self.sign.exists():
                    raise WrongResultError('code of the file was run')
            raise WrongResultError('it was read')

        return Case(kind, f'{name} {self.number}', run, REFUSALS, path.name, content)

    def checkpoints(self) -> Iterator[Case]:
        """Pickles that call, as they are and damaged, on every road."""
        mark = str(self.sign)
        calls = (
            _Calls(os.mkdir, mark), _Calls(os.system, f'touch {mark}'), _Calls(eval, f'open({mark!r}, "w")'),
            _Calls(exec, f'open({mark!r}, "w")'), _Calls(getattr, Path, 'touch'), _Calls(Path.touch, self.sign),
            _Calls(np.memmap, mark, 'uint8', 'w+', 0, 8), _Calls(getattr, np.ndarray, 'tofile'),
        )  # fmt: skip
        roads: dict[str, Callable[[Path], object]] = {
            'load_checkpoint': lambda path: load_checkpoint(nn.Linear(2, 3), str(path)),
            'CheckpointLoader': lambda path: CheckpointLoader.load_checkpoint(str(path)),
            'init_model': lambda path: init_model(str(self.config), str(path), device='cpu'),
            'MMSegInferencer': lambda path: MMSegInferencer(str(self.config), str(path), device='cpu'),
            'tools': lambda path: read_checkpoint(str(path)),
            'init_cfg': lambda path: Pretrained(str(path)).load_into(nn.Linear(2, 3)),
        }
        for call in calls:
            for name, road in roads.items():
                file = io.BytesIO()
                zipped = self.draw.random() < 0.7
                place = self.draw.choice(('state_dict', 'meta', 'message_hub', 'optimizer'))
                weights = nn.Linear(2, 3).state_dict()
                content = dict(state_dict=weights) | {
                    place: dict(a=call) if place != 'state_dict' else {**weights, 'a': call}
                }
                torch.save(content, file, _use_new_zipfile_serialization=zipped)
                written = file.getvalue()
                yield self._case('pickle', f'{name} {call.call.__name__} in {place}', '.pth', written, road)
                if self.draw.random() < 0.3:
                    yield self._case('pickle', f'damaged {name}', '.pth', mutate(written, self.draw), road)

    def archives(self) -> Iterator[Case]:
        """Zips that grow, point outside, or hold links."""
        names = '/etc/t0.png', '../../images/t0.png', 'C:\\images\\t0.png', '..\\images\\t0.png', 'images/../../t0.png'
        for name in names:
            yield self._case('archive', name, '.zip', _zip({name: samples.make_png()}), _read_tiles)
        size = 2 ** self.draw.randint(27, 29)
        bomb = _zip({'train.zip': bytes(size)})
        yield self._case('archive', 'bomb', '.zip', bomb, _read_tiles)
        yield self._case(
            'archive', 'bomb in a bomb', '.zip', _zip({f'{n}train.zip': bomb * 9 for n in range(9)}), _read_tiles
        )
        link = zipfile.ZipInfo('images/t0.png')
        link.create_system, link.external_attr = 3, 0o120777 << 16
        yield self._case('archive', 'link', '.zip', _zip({link: '/etc/passwd'}), _read_tiles)
        yield self._case('arrays', 'bomb', '.npz', _zip({'a.npy': _npy_head((size // 4,)) + bytes(size)}), read_archive)
        yield self._case(
            'checkpoint', 'bomb', '.pth', _zip({'a/data.pkl': bytes(size)}), lambda path: read_checkpoint(str(path))
        )

    def files(self) -> Iterator[Case]:
        """Files that say they are huge, and arrays that hold objects."""
        side = 2 ** self.draw.randint(13, 16)
        yield self._case('picture', f'{side} pixels', '.png', _huge_png(side), read_image)
        for count, texts in ((2**31 - 1, 0), (65535, 32767), (0, -1), (65535, 0)):
            head = bytearray(samples.write_survey(self.folder / 'right.sgy').read_bytes()[:3600])
            struct.pack_into('>H', head, 3220, count & 0xFFFF)
            struct.pack_into('>i', head, 3268, count)
            struct.pack_into('>h', head, 3504, texts)
            content = bytes(head) + self.draw.randbytes(self.draw.randint(240, 4000))
            yield self._case('segy', f'{count} samples, {texts} texts', '.sgy', content, _read_survey)
        huge = _npy_head((2**20, 2**10, 2**10)) + bytes(100)
        yield self._case('arrays', 'huge', '.npy', huge, _read_survey)
        objects = io.BytesIO()
        np.save(objects, np.array([_Calls(os.mkdir, str(self.sign))], object), allow_pickle=True)
        yield self._case('arrays', 'objects', '.npy', objects.getvalue(), _read_survey)
        rle = f'id,rle_mask\nt0,1 {10 ** self.draw.randint(12, 300)}\n'.encode()
        yield self._case('table', 'a run beyond the picture', '.csv', rle, _decode_rles)

    def cells(self) -> Iterator[Case]:
        """Names that a spreadsheet would run."""
        for begin in '=+-@\t\r':
            text = f'{begin}cmd|"/c calc"!A{self.draw.randrange(99)}'

            def run(text: str = text) -> None:
                file = io.StringIO()
                csv.writer(file).writerow(safe_row([text]))
                file.seek(0)
                if next(csv.reader(file))[0][0] in '=+-@\t\r':
                    raise WrongResultError('a formula was written')

            yield Case('cell', text, run)


def _zip(members: dict) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _npy_head(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, dict(descr='<f4', fortran_order=False, shape=shape))
    return file.getvalue()


def _huge_png(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    head = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + head + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b'')


def _read_survey(path: Path) -> None:
    with open_volume(path) as volume:
        volume.section('iline', 0)


def _read_tiles(path: Path) -> None:
    with TgsSource(path) as source:
        for read in source.images.values():
            read()


def _decode_rles(path: Path) -> None:
    for text in read_rles(path).values():
        try:
            decode_rle(text, (101, 101))
        except ValueError as error:
            raise ValueError(f'{path.name}: {error}') from error
