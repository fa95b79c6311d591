"""Salt tiles in the TGS layout as an MMSegmentation dataset."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from mmseg.registry import DATASETS

from mmattn.common.checks import check_whole
from mmattn.datasets.loading import LoadSaltAnnotations, LoadSaltSection
from mmattn.datasets.sections import SaltSections
from mmattn.seismic.tiles.statistics import read_survey
from mmattn.seismic.tiles.tgs import FoldRow, list_tiles, read_depths, read_folds, read_image, read_rles

SPLITS = ('train', 'val', 'all', 'test')
MASK_SOURCES = ('auto', 'png', 'rle')
_LOAD_SECTION, _LOAD_LABEL = LoadSaltSection(), LoadSaltAnnotations()
_HOW_TO_PREPARE = 'Prepare it with `python tools/prepare_tgs.py ARCHIVE data/salt`.'


@DATASETS.register_module()
class SaltDataset(SaltSections):
    """Seismic tiles with salt masks, split into the folds that ``tools/prepare_tgs.py`` wrote.

    Reads ``images/``, ``masks/``, ``train.csv``, ``depths.csv`` and ``folds.csv`` under ``data_root``; the
    competition's own folder, which has no folds.csv, works with ``fold=None``. Samples come sorted by id and hold
    ``img_path``, ``img_id``, ``depth`` (z or None), ``group`` (the tile's mosaic or None) and either ``seg_map_path``
    or ``rle_mask``, which :class:`LoadSaltAnnotations` reads.

    Args:
        data_root: The prepared folder.
        fold: The fold held out: ``split='val'`` takes it, ``'train'`` the others. None trains on every labelled tile.
            Of no effect in the splits ``'all'`` and ``'test'``.
        num_folds: How many folds folds.csv must hold.
        split: ``'train'``, ``'val'``, ``'all'`` (every labelled tile) or ``'test'`` (test/images, without masks).
        mask_source: ``'png'`` (masks/), ``'rle'`` (train.csv) or ``'auto'``: PNG where there is a masks folder.
        drop_constant: Leave out tiles of one single grey value; for ``split='train'`` only.
        in_memory: Decode every tile once and keep it as ``img`` and ``gt_seg_map`` in its sample, which
            :class:`LoadSaltSection` and :class:`LoadSaltAnnotations` then take (20 kB for a labelled TGS tile; workers
            that are forked share it).
        pseudo_masks: Folder of masks that a model predicted for tiles of test/images, ``<id>.png``, as
            ``tools/ensemble.py --split test`` writes them. ``split='train'`` has those tiles after the labelled ones,
            ``'test'`` has them alone; tiles without such a mask are left out. A model that saw the held-out fold has no
            place among those that predict: its masks tell of that fold.
        options: As in :class:`mmattn.datasets.sections.SaltSections`: ``pipeline``, ``test_mode`` and others.

    Raises:
        FileNotFoundError: The folder lacks something; says what was looked for and how to prepare it.
        TypeError: An option is of the wrong kind.
        ValueError: An option has a value that is not allowed or disagrees with folds.csv.
    """

    def __init__(
        self,
        data_root: str | os.PathLike,
        *,
        fold: int | None = 0,
        num_folds: int = 5,
        split: str = 'train',
        mask_source: str = 'auto',
        drop_constant: bool = False,
        in_memory: bool = False,
        pseudo_masks: str | os.PathLike | None = None,
        **options: object,
    ) -> None:
        _check_options(fold, num_folds, split, mask_source, drop_constant)
        self.fold = fold
        self.num_folds = num_folds
        self.split = split
        self.mask_source = mask_source
        self.drop_constant = drop_constant
        self.in_memory = in_memory
        self.pseudo_masks = None if pseudo_masks is None else Path(pseudo_masks)
        if self.pseudo_masks is not None and split not in ('train', 'test'):
            raise ValueError(f"pseudo_masks is for split='train' and 'test', got split={split!r}")
        self._root = _existing_root(data_root)
        labelled = dict(img_path='images', seg_map_path='masks')
        prefix = dict(img_path='test/images') if split == 'test' else labelled
        super().__init__(data_root=str(self._root), data_prefix=prefix, **options)

    def load_data_list(self) -> list[dict]:
        """Lists the split's tiles, sorted by id; called by the base class."""
        depths = read_depths(self._root / 'depths.csv') if (self._root / 'depths.csv').is_file() else {}
        if self.split == 'test':
            return self._decoded(self._unlabelled(depths))
        images = self._list('images')
        rles = self._table('train.csv', read_rles)
        folds = self._read_folds(rles)
        self._complain(rles.keys() - images.keys(), f'image in {self._root / "images"}')
        masks = self._list_masks(rles)
        samples = []
        for tile in self._select(rles, folds, images):
            group = folds[tile].group if tile in folds else None
            label = dict(seg_map_path=masks[tile]) if masks is not None else dict(rle_mask=rles[tile])
            samples.append(self._sample(tile, images[tile], depths, group=group) | label)
        if self.pseudo_masks is not None:
            samples += self._unlabelled(depths)
        return self._decoded(samples)

    def _unlabelled(self, depths: dict[str, float]) -> list[dict]:
        """Samples of test/images: all of them, or those with a predicted mask."""
        images = self._list('test/images')
        if self.pseudo_masks is None:
            return [self._sample(tile, path, depths, group=None) for tile, path in images.items()]
        try:
            masks = list_tiles(self.pseudo_masks)
        except FileNotFoundError:
            masks = {}
        if not masks:
            raise FileNotFoundError(
                f'pseudo_masks={str(self.pseudo_masks)!r} holds no PNG files; '
                'tools/ensemble.py --split test writes masks'
            )
        if strange := sorted(masks.keys() - images.keys()):
            raise ValueError(
                f'pseudo_masks={str(self.pseudo_masks)!r} has {len(strange)} masks without image in '
                f'{self._root / "test/images"}: {_some(strange)}'
            )
        return [
            self._sample(tile, images[tile], depths, group=None) | dict(seg_map_path=mask)
            for tile, mask in masks.items()
        ]

    def _decoded(self, samples: list[dict]) -> list[dict]:
        """Adds the decoded section and label to each sample, where they are to be kept in memory."""
        for sample in samples if self.in_memory else ():
            loaded = _LOAD_LABEL(_LOAD_SECTION(dict(sample, seg_fields=[])))
            sample['img'] = loaded['img']
            if 'gt_seg_map' in loaded:
                sample['gt_seg_map'] = loaded['gt_seg_map']
        return samples

    def _sample(self, tile: str, path: str, depths: dict[str, float], *, group: str | None) -> dict:
        return self.sample(path, tile, depth=depths.get(tile), group=group)

    def _select(self, rles: dict[str, str], folds: dict[str, FoldRow], images: dict[str, str]) -> list[str]:
        """Ids of the split, sorted."""
        tiles = sorted(rles)
        if self.fold is not None and self.split != 'all':
            tiles = [tile for tile in tiles if (folds[tile].fold == self.fold) == (self.split == 'val')]
        if self.drop_constant:
            constant = self._constant_tiles(tiles, images)
            tiles = [tile for tile in tiles if tile not in constant]
        return tiles

    def _constant_tiles(self, tiles: list[str], images: dict[str, str]) -> set[str]:
        """Ids of the tiles of one grey value: from survey.json, else by reading every image."""
        if (self._root / 'survey.json').is_file():
            return set(read_survey(self._root / 'survey.json')['constant_ids'])
        return {tile for tile in tiles if np.ptp(read_image(images[tile])) == 0}

    def _read_folds(self, rles: dict[str, str]) -> dict[str, FoldRow]:
        """folds.csv, checked against the options; empty where it is absent and no fold is asked for."""
        path = self._root / 'folds.csv'
        needed = self.fold is not None and self.split != 'all'
        if not needed and not path.is_file():
            return {}
        folds = self._table('folds.csv', read_folds, hint=' Or set fold=None to train on every labelled tile.')
        if needed:
            count = 1 + max((row.fold for row in folds.values()), default=-1)
            if count != self.num_folds:
                raise ValueError(f'num_folds is {self.num_folds}, but {path} holds {count} folds')
            self._complain(rles.keys() - folds.keys(), f'line in {path}')
        return folds

    def _list_masks(self, rles: dict[str, str]) -> dict[str, str] | None:
        """Mask files by id, or None where the run-length texts are to be used."""
        folder = self._root / 'masks'
        if self.mask_source == 'rle' or (self.mask_source == 'auto' and not folder.is_dir()):
            return None
        masks = self._list('masks')
        self._complain(rles.keys() - masks.keys(), f"mask in {folder} (mask_source='rle' needs none)")
        return masks

    def _list(self, folder: str) -> dict[str, str]:
        try:
            tiles = list_tiles(self._root / folder)
        except FileNotFoundError:
            tiles = {}
        if not tiles:
            raise FileNotFoundError(
                f'SaltDataset(data_root={str(self._root)!r}, split={self.split!r}) looked for PNG files in '
                f'{self._root / folder} and found none. {_HOW_TO_PREPARE}'
            )
        return tiles

    def _table(self, name: str, read: Callable[[Path], dict], *, hint: str = '') -> dict:
        path = self._root / name
        if not path.is_file():
            raise FileNotFoundError(
                f'SaltDataset(data_root={str(self._root)!r}, fold={self.fold}, split={self.split!r}) looked for '
                f'{path} and found no such file. {_HOW_TO_PREPARE}{hint}'
            )
        return read(path)

    def _complain(self, missing: Iterable[str], what: str) -> None:
        """Raises FileNotFoundError naming the first of the ids without ``what``, if there are any."""
        missing = sorted(missing)
        if missing:
            raise FileNotFoundError(
                f'data_root={str(self._root)!r}: train.csv names {len(missing)} ids without {what}: {_some(missing)}. '
                f'{_HOW_TO_PREPARE}'
            )


def _some(tiles: list[str]) -> str:
    return ', '.join(tiles[:3]) + (', …' if len(tiles) > 3 else '')


def _existing_root(data_root: str | os.PathLike) -> Path:
    if not data_root:
        raise FileNotFoundError(
            f'data_root is {data_root!r}; expected a folder with images/, masks/, train.csv, depths.csv and folds.csv. '
            f'{_HOW_TO_PREPARE}'
        )
    root = Path(data_root)
    if not root.is_dir():
        raise FileNotFoundError(
            f'data_root={str(data_root)!r} is not a folder; looked for images/, masks/, train.csv, depths.csv and '
            f'folds.csv in it. {_HOW_TO_PREPARE}'
        )
    return root


def _check_options(fold: int | None, num_folds: int, split: str, mask_source: str, drop_constant: bool) -> None:
    if split not in SPLITS:
        raise ValueError(f'split must be one of {SPLITS}, got {split!r}')
    if mask_source not in MASK_SOURCES:
        raise ValueError(f'mask_source must be one of {MASK_SOURCES}, got {mask_source!r}')
    check_whole('num_folds', num_folds, least=2)
    if fold is None and split == 'val':
        raise ValueError("fold=None holds nothing out, so split='val' is empty; name a fold, or use split='all'")
    if fold is not None and (isinstance(fold, bool) or not isinstance(fold, int) or not 0 <= fold < num_folds):
        raise ValueError(f'fold must be None or 0 to {num_folds - 1} (num_folds={num_folds}), got {fold!r}')
    if drop_constant and split != 'train':
        raise ValueError(f"drop_constant=True is for split='train' only, got split={split!r}")
