"""Transforms that load salt masks and the depth of a tile."""

import math

import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmseg.datasets.transforms import LoadImageFromNDArray
from mmseg.registry import TRANSFORMS

from mmattn.seismic.tiles.rle import decode_rle
from mmattn.seismic.tiles.tgs import check_picture, read_mask


@TRANSFORMS.register_module()
class LoadSaltSection(LoadImageFromFile):
    """Loads a section as grey values (H, W) from its file, or takes the one that the dataset keeps in memory.

    Writes ``img``, ``img_shape`` and ``ori_shape``, as mmcv's ``LoadImageFromFile(color_type='grayscale')`` does.

    Args:
        backend_args: Storage of the files as in ``mmengine.fileio.get``; None is the local disk.
    """

    def __init__(self, *, backend_args: dict | None = None) -> None:
        super().__init__(color_type='grayscale', backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Adds the section to the sample."""
        if 'img' not in results:
            if self.backend_args is None and '://' not in str(results['img_path']):
                check_picture(results['img_path'])
            return super().transform(results)
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module(name='LoadImageFromNDArray', force=True)
class LoadImageOrArray(LoadImageFromNDArray):
    """MMSegmentation's ``LoadImageFromNDArray`` that loads a file as well.

    ``mmseg.apis.inference_model`` puts that transform into the model's pipeline when it is first given an array, and
    leaves it there: without this, every file after an array would fail.
    """

    def transform(self, results: dict) -> dict:
        """Takes ``img`` where it is an array, else loads ``img_path``."""
        if 'img' in results:
            return super().transform(results)
        return LoadImageFromFile.transform(self, results)


@TRANSFORMS.register_module()
class LoadSaltAnnotations(BaseTransform):
    """Loads the salt mask of a sample from its PNG file or its run-length text.

    Reads ``seg_map_path`` (1, 8 or 16 bits; anything above 0 is salt), else ``rle_mask`` with the height and width that
    the image was loaded with, unless the dataset keeps ``gt_seg_map`` in memory. A sample with none of them passes
    through untouched, so the same pipeline serves prediction. Writes ``gt_seg_map`` (H, W) uint8 and appends it to
    ``seg_fields``; a ``label_map`` in the sample is applied.

    The mask has the image's original size. In testing the image may have been resized before, as in MMSegmentation's
    pipelines: predictions come back at that size. In training (``test_mode`` of the sample is False) image and mask
    go on together, so the image must not have been resized yet.

    Args:
        backend_args: Storage of the mask files as in ``mmengine.fileio.get``; None is the local disk.

    Raises:
        ValueError: A mask cannot be read, holds more than one value above 0, or differs in size from the image that
            was loaded; or the image was resized before in training.
        KeyError: The image was not loaded before a run-length text.
    """

    def __init__(self, *, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Adds ``gt_seg_map`` to the sample, if it has a label."""
        if 'gt_seg_map' in results:  # kept in memory, its label_map applied
            _original_size(results)
            results.setdefault('seg_fields', []).append('gt_seg_map')
            return results
        path, rle = results.get('seg_map_path'), results.get('rle_mask')
        if path is None and rle is None:
            return results
        shape = _original_size(results)
        if path is not None:
            mask = read_mask(fileio.get(path, backend_args=self.backend_args), name=str(path))
            if shape is not None and mask.shape != shape:
                raise ValueError(f'mask {path} has the size {mask.shape}, its image {_name(results)} {shape}')
        else:
            mask = _decode(rle, shape, results)
        if results.get('label_map') is not None:
            lookup = np.array([results['label_map'].get(label, label) for label in (0, 1)], dtype=np.uint8)
            mask = lookup[mask]
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


@TRANSFORMS.register_module()
class AddDepthChannel(BaseTransform):
    """Appends the tile's depth, divided by ``max_depth``, as one more constant image channel.

    ``img`` (H, W) or (H, W, C) becomes float32 (H, W, C + 1). The model's ``in_channels`` and the data preprocessor's
    ``mean`` and ``std`` need the further entry too.

    Args:
        max_depth: Depth that becomes 1; TGS depths reach 959.
        default: Depth of samples without one (None, or no such key); None makes them an error.

    Raises:
        ValueError: ``max_depth`` is not a positive number, or ``default`` not a number; a sample has no depth.
    """

    def __init__(self, *, max_depth: float = 1000.0, default: float | None = None) -> None:
        if not _is_number(max_depth) or max_depth <= 0:
            raise ValueError(f'max_depth must be a positive number, got {max_depth!r}')
        if default is not None and not _is_number(default):
            raise ValueError(f'default must be None or a number, got {default!r}')
        self.max_depth = max_depth
        self.default = default

    def transform(self, results: dict) -> dict:
        """Appends the channel to ``img``."""
        depth = results.get('depth')
        depth = self.default if depth is None else depth
        if depth is None:
            raise ValueError(
                f'tile {_name(results)} has no depth; add it to depths.csv or set AddDepthChannel(default=…)'
            )
        img = results['img']
        img = img[..., None] if img.ndim == 2 else img
        channel = np.full((*img.shape[:2], 1), depth / self.max_depth, dtype=np.float32)
        results['img'] = np.concatenate([img.astype(np.float32), channel], axis=2)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(max_depth={self.max_depth}, default={self.default})'


def _original_size(results: dict) -> tuple[int, int] | None:
    """Height and width of the image as it was loaded, None if there is none; an error where training resized it."""
    if 'img' not in results:
        return None
    now = tuple(results['img'].shape[:2])
    loaded = tuple(results.get('ori_shape', now)[:2])
    if now != loaded and results.get('test_mode') is False:
        raise ValueError(
            f'the image of {_name(results)} was resized from {loaded} to {now} before its mask was loaded: put '
            'LoadSaltAnnotations before Resize in a training pipeline'
        )
    return loaded


def _decode(rle: str, shape: tuple[int, int] | None, results: dict) -> np.ndarray:
    """The mask from run lengths, errors naming the tile."""
    if shape is None:
        raise KeyError('LoadSaltAnnotations needs the image before a run-length mask: put LoadImageFromFile first')
    try:
        return decode_rle(rle, shape)
    except ValueError as error:
        raise ValueError(f'rle_mask of tile {_name(results)}: {error}') from error


def _name(results: dict) -> str:
    """How to call a sample in an error."""
    return str(results.get('img_id') or results.get('img_path') or '(without id)')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
