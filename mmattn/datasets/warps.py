"""A transform that bends sections: layers dip otherwise, all of it is tilted a little and pushed about smoothly."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.registry import TRANSFORMS

from mmattn.common.checks import check_number, check_positive


@TRANSFORMS.register_module()
class RandomWarp(BaseTransform):
    """Bends a section and its labels: shear of the layers, a small rotation, and a smooth random field of shifts.

    Amplitudes are interpolated linearly, labels take the nearest pixel; what comes from outside is the section mirrored
    at its edge. Elastic fields: Simard and others, Best Practices for Convolutional Neural Networks,
    ICDAR 2003, section 4, in pixels and with their largest shift given.

    Args:
        prob: probability that a section is bent; strengths are drawn evenly, of both signs.
        dip: most rows a column that layers are sheared by, from the middle column on.
        tilt: most degrees that the section is turned by, about its middle.
        elastic: most pixels that the smooth field shifts by, down and across.
        smoothness: standard deviation of the Gaussian that smooths the field, pixels, above 0.

    Raises:
        TypeError: if an option is no number.
        ValueError: if an option is out of its range; for an image that is not (H, W) or (H, W, C).

    Shape:
        ``img`` (H, W) or (H, W, C) of uint8 or float32, and the maps that ``seg_fields`` names, to the same.
    """

    def __init__(
        self,
        *,
        prob: float = 0.5,
        dip: float = 0.15,
        tilt: float = 5.0,
        elastic: float = 3.0,
        smoothness: float = 12.0,
    ) -> None:
        self.prob = check_number('RandomWarp: prob', prob, low=0, high=1)
        self.dip = check_number('RandomWarp: dip', dip, low=0, high=2)
        self.tilt = check_number('RandomWarp: tilt', tilt, low=0, high=45)
        self.elastic = check_number('RandomWarp: elastic', elastic, low=0)
        self.smoothness = check_positive('RandomWarp', 'smoothness', smoothness)

    @cache_randomness
    def draw(self, height: int, width: int) -> np.ndarray | None:
        """Returns where each pixel comes from, (2, H, W) columns and rows as float32; None for the section as it is."""
        if np.random.rand() >= self.prob:
            return None
        dip, tilt = np.random.uniform(-1, 1, 2) * (self.dip, self.tilt)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        across, down = columns - (width - 1) / 2, rows - (height - 1) / 2
        cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        places = np.stack([cosine * across - sine * down, sine * across + cosine * down + dip * across])
        places += np.array([(width - 1) / 2, (height - 1) / 2])[:, None, None]
        for place in places:
            field = np.random.uniform(-1, 1, (height, width)).astype(np.float32)
            field = cv2.GaussianBlur(field, (0, 0), self.smoothness, borderType=cv2.BORDER_REFLECT_101)
            place += field * (np.random.uniform(0, self.elastic) / max(np.abs(field).max(), 1e-12))
        return places.astype(np.float32)

    def transform(self, results: dict) -> dict:
        """Replaces ``img`` and the label maps."""
        image = results['img']
        if image.ndim not in (2, 3):
            raise ValueError(f'RandomWarp: expected a section (H, W) or (H, W, C), got shape {image.shape}')
        places = self.draw(*image.shape[:2])
        if places is not None:
            results['img'] = _take(image, places, cv2.INTER_LINEAR)
            for name in results.get('seg_fields', []):
                results[name] = _take(results[name], places, cv2.INTER_NEAREST)
        return results

    def __repr__(self) -> str:
        options = ('prob', 'dip', 'tilt', 'elastic', 'smoothness')
        return f'{type(self).__name__}({", ".join(f"{option}={getattr(self, option)}" for option in options)})'


def _take(image: np.ndarray, places: np.ndarray, how: int) -> np.ndarray:
    return cv2.remap(image, *places, how, borderMode=cv2.BORDER_REFLECT_101)
