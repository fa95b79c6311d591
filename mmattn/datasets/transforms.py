"""Transforms that keep a section a section.

Horizontal flips, crops and scaling are MMSegmentation's own (``RandomFlip(direction='horizontal')``, ``RandomCrop``,
``RandomResize``). There is no vertical flip: time does not run backwards.
"""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.registry import TRANSFORMS

from mmattn.common.checks import check_flag, check_number
from mmattn.seismic.changes import Change, amplified, clipped, deadened, noisy, rotated


@TRANSFORMS.register_module()
class SingleChannel(BaseTransform):
    """Makes ``img`` a (H, W) section: callers of the inference API often hold three equal channels.

    Args:
        grey: whether the values must be grey: 0 to 255 with zero amplitude at mid-grey, of any type. To a network of
            such sections others would be all or no salt, in a normal-looking mask.

    Raises:
        TypeError: if ``grey`` is no switch.
        ValueError: if ``img`` has neither one nor three channels, or values that are no grey values; the message has
            their type and range.
    """

    def __init__(self, *, grey: bool = False) -> None:
        self.grey = check_flag('SingleChannel', 'grey', grey)

    def transform(self, results: dict) -> dict:
        """Replaces (H, W, 1) and (H, W, 3) by (H, W)."""
        image = results['img']
        if image.ndim == 3 and image.shape[2] == 3:
            image = mmcv.bgr2gray(image)
        elif image.ndim == 3 and image.shape[2] == 1:
            image = image[..., 0]
        elif image.ndim != 2:
            raise ValueError(
                f'SingleChannel: expected a section (H, W), or (H, W, 1) or (H, W, 3), got shape {image.shape}'
            )
        if self.grey:
            check_grey(image)
        results['img'] = np.ascontiguousarray(image)
        return results


def check_grey(image: np.ndarray) -> None:
    """Raises ValueError unless a section holds grey values, 0 to 255, and not just 0 to 1."""
    if image.dtype == np.uint8:
        return
    if image.dtype.kind not in 'uif':
        raise ValueError(f'expected a section of grey values from 0 to 255, got an array of {image.dtype}')
    low, high = (float(image.min()), float(image.max())) if image.size else (0.0, 0.0)
    fault = ''
    if not (np.isfinite(low) and np.isfinite(high)):
        fault = 'NaN or infinite values'
    elif low < 0 or high > 255:
        fault = f'values from {low:g} to {high:g}'
    elif image.dtype.kind == 'f' and 0 < high <= 1:
        fault = f'values from {low:g} to {high:g}, which look like 0 to 1: multiply them by 255'
    if fault:
        raise ValueError(
            f'expected a section of grey values from 0 to 255 with zero amplitude at 128, got {image.dtype} with '
            f'{fault}; mmattn.seismic.to_grey(scale_amplitude(amplitudes, clip)) makes them of amplitudes'
        )


@TRANSFORMS.register_module()
class RandomAmplitude(BaseTransform):
    """Scales amplitudes by a random gain about zero amplitude, and may reverse their polarity.

    Args:
        gain: range of the gain, log-uniform, both positive.
        polarity_prob: probability that the polarity is reversed: for surveys of unknown polarity convention.
        center: value of zero amplitude in the image (128 in 8-bit sections, 0 in amplitudes).

    Raises:
        TypeError: if an option is no number.
        ValueError: if an option is out of its range.
    """

    def __init__(
        self, *, gain: tuple[float, float] = (0.8, 1.25), polarity_prob: float = 0.0, center: float = 128.0
    ) -> None:
        if not isinstance(gain, list | tuple) or len(gain) != 2:
            raise ValueError(f'RandomAmplitude: gain must be two numbers with 0 < low <= high, got {gain}')
        low, high = (check_number('RandomAmplitude: gain', one) for one in gain)
        if not 0 < low <= high:
            raise ValueError(f'RandomAmplitude: gain must be two numbers with 0 < low <= high, got {gain}')
        self.gain = tuple(gain)
        self.polarity_prob = check_number('RandomAmplitude: polarity_prob', polarity_prob, low=0, high=1)
        self.center = check_number('RandomAmplitude: center', center)

    @cache_randomness
    def draw_factor(self) -> float:
        """Returns the signed gain of one section."""
        gain = np.exp(np.random.uniform(*np.log(self.gain)))
        return float(-gain if np.random.rand() < self.polarity_prob else gain)

    def transform(self, results: dict) -> dict:
        """Replaces ``img`` by float32 amplitudes of another gain."""
        results['img'] = self.center + self.draw_factor() * (results['img'].astype(np.float32) - self.center)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(gain={self.gain}, polarity_prob={self.polarity_prob}, center={self.center})'


@TRANSFORMS.register_module()
class RandomSurvey(BaseTransform):
    """Shows a section as another survey might have it, so that a network learns not to mind.

    Each kind of change happens with probability ``prob``, with a strength drawn evenly from its range; None leaves a
    kind out. They are those of ``mmattn.seismic.changes``, by which ``mmattn robustness`` scores a network.

    Args:
        prob: of each kind of change.
        phase: degrees that all phases are moved by.
        polarity: whether the polarity is reversed in one section of two.
        noise: ratio of signal to white noise, dB.
        dead: share of the traces that are dead.
        gain: factor on amplitudes, drawn evenly in its logarithm; what leaves 0 to 255 is clipped.
        clip: standard deviations at which amplitudes are cut.

    Raises:
        TypeError: if an option is of another type.
        ValueError: if a range is not two numbers, the lower first, or a number is out of its range.

    Shape:
        ``img`` (H, W) uint8 to the same; labels stay as they are.
    """

    def __init__(
        self,
        *,
        prob: float = 0.25,
        phase: tuple[float, float] | None = (-90.0, 90.0),
        polarity: bool = True,
        noise: tuple[float, float] | None = (0.0, 30.0),
        dead: tuple[float, float] | None = (0.0, 0.3),
        gain: tuple[float, float] | None = (0.1, 10.0),
        clip: tuple[float, float] | None = (0.8, 3.0),
    ) -> None:
        self.prob = check_number('RandomSurvey: prob', prob, low=0, high=1)
        self.phase = _check_range('phase', phase, low=-180, high=180)
        self.polarity = check_flag('RandomSurvey', 'polarity', polarity)
        self.noise = _check_range('noise', noise)
        self.dead = _check_range('dead', dead, low=0, high=1)
        self.gain = _check_range('gain', gain, low=1e-3, high=1e3)
        self.clip = _check_range('clip', clip, low=1e-3, high=1e3)

    @cache_randomness
    def draw(self) -> list[tuple[Change, dict[str, float]]]:
        """Returns the changes of one section, each with its strength by name."""
        kinds: list[tuple[Change, str, tuple[float, float] | None]] = [
            (rotated, 'phase', self.phase),
            (noisy, 'ratio', self.noise),
            (deadened, 'share', self.dead),
            (amplified, 'gain', self.gain),
            (clipped, 'deviations', self.clip),
        ]
        drawn = [(rotated, {'phase': 180.0})] if self.polarity and np.random.rand() < 0.5 else []
        for change, name, limits in kinds:
            if limits is not None and np.random.rand() < self.prob:
                even = np.log(limits) if name == 'gain' else limits
                strength = np.random.uniform(*even)
                drawn.append((change, {name: float(np.exp(strength) if name == 'gain' else strength)}))
        return drawn

    def transform(self, results: dict) -> dict:
        """Replaces ``img``."""
        image = results['img']
        if image.dtype != np.uint8 or image.ndim != 2:
            raise ValueError(
                f'RandomSurvey: expected a section (H, W) of uint8, got {image.dtype} of shape {image.shape}'
            )
        rng = np.random.default_rng(np.random.randint(2**31))
        for change, strength in self.draw():
            image, _ = change(image, image, rng, **strength)
        results['img'] = image
        return results

    def __repr__(self) -> str:
        options = ('prob', 'phase', 'polarity', 'noise', 'dead', 'gain', 'clip')
        return f'{type(self).__name__}({", ".join(f"{option}={getattr(self, option)}" for option in options)})'


def _check_range(
    option: str, limits: tuple[float, float] | None, *, low: float = -1e3, high: float = 1e3
) -> tuple[float, float] | None:
    if limits is None:
        return None
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        raise ValueError(f'RandomSurvey: {option} must be two numbers, the lower first, or None, got {limits}')
    first, last = (check_number(f'RandomSurvey: {option}', one, low=low, high=high) for one in limits)
    if first > last:
        raise ValueError(f'RandomSurvey: {option} must be two numbers, the lower first, or None, got {limits}')
    return float(first), float(last)
