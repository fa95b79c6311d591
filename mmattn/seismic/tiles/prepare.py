"""From the competition's archive to a folder that ``SaltDataset`` reads: check, copy, group, split, survey.

Every file is written under a temporary name and renamed when complete, folds.csv and survey.json last, so a folder that
has a survey.json is whole and any other is continued by the same call.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from mmattn.common.files import hold_folder
from mmattn.seismic.tiles.archive import Reader, TgsSource
from mmattn.seismic.tiles.folds import make_folds
from mmattn.seismic.tiles.mosaics import find_mosaics
from mmattn.seismic.tiles.rle import decode_rle
from mmattn.seismic.tiles.statistics import read_survey, split_digest, survey_tiles
from mmattn.seismic.tiles.tgs import (
    TABLE_HEADERS,
    FoldRow,
    list_tiles,
    read_depths,
    read_groups,
    read_image,
    read_mask,
    read_rles,
)

MARKER = '.preparing'
_OWN_NAMES = {'images', 'masks', 'test', 'train.csv', 'depths.csv', 'folds.csv', 'survey.json', MARKER}

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


def prepare_tgs(
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    groups: str | os.PathLike | None = None,
    num_folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[dict, bool]:
    """Prepares the TGS tiles for training.

    Args:
        source: Archive or folder as :class:`TgsSource` takes it.
        target: Folder to write: new, empty, or begun by an earlier call, which is then continued.
        groups: An id,group csv to use in place of matching the tiles' borders; it must name every labelled tile.
        num_folds: Number of folds, at least 2.
        seed: Seed of the split.
        progress: Called as the work goes on.

    Returns:
        The survey as written to survey.json, and whether the folder was finished before and nothing was done.

    Raises:
        FileNotFoundError: The source, one of its csv files or the groups csv is missing.
        FileExistsError: Another process is at work in the target.
        ValueError: The source is broken, a mask disagrees with its run lengths, ids do not match, or the target holds
            something else or was prepared from another source or with other options.
    """
    if num_folds < 2 or seed < 0:
        raise ValueError(f'num_folds must be 2 or more and seed 0 or more, got num_folds={num_folds}, seed={seed}')
    target = Path(target)
    _check_target(Path(source), target)
    with ExitStack() as held:
        return _prepare(source, target, groups, num_folds, seed, progress, held)


def _prepare(
    source: str | os.PathLike, target: Path, groups: str | os.PathLike | None, num_folds: int, seed: int,
    progress: Progress | None, held: ExitStack,
) -> tuple[dict, bool]:  # fmt: skip
    """Prepares; what keeps others out goes with ``held``."""
    report = progress or (lambda task, done, total: None)
    grouping = None if groups is None else read_groups(groups)
    with TgsSource(source) as archive:
        how = dict(
            num_folds=num_folds,
            seed=seed,
            grouping='border matching' if grouping is None else 'given',
            source_sha256=archive.digest(),
        )
        finished = _finished_survey(target, how, grouping)
        if finished is not None:
            return finished, True
        tables = {name: read() for name, read in archive.tables.items()}
        rles = read_rles(tables['train.csv'], name=f'{archive.path}: train.csv')
        depths = {}
        if 'depths.csv' in tables:
            depths = read_depths(tables['depths.csv'], name=f'{archive.path}: depths.csv')
        _check_ids(archive, rles, grouping)
        _begin(
            target, held, {'images': archive.images, 'masks': archive.masks, 'test/images': archive.test_images}, tables
        )
        images, masks = _copy_labelled(archive, rles, target, report)
        held_out = _copy_tiles(archive.test_images, target / 'test/images', 'copying test tiles', report)
    if grouping is None:
        grouping = _match(images, held_out, report)
    coverage = {tile: round(float(mask.mean()), 6) for tile, mask in masks.items()}
    folds = make_folds({tile: grouping[tile] for tile in images}, coverage, num_folds=num_folds, seed=seed)
    survey = survey_tiles(images, masks, depths)
    survey['counts']['test_tiles'] = len(held_out)
    survey |= how | dict(split_sha256=split_digest(folds), folds=_fold_table(folds, num_folds))
    _finish(target, folds, survey)
    return survey, False


def _check_target(source: Path, target: Path) -> None:
    """Refuses a target that is the source or holds what is not ours."""
    if target.exists() and not target.is_dir():
        raise ValueError(f'target {target} is a file; name a folder')
    if not target.is_dir():
        return
    if source.exists() and source.resolve() in (target.resolve(), *target.resolve().parents):
        raise ValueError(f'target {target} lies in the source {source}; name another folder')
    names = set(os.listdir(target))
    ours = MARKER in names or 'survey.json' in names
    strange = sorted(name for name in names - (_OWN_NAMES if ours else set()) if not name.startswith('.tmp-'))
    if strange:
        shown = ', '.join(strange[:3]) + (', …' if len(strange) > 3 else '')
        raise ValueError(f'target {target} holds something else ({shown}); name a new or empty folder')


def _finished_survey(target: Path, how: dict, grouping: dict[str, str] | None) -> dict | None:
    """The survey of a target that is finished just so, None for one to be begun or continued."""
    if (target / MARKER).exists() or not (target / 'survey.json').is_file() or not (target / 'folds.csv').is_file():
        return None
    refused = f'target {target} is finished already, {{}}; name another folder or delete it'
    survey = read_survey(target / 'survey.json')
    if survey.get('source_sha256') != how['source_sha256']:
        raise ValueError(refused.format('from another source'))
    for name, value in how.items():
        if survey.get(name) != value:
            raise ValueError(refused.format(f'with {name}={survey.get(name)!r} where {value!r} is asked for'))
    for tile, group in read_groups(target / 'folds.csv').items() if grouping is not None else ():
        if grouping.get(tile) != group:
            raise ValueError(refused.format(f'with {tile} in group {group!r} where {grouping.get(tile)!r} is given'))
    counts = survey['counts']
    expected = {'images': counts['tiles'], 'masks': counts['tiles'], 'test/images': counts['test_tiles']}
    whole = all(
        len(list_tiles(target / name) if (target / name).is_dir() else ()) == count for name, count in expected.items()
    )
    return survey if whole else None


def _check_ids(archive: TgsSource, rles: dict[str, str], grouping: dict[str, str] | None) -> None:
    """Every labelled tile needs an image, a mask, a line in train.csv and a group."""
    images = archive.images.keys()
    _complain(images - rles.keys(), f'{archive.path}: images without a line in train.csv')
    _complain(rles.keys() - images, f'{archive.path}: lines of train.csv without an image')
    _complain(images - archive.masks.keys(), f'{archive.path}: images without a mask')
    _complain(archive.masks.keys() - images, f'{archive.path}: masks without an image')
    if grouping is not None:
        _complain(images - grouping.keys(), 'tiles without a line in the groups csv')


def _begin(target: Path, held: ExitStack, tiles: dict[str, dict[str, Reader]], tables: dict[str, bytes]) -> None:
    """Marks the target as ours and unfinished, keeps others out, clears what an interrupted call left, writes the csv.

    Tiles in a folder that are not in the source's ``tiles`` come from another source and are an error.
    """
    for folder, known in tiles.items():
        if (target / folder).is_dir():
            found = list_tiles(target / folder).keys()
            _complain(found - known.keys(), f'tiles in {target / folder} are not in the source, name another folder')
    target.mkdir(parents=True, exist_ok=True)
    held.callback(os.close, hold_folder(target, MARKER))
    for name in ('survey.json', 'folds.csv'):
        (target / name).unlink(missing_ok=True)
    for folder in ('.', *tiles):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for stale in (target / folder).glob('.tmp-*'):
            stale.unlink(missing_ok=True)
    for name, content in tables.items():
        _write(target / name, content)


def _finish(target: Path, folds: dict[str, FoldRow], survey: dict) -> None:
    """Writes what only a finished folder has and takes the mark off."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(TABLE_HEADERS['folds.csv'])
    writer.writerows((tile, *row) for tile, row in folds.items())
    _write(target / 'folds.csv', text.getvalue().encode())
    _write(target / 'survey.json', (json.dumps(survey, indent=2) + '\n').encode())
    (target / MARKER).unlink()


def _copy_labelled(
    archive: TgsSource, rles: dict[str, str], target: Path, report: Progress
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Copies images and masks and returns their pixels by id; checks every mask against its run lengths."""
    images = _copy_tiles(archive.images, target / 'images', 'copying images', report)
    masks: dict[str, np.ndarray] = {}
    wrong: list[str] = []
    for done, tile in enumerate(sorted(archive.masks), start=1):
        content = archive.masks[tile]()
        mask = read_mask(content, name=f'{tile}.png')
        if mask.shape != images[tile].shape:
            raise ValueError(f'mask of tile {tile} has the size {mask.shape}, its image {images[tile].shape}')
        try:
            same = np.array_equal(decode_rle(rles[tile], mask.shape), mask)
        except ValueError as error:
            raise ValueError(f'train.csv, tile {tile}: {error}') from error
        if not same:
            wrong.append(tile)
        masks[tile] = mask
        _write(target / 'masks' / f'{tile}.png', content)
        report('checking and copying masks', done, len(archive.masks))
    _complain(wrong, 'masks that differ from their run lengths in train.csv')
    return images, masks


def _copy_tiles(tiles: dict[str, Reader], folder: Path, task: str, report: Progress) -> dict[str, np.ndarray]:
    """Copies image files and returns their pixels by id, sorted."""
    pixels = {}
    for done, tile in enumerate(sorted(tiles), start=1):
        content = tiles[tile]()
        pixels[tile] = read_image(content, name=f'{tile}.png')
        _write(folder / f'{tile}.png', content)
        report(task, done, len(tiles))
    return pixels


def _match(images: dict[str, np.ndarray], held_out: dict[str, np.ndarray], report: Progress) -> dict[str, str]:
    """Mosaic name by tile id from the borders; tiles without masks help to link the others."""
    tiles = images | {tile: image for tile, image in held_out.items() if tile not in images}
    shapes = {image.shape for image in tiles.values()}
    if len(shapes) > 1:
        raise ValueError(f'border matching needs tiles of one size, found {sorted(shapes)}; give the groups as a csv')
    names = list(tiles)
    labels = find_mosaics(np.stack(list(tiles.values())), progress=lambda k, n: report('matching borders', k, n))
    return {name: f'mosaic_{names[label]}' for name, label in zip(names, labels)}


def _fold_table(folds: dict[str, FoldRow], num_folds: int) -> list[dict]:
    """Tiles, groups, mean coverage and empty masks of each fold."""
    table = []
    for fold in range(num_folds):
        rows = [row for row in folds.values() if row.fold == fold]
        table.append(
            dict(
                fold=fold,
                tiles=len(rows),
                groups=len({row.group for row in rows}),
                empty_masks=sum(row.coverage == 0 for row in rows),
                coverage_mean=round(float(np.mean([row.coverage for row in rows])), 6),
            )
        )
    return table


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; one that holds the content already stays as it is."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    temporary = path.with_name(f'.tmp-{os.getpid()}-{path.name}')
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _complain(tiles: Iterable[str], what: str) -> None:
    """Raises ValueError naming the first of the tiles, if there are any."""
    tiles = sorted(tiles)
    if tiles:
        shown = ', '.join(tiles[:10]) + (', …' if len(tiles) > 10 else '')
        raise ValueError(f'{len(tiles)} {what}: {shown}')
