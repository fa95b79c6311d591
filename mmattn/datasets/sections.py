"""What the datasets of salt sections share: the classes, and what mmseg's base class is told."""

from collections.abc import Callable, Sequence

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmattn.datasets.loading import LoadSaltAnnotations, LoadSaltSection
from mmattn.seismic.salt.classes import check_classes


class SaltSections(BaseSegDataset):
    """Base of datasets whose sections are labelled background and salt.

    Args:
        data_root: folder of the data, where there is one.
        data_prefix: folders of images and masks below it.
        pipeline, metainfo, indices, test_mode, serialize_data, lazy_init, max_refetch, ignore_index: as in
            :class:`mmseg.datasets.BaseSegDataset`, whose other options are of no use here.
    """

    METAINFO = dict(classes=('background', 'salt'), palette=[[70, 130, 180], [255, 140, 0]])

    def __init__(
        self,
        *,
        data_root: str | None = None,
        data_prefix: dict[str, str] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: dict | None = None,
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        serialize_data: bool = True,
        lazy_init: bool = False,
        max_refetch: int = 1000,
        ignore_index: int = 255,
    ) -> None:
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='', seg_map_path=''),
            img_suffix='.png',
            pipeline=list(pipeline),
            metainfo=metainfo,
            indices=indices,
            test_mode=test_mode,
            serialize_data=serialize_data,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
            ignore_index=ignore_index,
        )
        check_classes(type(self).__name__, self.metainfo.get('classes'))

    def get_cat_ids(self, idx: int) -> list[int]:
        """Returns the classes that a section holds, for ``ClassBalancedDataset``; unknown pixels are of none."""
        results = self.get_data_info(idx)
        if results.get('gt_seg_map') is None and results.get('rle_mask') is not None:
            results = LoadSaltSection()(results)
        results = self.load_label(results)
        label = results.get('gt_seg_map')
        return [] if label is None else [int(value) for value in np.unique(label) if value != self.ignore_index]

    def load_label(self, results: dict) -> dict:
        """Returns a sample with its ``gt_seg_map``, if it has a label."""
        return LoadSaltAnnotations()(results)

    def sample(self, img_path: str, img_id: str, **fields: object) -> dict:
        """Returns a sample of the data list, with what mmseg's transforms look for.

        Args:
            img_path: file or address of the section.
            img_id: its name in logs, tables and files.
            fields: of this dataset.
        """
        base = dict(label_map=self.label_map, reduce_zero_label=self.reduce_zero_label, seg_fields=[])
        base['test_mode'] = self.test_mode
        return dict(img_path=img_path, img_id=img_id, **fields) | base
