"""Salt in pictures of sections: a mask, the probability and an overlay of each, and a table of all."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from mmattn.common.files import write_whole, written_whole
from mmattn.seismic.salt.cleanup import salt_mask
from mmattn.seismic.salt.overlays import draw_overlay
from mmattn.seismic.tiles.tgs import read_image

SUFFIXES = '.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp'
TABLE, SETTINGS = 'salt.csv', 'settings.json'
_COLUMNS = 'picture', 'samples', 'traces', 'salt_share', 'bodies'


def list_pictures(paths: Sequence[str | os.PathLike]) -> dict[str, Path]:
    """Finds pictures.

    Args:
        paths: pictures, and folders of which all pictures are taken.

    Returns:
        The files by their names without suffix, in the order given, of folders by name.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if a folder holds none, a file is none, or two have the same name.
    """
    found: dict[str, Path] = {}
    for given in map(Path, paths):
        if not given.exists():
            raise FileNotFoundError(f'{str(given)!r} is neither a picture nor a folder of pictures')
        files = sorted(path for path in given.iterdir() if _is_picture(path)) if given.is_dir() else [given]
        if not files or not all(map(_is_picture, files)):
            holds = 'holds no picture' if given.is_dir() else 'is no picture'
            raise ValueError(f'{given} {holds} ({", ".join(SUFFIXES)})')
        for path in files:
            if path.stem in found:
                raise ValueError(f'{found[path.stem]} and {path} would have the same outputs: give one at a time')
            found[path.stem] = path
    return found


def predict_pictures(
    predict: Callable[[np.ndarray], np.ndarray],
    pictures: Mapping[str, Path],
    out: str | os.PathLike,
    *,
    threshold: float = 0.5,
    hysteresis: float | None = None,
    min_body: int = 0,
    about: Mapping[str, object] | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, object]]:
    """Writes ``NAME_mask.png`` (0, 255), ``NAME_probability.png`` (0 to 255) and ``NAME_overlay.png`` of each picture.

    All have the picture's size, but the overlay. ``salt.csv`` tells of each the share that is salt and the number of
    bodies; it grows as pictures are done.

    Args:
        predict: (samples, traces) grey values to the probability of salt, as ``mmattn.load`` gives it.
        pictures: files by name.
        out: folder.
        threshold: of the mask, as ``hysteresis`` and ``min_body`` (see :func:`mmattn.seismic.salt_mask`).
        hysteresis: probability that a body must exceed somewhere.
        min_body: pixels of the smallest body.
        about: what else the result depends on, compared before work is resumed.
        resume: go on with what is in the folder.
        progress: called with pictures done and their number.

    Returns:
        The rows of the table.

    Raises:
        FileExistsError: if the folder holds a prediction, and it is not to be resumed.
        ValueError: if it was made with other settings, a picture is not grey with 8 bits, or an option is wrong.
    """
    options = dict(threshold=threshold, hysteresis=hysteresis, min_body=min_body)
    salt_mask(np.zeros((1, 1)), **options)  # wrong options show before the work
    for path in pictures.values():
        read_image(path)  # so do pictures that cannot be
    out = Path(out)
    rows = _begin(out, {**(about or {}), **options}, resume)
    done = {row['picture'] for row in rows}
    for count, (name, path) in enumerate(pictures.items(), 1):
        if path.name not in done:
            grey = read_image(path)
            probability = predict(grey)
            mask = salt_mask(probability, **options)
            _write(out, name, grey, probability, mask)
            bodies = ndimage.label(mask, np.ones((3, 3)))[1]
            rows.append(dict(zip(_COLUMNS, (path.name, *mask.shape, f'{mask.mean():.4f}', bodies))))
            _write_table(out / TABLE, rows)
        if progress is not None:
            progress(count, len(pictures))
    return rows


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith('.')


def _begin(out: Path, settings: dict[str, object], resume: bool) -> list[dict[str, object]]:
    """The rows that are there; raises if the folder is not to be gone on with."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / SETTINGS
    if not path.is_file():
        write_whole(path, json.dumps(settings, indent=1) + '\n')
        return []
    if not resume:
        raise FileExistsError(f'{out} holds a prediction: go on with it (--resume), or give another folder')
    earlier = json.loads(path.read_text(encoding='utf-8'))
    for name in sorted({*earlier, *settings}):
        if earlier.get(name) != settings.get(name):
            raise ValueError(f'{out} cannot be gone on with: {name} was {earlier.get(name)}, is {settings.get(name)}')
    if not (out / TABLE).is_file():
        return []
    with open(out / TABLE, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def _write(out: Path, name: str, grey: np.ndarray, probability: np.ndarray, mask: np.ndarray) -> None:
    """Writes the pictures of a section, each whole or not at all."""
    for kind, pixels in (('probability', np.rint(255 * probability)), ('mask', 255 * mask)):
        with written_whole(out / f'{name}_{kind}.png') as temporary:
            Image.fromarray(pixels.astype(np.uint8)).save(temporary, format='png')
    title = f'{name}   salt {mask.mean():.0%}'
    figure = draw_overlay(grey, probability=probability, prediction=mask.astype(np.uint8), title=title)
    with written_whole(out / f'{name}_overlay.png') as temporary:
        figure.savefig(temporary, format='png', dpi=150)


def _write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
