"""Reading the TGS salt layout: tile folders, csv tables and mask files.

The competition's folder holds ``images/ID.png``, ``masks/ID.png``, ``train.csv`` (id,rle_mask) and ``depths.csv``
(id,z); ``tools/prepare_tgs.py`` adds ``folds.csv`` (id,group,fold,coverage), ``survey.json`` and ``test/images``.
Images are 8-bit grey values stored three times; masks are 16-bit (0 / 65535) where there is salt, 8-bit elsewhere.
"""

import csv
import io
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

_MOST_PIXELS = 2**25
_UNREADABLE = (
    UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, OverflowError, TypeError,
    struct.error, zlib.error, IndexError, EOFError,
)  # fmt: skip
TABLE_HEADERS = {
    'train.csv': ('id', 'rle_mask'),
    'depths.csv': ('id', 'z'),
    'folds.csv': ('id', 'group', 'fold', 'coverage'),
}


class FoldRow(NamedTuple):
    """One line of folds.csv: the tile's mosaic, its fold and its share of salt pixels (0 to 1)."""

    group: str
    fold: int
    coverage: float


def read_table(
    source: str | os.PathLike | bytes, columns: tuple[str, ...], *, name: str | None = None
) -> dict[str, tuple[str, ...]]:
    """Reads a csv whose first column is a unique id.

    Args:
        source: The csv file's path, or its bytes.
        name: What to call it in errors; the path by default.
        columns: Names that the header must hold, the id's first; other columns are skipped.

    Returns:
        The remaining columns' text by id, in the file's order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The header lacks a column, a line is short, or an id is blank or comes twice.
    """
    path = name or str(source)
    if not isinstance(source, bytes):
        if not Path(source).is_file():
            raise FileNotFoundError(f'{path} not found: expected a csv with the columns {",".join(columns)}')
        source = Path(source).read_bytes()
    try:
        lines = list(csv.reader(io.StringIO(source.decode('utf-8-sig'), newline='')))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path} is not a readable csv: {error}') from error
    header = lines[0] if lines else []
    if not set(columns) <= set(header):
        raise ValueError(f'{path}: its header is {",".join(header)!r}, expected the columns {",".join(columns)}')
    where = [header.index(column) for column in columns]
    table: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) <= max(where):
            raise ValueError(f'{path}, line {number}: {len(line)} columns, expected {len(header)}')
        tile, *values = (line[k] for k in where)
        if not tile or tile in table:
            raise ValueError(f'{path}, line {number}: id {tile!r} is {"a repetition" if tile else "blank"}')
        table[tile] = tuple(values)
    return table


def read_rles(source: str | os.PathLike | bytes, *, name: str | None = None) -> dict[str, str]:
    """Run-length text by tile id from a train.csv; arguments and errors as in :func:`read_table`."""
    return {tile: rle for tile, (rle,) in read_table(source, TABLE_HEADERS['train.csv'], name=name).items()}


def read_depths(source: str | os.PathLike | bytes, *, name: str | None = None) -> dict[str, float]:
    """Depth z by tile id from a depths.csv (the competition states no unit); blank fields are left out.

    Raises:
        ValueError: A depth is not a finite number, or as in :func:`read_table`.
        FileNotFoundError: There is no such file.
    """
    depths = {}
    for tile, (text,) in read_table(source, TABLE_HEADERS['depths.csv'], name=name).items():
        if text.strip():
            depths[tile] = _finite(text, f'{name or source}: depth of {tile}')
    return depths


def read_groups(path: str | os.PathLike) -> dict[str, str]:
    """Mosaic name by tile id from an id,group csv; errors as in :func:`read_table`."""
    return {tile: group for tile, (group,) in read_table(path, ('id', 'group')).items()}


def read_folds(path: str | os.PathLike) -> dict[str, FoldRow]:
    """Mosaic, fold and coverage by tile id from a folds.csv.

    Raises:
        ValueError: A fold is not a whole number from 0, a coverage not a finite number, or as in :func:`read_table`.
        FileNotFoundError: There is no such file.
    """
    rows = {}
    for tile, (group, fold, coverage) in read_table(path, TABLE_HEADERS['folds.csv']).items():
        if not (fold.isascii() and fold.isdigit()):
            raise ValueError(f'{path}: fold of {tile} is {fold!r}, expected 0, 1, …')
        rows[tile] = FoldRow(group, int(fold), _finite(coverage, f'{path}: coverage of {tile}'))
    return rows


def list_tiles(folder: str | os.PathLike) -> dict[str, str]:
    """Path of each PNG in a folder by tile id, sorted by id; one directory listing, no look at the files.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: Two names differ in the letters of .png alone.
    """
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{os.fspath(folder)} is not a folder')
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith('.png') and not name.startswith('.'))
    tiles = {name[:-4]: os.path.join(folder, name) for name in names}
    if len(tiles) < len(names):
        twice = next(name for name in names if os.path.basename(tiles[name[:-4]]) != name)
        raise ValueError(f'{os.fspath(folder)} holds tile {twice[:-4]} twice, as .png in other letters')
    return tiles


def read_image(source: str | os.PathLike | bytes, *, name: str | None = None) -> np.ndarray:
    """Reads a tile as 8-bit grey amplitudes; TGS puts zero amplitude at mid-grey.

    Args:
        source: A path, or a file's bytes.
        name: What to call it in errors; the path by default.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: It is not a readable image with 8 bits, or a colour image.
    """
    pixels = _one_channel(_decode(source, name, colours=True), name or str(source))
    if pixels.dtype != np.uint8:
        raise ValueError(f'{name or source}: expected an 8-bit image, got {pixels.dtype}')
    return pixels


def read_mask(source: str | os.PathLike | bytes, *, name: str | None = None) -> np.ndarray:
    """Reads a salt mask of 1, 8 or 16 bits; anything above 0 is salt.

    Args:
        source: A path, or a file's bytes.
        name: What to call it in errors; the path by default.

    Returns:
        (H, W) uint8 array of 0 and 1.

    Raises:
        ValueError: It is not a readable image, or holds more than one value above 0.
    """
    pixels = _one_channel(_decode(source, name), name or str(source))
    salt = pixels > 0
    top = pixels.max(initial=0)
    if not (pixels[salt] == top).all():
        values = np.unique(pixels)
        shown = ', '.join(map(str, values[:5])) + (', …' if len(values) > 5 else '')
        raise ValueError(f'mask {name or source} holds the values {shown}; expected 0 and one value above it')
    return salt.astype(np.uint8)


def _decode(source: str | os.PathLike | bytes, name: str | None, *, colours: bool = False) -> np.ndarray:
    """Pixels of an image file as stored: of one with a palette the indices, or the colours they stand for."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            _check_size(image, name or str(source))
            return np.asarray(image.convert('RGB') if colours and image.mode == 'P' else image)
    except FileNotFoundError:
        raise
    except _TooLargeError:
        raise
    except _UNREADABLE as error:
        raise ValueError(f'{name or source} is not a readable image: {error}') from error


class _TooLargeError(ValueError):
    """A picture of more pixels than a section has."""


def check_picture(path: str | os.PathLike) -> None:
    """Refuses a picture that says it has more than 2**25 pixels, before they are unpacked.

    Raises:
        ValueError: if it has. What is no picture passes, for its reader to name.
    """
    try:
        with Image.open(path) as image:
            _check_size(image, os.fspath(path))
    except Image.DecompressionBombError as error:
        raise _TooLargeError(f'{os.fspath(path)}: {error}') from None
    except _TooLargeError:
        raise
    except _UNREADABLE:
        pass


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > _MOST_PIXELS:
        raise _TooLargeError(f'{name} is a picture of {image.width} x {image.height} pixels; no section is so large')


def _one_channel(pixels: np.ndarray, name: str) -> np.ndarray:
    """The (H, W) plane of a grey image, stored once or as equal colours (alpha dropped)."""
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = pixels[..., :-1]
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            raise ValueError(f'{name} is a colour image; expected grey')
        pixels = pixels[..., 0]
    return pixels


def _finite(text: str, what: str) -> float:
    """A finite number from text, or a ValueError that starts with ``what``."""
    try:
        value = float(text)
    except ValueError:
        value = float('nan')
    if not np.isfinite(value):
        raise ValueError(f'{what} is {text!r}, expected a number')
    return value
