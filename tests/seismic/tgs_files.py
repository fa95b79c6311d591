"""A small competition folder of made-up tiles, as files."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmattn.seismic.tiles.rle import encode_rle

SIZE = 32


def texture(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Smooth noise that looks a little like seismic, float, about -1 to 1."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (1.2, 2.0))
    return noise / np.abs(noise).max()


def as_grey(section: np.ndarray) -> np.ndarray:
    """Scales to the full 8-bit range, as the competition's tiles are, one by one."""
    low, high = section.min(), section.max()
    return np.round((section - low) / (high - low) * 255).astype(np.uint8)


def cut(picture: np.ndarray, size: int = SIZE) -> list[np.ndarray]:
    """Tiles of a picture row by row, each scaled by itself."""
    rows, columns = picture.shape[0] // size, picture.shape[1] // size
    return [
        as_grey(picture[y * size : (y + 1) * size, x * size : (x + 1) * size])
        for y in range(rows)
        for x in range(columns)
    ]


def png(pixels: np.ndarray) -> bytes:
    """A PNG file; uint16 stays 16 bits."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'PNG')
    return file.getvalue()


def table(header: str, rows: list[tuple]) -> bytes:
    """A csv file."""
    text = io.StringIO()
    text.write(header + '\n')
    csv.writer(text, lineterminator='\n').writerows(rows)
    return text.getvalue().encode()


def competition_files(count: int = 20, held_out: int = 3) -> dict[str, bytes]:
    """Content by name as in an unpacked archive: train/images, train/masks, test/images, train.csv, depths.csv.

    Tile t00 is constant and without salt, t01 has no salt, t02 two salt pixels, t03 salt in its left half; the others
    have salt below a slanting line. Masks with salt have 16 bits, the others 8. The last tile has no depth.
    """
    files, rles = {}, []
    for k in range(count):
        image = np.zeros((SIZE, SIZE), np.uint8) if k == 0 else as_grey(texture((SIZE, SIZE), k))
        mask = np.zeros((SIZE, SIZE), np.uint8)
        if k == 2:
            mask[3, 4:6] = 1
        elif k == 3:
            mask[:, : SIZE // 2] = 1
        elif k > 3:
            mask = (np.add.outer(np.arange(SIZE), np.arange(SIZE) / 4) > 6 + k).astype(np.uint8)
        stored = mask.astype(np.uint16) * 65535 if mask.any() else mask
        files[f'train/images/t{k:02}.png'] = png(np.repeat(image[..., None], 3, axis=2))
        files[f'train/masks/t{k:02}.png'] = png(stored)
        rles.append((f't{k:02}', encode_rle(mask)))
    for k in range(held_out):
        files[f'test/images/h{k:02}.png'] = png(as_grey(texture((SIZE, SIZE), 900 + k)))
    files['train.csv'] = table('id,rle_mask', rles)
    depths = [(f't{k:02}', 100 + k) for k in range(count - 1)] + [(f'h{k:02}', 500 + k) for k in range(held_out)]
    files['depths.csv'] = table('id,z', depths)
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip that holds the files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def below(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    """The files below a folder, named from there."""
    return {name.removeprefix(folder): content for name, content in files.items() if name.startswith(folder)}
