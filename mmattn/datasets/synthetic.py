"""The built-in synthetic survey as an MMSegmentation dataset.

Sections are made when they are asked for. Each has an address, ``synthetic://HxW/SEED/image/INDEX.png`` or
``…/mask/INDEX.png``, which mmengine's file layer resolves: whatever reads an image in MMSegmentation (loading
transforms, visualisation, the inference API) reads a synthetic section too, unchanged, and nothing is stored.
"""

import logging
import re
from functools import lru_cache

import cv2
from mmengine.fileio import BaseStorageBackend, register_backend
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from mmattn.common.checks import check_whole
from mmattn.datasets.sections import SaltSections
from mmattn.seismic.synthetic import SyntheticSection, SyntheticSurvey

_ADDRESS = re.compile(r'synthetic://(\d+)x(\d+)/(\d+)/(image|mask)/(\d+)\.png')


@lru_cache(maxsize=8)
def _survey(height: int, width: int, seed: int) -> SyntheticSurvey:
    return SyntheticSurvey((height, width), seed=seed)


@lru_cache(maxsize=4)  # an image and its mask are read one after the other
def _section(height: int, width: int, seed: int, index: int) -> SyntheticSection:
    return _survey(height, width, seed).section(index)


class SyntheticSectionBackend(BaseStorageBackend):
    """Resolves ``synthetic://`` addresses to PNG files, in memory."""

    def get(self, filepath: str) -> bytes:
        """Returns the PNG of an address: grey values, or labels 0 and 1.

        Raises:
            ValueError: if the address is not of the form in the module's docstring.
        """
        match = _ADDRESS.fullmatch(str(filepath))
        if match is None:
            raise ValueError(
                f'{filepath!r} is no synthetic section; '
                'expected synthetic://HEIGHTxWIDTH/SEED/image/INDEX.png or mask/INDEX.png'
            )
        height, width, seed, kind, index = match.groups()
        section = _section(int(height), int(width), int(seed), int(index))
        array = section.image if kind == 'image' else section.mask
        return cv2.imencode('.png', array, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()

    def get_text(self, filepath: str) -> str:
        """Raises: a section is not text."""
        raise TypeError(f'{filepath!r} is an image, not text')


register_backend('synthetic', SyntheticSectionBackend, prefixes='synthetic', force=True)


@DATASETS.register_module()
class SyntheticSaltDataset(SaltSections):
    """Synthetic seismic sections with exact salt masks, made from a seed and an index; no file is read or written.

    Args:
        num_sections: number of sections.
        size: (height, width) of a section in samples and traces, at least 16 each.
        seed: of the survey; other seeds give other sections.
        note: said in the log beside the fact that these are not real data.
        options: as in :class:`mmattn.datasets.sections.SaltSections`: ``pipeline``, the same as for tiles on disk,
            ``test_mode`` and others.

    Raises:
        TypeError: for an option of the wrong kind.
        ValueError: for an option out of its range.
    """

    def __init__(
        self,
        *,
        num_sections: int,
        size: tuple[int, int] = (101, 101),
        seed: int = 0,
        note: str = '',
        **options: object,
    ) -> None:
        SyntheticSurvey(size, seed=seed)  # checks both options
        self.num_sections = check_whole('SyntheticSaltDataset: num_sections', num_sections, least=1)
        self.size = tuple(size)
        self.seed = seed
        self.note = note
        super().__init__(**options)

    def load_data_list(self) -> list[dict]:
        """Lists the addresses of the sections; called by the base class."""
        height, width = self.size
        print_log(
            f'SYNTHETIC DATA: {self.num_sections} sections of {height} x {width} from the built-in survey, '
            f'seed {self.seed}. No real data are read. {self.note}'.rstrip(),
            logger='current',
            level=logging.WARNING,
        )
        return [self._sample(f'synthetic://{height}x{width}/{self.seed}', index) for index in range(self.num_sections)]

    def _sample(self, survey: str, index: int) -> dict:
        name = f'synthetic_{self.seed}_{index:06d}'
        return self.sample(f'{survey}/image/{index:06d}.png', name, seg_map_path=f'{survey}/mask/{index:06d}.png')
