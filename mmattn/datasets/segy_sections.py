"""Sections of volumes by address, and the transform that loads them.

A section or window has an address, ``segy://QUERY/NAME.png``, which says all that is needed to read it. Volumes are
opened when they are first needed and once in each process; no sample of a volume is kept or handed to a worker.
:class:`LoadSegySection` reads float amplitudes by it. mmengine's file layer resolves it too, to an 8-bit image, so that
whatever shows images in MMSegmentation shows these sections.
"""

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.fileio import BaseStorageBackend, register_backend
from mmseg.registry import TRANSFORMS

from mmattn.seismic import Volume, open_volume, scale_amplitude, to_grey
from mmattn.seismic.tiles.tgs import check_picture
from mmattn.seismic.volumes.fill_values import is_live
from mmattn.seismic.volumes.labels import IGNORED, LabelValues

PREFIX = 'segy://'


@dataclass(frozen=True)
class SectionAddress:
    """Where a section lies.

    Args:
        path: of the volume.
        direction: 'iline' or 'xline'.
        index: position of the line, from 0.
        samples: (start, stop) of the rows.
        traces: (start, stop) of the columns.
        clip: amplitude that becomes white, see :func:`mmattn.seismic.scale_amplitude`.
        options: of :func:`mmattn.seismic.open_volume`, without those at their default.
        values: of a label, what they mean.
    """

    path: str
    direction: str
    index: int
    samples: tuple[int, int]
    traces: tuple[int, int]
    clip: float
    options: dict = field(default_factory=dict)
    values: LabelValues = field(default_factory=LabelValues)

    def format(self, name: str) -> str:
        """Returns the address; ``name`` is what people call the section."""
        volume = _quote(self.path, tuple(self.options.items()))
        samples, traces = (f'{start}-{stop}' for start, stop in (self.samples, self.traces))
        clip = quote(repr(float(self.clip)), safe='')
        place = f'direction={self.direction}&index={self.index}&samples={samples}&traces={traces}&clip={clip}'
        if self.values != LabelValues():
            means = json.dumps([self.values.salt_value, self.values.ignore_value])
            place += f'&values={quote(means, safe="")}'
        return f'{PREFIX}{place}&{volume}/{quote(name, safe="")}.png'

    @classmethod
    def parse(cls, text: str) -> 'SectionAddress':
        """Reads an address.

        Raises:
            ValueError: if it is not of the form that :meth:`format` gives.
        """
        try:
            query, name = text.removeprefix(PREFIX).split('/')
            fields = dict(parse_qsl(query, strict_parsing=True))
            options = {
                key.removeprefix('option.'): fields.pop(key) for key in list(fields) if key.startswith('option.')
            }
            options = {key: _hashable(json.loads(value)) for key, value in options.items()}
            for key in ('samples', 'traces'):
                start, stop = map(int, fields[key].split('-'))
                fields[key] = (start, stop)
            fields |= dict(index=int(fields['index']), clip=float(fields['clip']), options=options)
            if 'values' in fields:
                fields['values'] = LabelValues(*json.loads(fields['values']))
            if not text.startswith(PREFIX) or not name:
                raise ValueError
            return cls(**fields)
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{text!r} is no section of a volume; SegySaltDataset gives such addresses') from None

    def volume(self) -> Volume:
        """The volume, opened once in each process."""
        return shared_volume(self.path, tuple(sorted(self.options.items())))

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads the section.

        Returns:
            Amplitudes float32 (samples, traces), rows being samples as pictures are; and known (samples, traces) bool:
            the trace is in the file, is not marked as dead nor of one value throughout, and the sample is no null
            value.
        """
        volume = self.volume()
        slab, null = volume.slab_and_null(self.direction, self.index, self.index + 1)
        traces = slab[0, slice(*self.traces)]
        usable = volume.usable[self.index] if self.direction == 'iline' else volume.usable[:, self.index]
        rows = slice(*self.samples)
        known = np.repeat((usable[slice(*self.traces)] & is_live(traces))[None], traces[:, rows].shape[1], axis=0)
        if null is not None:
            known &= ~null[0, slice(*self.traces), rows].T
        return np.ascontiguousarray(traces[:, rows].T), known

    def read_mask(self) -> np.ndarray:
        """Reads the section of a label: uint8 (samples, traces), 1 salt, 0 background, 255 neither or no trace.

        Raises:
            ValueError: if the label holds a value that is not accounted for.
        """
        volume = self.volume()
        place = slice(*self.traces), slice(*self.samples)
        values = volume.section(self.direction, self.index)[place]
        mask = self.values.to_mask(volume.name, values, volume.not_finite(self.direction, self.index)[place])
        present = volume.present[self.index] if self.direction == 'iline' else volume.present[:, self.index]
        mask[~present[slice(*self.traces)]] = IGNORED
        return np.ascontiguousarray(mask.T)


@lru_cache(maxsize=64)
def _quote(path: str, options: tuple[tuple[str, object], ...]) -> str:
    """The part of an address that all sections of a volume share."""
    return urlencode(dict(path=path) | {f'option.{key}': json.dumps(value) for key, value in options})


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def shared_volume(path: str, options: tuple[tuple[str, object], ...]) -> Volume:
    """Opens a volume, or gives the one that this process (or the one it was forked from) has open.

    A file that was written anew is opened anew.
    """
    try:
        stat = os.stat(path)
    except OSError:
        return open_volume(path, **dict(options))  # says what is wrong
    return _open(path, options, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=32)
def _open(path: str, options: tuple[tuple[str, object], ...], state: tuple[int, int]) -> Volume:
    return open_volume(path, **dict(options))


class SegySectionBackend(BaseStorageBackend):
    """Resolves ``segy://`` addresses to PNG files of 8-bit grey values, in memory."""

    def get(self, filepath: str) -> bytes:
        """Returns the PNG of an address.

        Raises:
            ValueError: if it is no address of a section.
        """
        address = SectionAddress.parse(str(filepath))
        grey = to_grey(scale_amplitude(address.read()[0], address.clip))
        image = np.rint(grey).astype(np.uint8)
        return cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()

    def get_text(self, filepath: str) -> str:
        """Raises: a section is not text."""
        raise TypeError(f'{filepath!r} is an image, not text')


register_backend('segy', SegySectionBackend, prefixes='segy', force=True)


def _read_image(path: str) -> np.ndarray:
    """Grey values of an image file, float32 (H, W)."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'image {path!r} does not exist')
    check_picture(path)
    image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f'{path!r} is no image; LoadSegySection reads sections of SegySaltDataset and image files')
    return image.astype(np.float32)


@TRANSFORMS.register_module()
class LoadSegySection(BaseTransform):
    """Loads a section of :class:`SegySaltDataset`, and its label if it has one; an image file, too.

    Image files are what MMSegmentation's ``inference_model`` gives it: grey values with zero amplitude at 128 (of
    colour images the luma), without labels.

    Reads ``img_path`` and, if there, ``seg_map_path``. Writes ``img`` float32 (samples, traces), grey values of which
    128 is zero amplitude, ``img_shape``, ``ori_shape`` and, with a label, ``gt_seg_map`` uint8: 1 where the label
    is salt, 0 elsewhere, 255 where it says neither or is not finite, where either volume has no trace, and where the
    amplitudes' trace is dead or its sample a null value.

    Raises:
        FileNotFoundError: if there is no such image.
        ValueError: if a path is neither the address of a section nor that of an image, or a label holds a value that is
            not accounted for.
    """

    def transform(self, results: dict) -> dict:
        """Adds image and label to a sample."""
        if '://' not in str(results['img_path']):
            image = _read_image(str(results['img_path']))
            return results | dict(img=image, img_shape=image.shape, ori_shape=image.shape)
        address = SectionAddress.parse(results['img_path'])
        amplitudes, known = address.read()
        results['img'] = to_grey(scale_amplitude(amplitudes, address.clip))
        results['img_shape'] = results['ori_shape'] = amplitudes.shape
        if results.get('seg_map_path') is None:
            return results
        mask = SectionAddress.parse(results['seg_map_path']).read_mask()
        mask[~known] = IGNORED
        if results.get('label_map') is not None:
            lookup = np.arange(256, dtype=np.uint8)
            for old, new in results['label_map'].items():
                lookup[old] = new
            mask = lookup[mask]
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results
