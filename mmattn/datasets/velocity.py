"""Datasets of shot gathers and velocity models."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from mmattn.common.checks import check_whole
from mmattn.seismic.opening import OPEN_DEFAULTS
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.files import read_velocity
from mmattn.seismic.shots.pairs import find_pairs
from mmattn.seismic.synthetic.velocity import VelocitySurvey


class VelocityPairs(BaseDataset):
    """Base of datasets of gathers and models. A sample holds its files' paths, ``img_id`` and the acquisition.

    Args:
        acquisition: of the gathers: an ``Acquisition``, or a dict as ``Acquisition.from_dict`` takes it. It becomes
            part of the checkpoint's ``dataset_meta``.
        pipeline, indices, test_mode, serialize_data, lazy_init, max_refetch: as in mmengine's ``BaseDataset``.
    """

    METAINFO = dict(classes=('background', 'salt'), palette=[[70, 130, 180], [255, 140, 0]])

    def __init__(
        self,
        *,
        acquisition: Acquisition | dict,
        pipeline: Sequence[dict | Callable] = (),
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        serialize_data: bool = True,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        self.acquisition = read_acquisition(acquisition)
        super().__init__(
            metainfo=dict(acquisition=self.acquisition.as_dict(), reduce_zero_label=False),
            pipeline=list(pipeline),
            indices=indices,
            test_mode=test_mode,
            serialize_data=serialize_data,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    def prepare_data(self, idx: int) -> dict:
        """Runs the pipeline on a sample."""
        return self.pipeline(dict(self.get_data_info(idx), acquisition=self.acquisition))

    def read_velocity(self, index: int) -> np.ndarray:
        """The model of a sample, (H, W) m/s, without its gathers."""
        sample = self.get_data_info(index)
        options = dict(segy=sample.get('velocity_segy'), dx=self.acquisition.dx)
        return read_velocity(sample['velocity_path'], item=sample['item'], **options)

    def mean_profile(self, most: int = 500) -> np.ndarray:
        """Mean velocity in each row, (H,) m/s, over all models or ``most`` that are evenly spaced in the list."""
        chosen = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).astype(int))
        return np.mean([self.read_velocity(int(index)).mean(axis=1) for index in chosen], axis=0)


@DATASETS.register_module()
class SaltVelocityDataset(VelocityPairs):
    """Gathers and models from files, in any of the layouts of ``mmattn.seismic.shots.pairs.find_pairs``.

    Args:
        data_root: folder of the data.
        layout: 'npz' (what ``tools/make_shots.py`` writes), 'fcnvmb', 'ddnet', 'openfwi', 'openfwi-list' or 'segy'.
        split: 'train', 'test' or what the layout knows; of 'openfwi-list' the list's file.
        acquisition: of the gathers; by default ``acquisition.json`` in the folder.
        velocity_segy: options of ``read_velocity`` for models in SEG-Y; those of gathers are ``LoadShots(segy=…)``.
        options: ``pipeline``, ``test_mode`` and others, as ``VelocityPairs`` has them.

    Raises:
        TypeError: if SEG-Y has no such option.
        FileNotFoundError: if files are missing; says what was looked for.
        ValueError: if an option is not allowed.
    """

    def __init__(
        self,
        data_root: str | os.PathLike,
        *,
        layout: str = 'npz',
        split: str = 'train',
        acquisition: Acquisition | dict | None = None,
        velocity_segy: dict | None = None,
        **options: object,
    ) -> None:
        self._velocity_segy = dict(velocity_segy or {})
        if unknown := sorted({*self._velocity_segy} - {*OPEN_DEFAULTS}):
            raise TypeError(
                f'SaltVelocityDataset: velocity_segy has no option {unknown[0]!r}; there are {", ".join(OPEN_DEFAULTS)}'
            )
        self._pairs = find_pairs(data_root, layout, split)
        if acquisition is None:
            acquisition = Acquisition.load(Path(data_root) / 'acquisition.json')
        super().__init__(acquisition=acquisition, **options)

    def load_data_list(self) -> list[dict]:
        """Lists the pairs; called by the base class."""
        return [
            dict(
                img_id=pair.name,
                shots_path=pair.shots,
                velocity_path=pair.velocity,
                velocity_segy=self._velocity_segy,
                item=pair.item,
                sample_idx=index,
            )
            for index, pair in enumerate(self._pairs)
        ]


@DATASETS.register_module()
class SyntheticVelocityDataset(VelocityPairs):
    """Models of the synthetic survey and gathers modelled over them, made at first use and kept in a cache.

    A file of the cache has the name of every option's hash: other options make other files, and a damaged file is made
    again. Two processes that make the same file do no harm: each writes its own and renames it.

    Args:
        num_models: number of models.
        size: rows and columns (H, W).
        dx: metres a cell.
        seed: of the survey; other seeds give other models.
        acquisition: dict of ``Acquisition.surface``'s options without ``dx`` and ``width``, or an ``Acquisition``.
        cache_dir: folder of the cache.
        options: ``pipeline``, ``test_mode`` and others, as ``VelocityPairs`` has them.

    Raises:
        TypeError: for an option of the wrong kind.
        ValueError: for an option out of its range.
    """

    def __init__(
        self,
        *,
        num_models: int,
        acquisition: Acquisition | dict,
        size: tuple[int, int] = (64, 96),
        dx: float = 30.0,
        seed: int = 0,
        cache_dir: str | os.PathLike = 'data/synthetic_velocity',
        **options: object,
    ) -> None:
        VelocitySurvey(size, dx=dx, seed=seed)  # checks these options
        self.num_models = check_whole('SyntheticVelocityDataset: num_models', num_models, least=1)
        acquisition = _synthetic_acquisition(acquisition, size, dx)
        acquisition.check_model(size)
        if acquisition.dx != dx:
            raise ValueError(f'SyntheticVelocityDataset: dx is {dx}, the acquisition has {acquisition.dx}')
        self.survey = dict(size=tuple(size), dx=dx, seed=seed)
        self.cache_dir = str(cache_dir)
        super().__init__(acquisition=acquisition, **options)

    def load_data_list(self) -> list[dict]:
        """Lists the models; called by the base class."""
        print_log(
            f'SYNTHETIC DATA: {self.num_models} models of {self.survey["size"][0]} x {self.survey["size"][1]}, seed '
            f'{self.survey["seed"]}; gathers are modelled at first use and kept in {self.cache_dir}',
            logger='current',
            level=logging.WARNING,
        )
        seed = self.survey['seed']
        return [
            dict(
                img_id=f'synthetic_{seed}_{index:06d}',
                synthetic=dict(self.survey, index=index, cache_dir=self.cache_dir),
                sample_idx=index,
            )
            for index in range(self.num_models)
        ]

    def read_velocity(self, index: int) -> np.ndarray:
        """The model of a sample, (H, W) m/s; no gathers are modelled."""
        return VelocitySurvey(**self.survey).model(index).velocity


def geometry(dataset: dict) -> Acquisition:
    """The acquisition of a dataset's config, of which nothing is built."""
    if dataset['type'] == 'SyntheticVelocityDataset':
        return _synthetic_acquisition(dataset['acquisition'], dataset['size'], dataset['dx'])
    given = dataset.get('acquisition')
    return read_acquisition(Path(dataset['data_root']) / 'acquisition.json' if given is None else given)


def _synthetic_acquisition(value: Acquisition | dict, size: tuple[int, int], dx: float) -> Acquisition:
    if isinstance(value, dict) and 'sources' not in value:
        value = dict(value, width=size[1], dx=dx)
    return read_acquisition(value)


def read_acquisition(value: Acquisition | dict | str | os.PathLike) -> Acquisition:
    """Returns an acquisition given as itself, a dict or a JSON file."""
    if isinstance(value, Acquisition):
        return value
    if isinstance(value, str | os.PathLike):
        return Acquisition.load(value)
    return Acquisition.from_dict(dict(value))
