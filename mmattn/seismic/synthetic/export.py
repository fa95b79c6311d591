"""Writes synthetic sections as a folder in the layout of the TGS salt competition."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from mmattn.common.checks import check_whole
from mmattn.common.files import written_whole
from mmattn.seismic.synthetic.section import SyntheticSurvey
from mmattn.seismic.tiles.rle import encode_rle


def write_tgs_folder(
    survey: SyntheticSurvey,
    num_sections: int,
    folder: str | os.PathLike,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes ``images/ID.png``, ``masks/ID.png``, ``train.csv`` (id,rle_mask) and ``depths.csv`` (id,z).

    Masks are 16-bit (0 and 65535) where there is salt and 8-bit where there is none, as in the competition. The folder
    appears under its name once it is whole.

    Args:
        survey: Where the sections come from.
        num_sections: Sections 0 to ``num_sections`` - 1 are written.
        folder: Target; made if need be.
        progress: Called with the sections done and ``num_sections`` after each section.

    Returns:
        The folder.

    Raises:
        TypeError: ``num_sections`` is no integer.
        ValueError: ``num_sections`` is below 1.
        FileExistsError: The folder holds something already.
        NotADirectoryError: The target is a file.
    """
    num_sections = check_whole('num_sections', num_sections, least=1)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f'{folder} is a file; the target must be a new or empty folder')
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f'{folder} is not empty; give a new or empty folder')
    with written_whole(folder) as temporary:
        _write(survey, num_sections, temporary, progress or (lambda done, total: None))
    return folder


def _write(survey: SyntheticSurvey, num_sections: int, folder: Path, progress: Callable[[int, int], None]) -> None:
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    rows = []
    for index in range(num_sections):
        section, name = survey.section(index), f'{index:010x}'
        mask = section.mask.astype(np.uint16) * np.uint16(65535) if section.has_salt else section.mask
        Image.fromarray(section.image).save(folder / 'images' / f'{name}.png')
        Image.fromarray(mask).save(folder / 'masks' / f'{name}.png')
        rows.append((name, encode_rle(section.mask), section.depth))
        progress(index + 1, num_sections)
    _write_csv(folder / 'depths.csv', ('id', 'z'), [(name, depth) for name, _, depth in rows])
    _write_csv(folder / 'train.csv', ('id', 'rle_mask'), [(name, rle) for name, rle, _ in rows])


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(rows)
