"""What a page shows besides files of volumes: a folder of tiles, and a survey of the built-in geology."""

import os
import re
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmattn.seismic.volumes.arrays import ArrayVolume

MADE_UP = re.compile(r'synthetic(?::(\d+))?')
_SHAPE = 96, 120, 160
_MOST = 100_000  # tiles


class Tiles(ArrayVolume):
    """Pictures of one size as the inlines of a volume that has no other sections.

    Args:
        pictures: (number, height, width), rows are time.
        names: of the pictures.
        path: of their folder.
    """

    def __init__(self, pictures: np.ndarray, names: tuple[str, ...], path: str) -> None:
        super().__init__(np.ascontiguousarray(pictures.transpose(0, 2, 1)))
        self.names, self.path = names, path


def open_tiles(folder: str | os.PathLike) -> tuple[Tiles, Tiles | None]:
    """Reads a folder of grey pictures, or one with ``images`` and ``masks`` as ``prepare_tgs.py`` and TGS have them.

    Returns:
        Amplitudes, from -128 to 127; and the masks as labels, 255 where a picture has none; None without a mask.

    Raises:
        ValueError: if there is no picture, one cannot be read, or they have several sizes.
    """
    folder = Path(folder)
    images = folder / 'images' if (folder / 'images').is_dir() else folder
    paths = sorted(images.glob('*.png'))[:_MOST]
    if not paths:
        raise ValueError(f'{folder} holds no pictures (.png), nor does its folder images')
    pictures, names = _read(paths), tuple(path.stem for path in paths)
    masks = [folder / 'masks' / path.name for path in paths]
    there = [path.is_file() for path in masks]
    if not any(there):
        return Tiles(pictures - 128, names, str(folder)), None
    label = np.full(pictures.shape, 255, np.uint8)
    label[there] = _read([path for path, found in zip(masks, there) if found], pictures.shape[1:]) > 0
    return Tiles(pictures - 128, names, str(folder)), Tiles(label, names, str(folder / 'masks'))


def _read(paths: list[Path], shape: tuple[int, int] | None = None) -> np.ndarray:
    """Pictures of one size, float32 (number, height, width) of 0 to 255."""
    found = None
    for number, path in enumerate(paths):
        try:
            with Image.open(path) as opened:
                size = opened.size[::-1]
                if shape is not None and size != tuple(shape):
                    raise ValueError(f'{path} is {size[0]} x {size[1]}, the others are {shape[0]} x {shape[1]}')
                grey = np.asarray(opened if opened.mode in ('1', 'L', 'I;16', 'I') else opened.convert('L'), np.float32)
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f'{path} is no readable picture: {error}') from None
        if found is None:
            shape, found = size, np.empty((len(paths), *size), np.float32)
        found[number] = grey / 257 if grey.max() > 255 else grey
    return found


def make_up(text: str) -> tuple[ArrayVolume, ArrayVolume]:
    """Makes the survey that ``synthetic`` or ``synthetic:SEED`` names: amplitudes and labels of 96 x 120 x 160."""
    from mmattn.seismic.synthetic import make_volume  # takes as long to import as all else that opens a file

    seed = int(MADE_UP.fullmatch(text)[1] or 0)
    amplitude, label = (ArrayVolume(volume) for volume in make_volume(_SHAPE, seed=seed))
    amplitude.path = text  # its name on the page
    return amplitude, label
