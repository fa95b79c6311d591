"""Transforms that give a section further channels: itself once more, or where in the tile a pixel lies."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmattn.common.checks import check_whole

AXES = ('row', 'column')


@TRANSFORMS.register_module()
class RepeatSection(BaseTransform):
    """Makes ``img`` (H, W) an image of several equal channels, (H, W, C), for encoders that take colours.

    Args:
        channels: their number, at least 1.

    Raises:
        TypeError: ``channels`` is no integer.
        ValueError: ``channels`` is below 1; an image that is not (H, W).
    """

    def __init__(self, *, channels: int = 3) -> None:
        self.channels = check_whole('RepeatSection: channels', channels, least=1)

    def transform(self, results: dict) -> dict:
        """Repeats the section."""
        image = results['img']
        if image.ndim != 2:
            raise ValueError(f'RepeatSection: expected a section (H, W), got shape {image.shape}')
        results['img'] = np.repeat(image[..., None], self.channels, axis=2)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(channels={self.channels})'


@TRANSFORMS.register_module()
class AddCoordinateChannels(BaseTransform):
    """Appends where each pixel lies in the image, from -1 (first row, first column) to 1 (the last).

    The channels of CoordConv (https://arxiv.org/abs/1807.03247, section 3). ``img`` (H, W) or (H, W, C) becomes float32
    with a further channel an axis. Crops and scaling after this one keep the coordinates of the whole tile; before it,
    they begin anew. Changes of amplitude belong before it. The model's ``in_channels`` and the data preprocessor's
    ``mean`` and ``std`` need the further entries too.

    Args:
        axes: 'row', 'column' or both, in the order of the channels.

    Raises:
        ValueError: ``axes`` is empty, or has other names or one of them twice.
    """

    def __init__(self, *, axes: Sequence[str] = AXES) -> None:
        if isinstance(axes, str) or not axes or len(set(axes)) < len(axes) or not set(axes) <= set(AXES):
            raise ValueError(f'AddCoordinateChannels: axes must be some of {AXES}, each once, got {axes!r}')
        self.axes = tuple(axes)

    def transform(self, results: dict) -> dict:
        """Appends the channels to ``img``."""
        image = results['img'][..., None] if results['img'].ndim == 2 else results['img']
        height, width = image.shape[:2]
        rows, columns = _from_minus_one_to_one(height)[:, None], _from_minus_one_to_one(width)[None]
        known = {'row': rows, 'column': columns}
        further = [np.broadcast_to(known[axis], (height, width))[..., None] for axis in self.axes]
        results['img'] = np.concatenate([image.astype(np.float32), *further], axis=2)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(axes={self.axes})'


def _from_minus_one_to_one(size: int) -> np.ndarray:
    """(size,) float32; a single sample lies in the middle."""
    return np.linspace(-1, 1, size, dtype=np.float32) if size > 1 else np.zeros(1, np.float32)
