"""What another survey, or a mistake, does to a section: gain, frequency, noise, phase, dead traces, clipping."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.ndimage import zoom
from scipy.signal import hilbert

Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def amplified(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, gain: float):
    """Amplitudes about the median times a gain; what leaves 0 to 255 is clipped."""
    return _changed(image, lambda amplitude: gain * amplitude), mask


def compressed(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, factor: float):
    """Frequencies times a factor: the section, and its mask, have so many times fewer samples."""
    samples = max(1, round(len(image) / factor))
    ratio = samples / len(image), 1
    rows = np.minimum((np.arange(samples) + 0.5) * len(image) / samples, len(image) - 1).astype(int)
    resampled = zoom(image.astype(np.float32), ratio, order=1, mode='nearest', grid_mode=True)
    return np.clip(np.rint(resampled), 0, 255).astype(np.uint8), mask[rows]


def noisy(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, ratio: float):
    """White noise; the ratio of signal to noise is in dB."""
    strength = 10 ** (-ratio / 20)
    return _changed(image, lambda a: a + strength * a.std() * rng.standard_normal(a.shape)), mask


def rotated(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, phase: float):
    """All phases moved by an angle in degrees; 180 reverses the polarity."""
    turn = np.exp(1j * np.deg2rad(phase))
    return _changed(image, lambda amplitude: (hilbert(amplitude, axis=0) * turn).real), mask


def deadened(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, share: float):
    """A share of the traces, at least one, at zero amplitude."""
    count = max(1, round(share * image.shape[1]))
    dead = rng.permutation(image.shape[1])[:count]
    changed = image.copy()
    changed[:, dead] = np.uint8(np.median(image))
    return changed, mask


def clipped(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, deviations: float):
    """Amplitudes cut at so many standard deviations, which become black and white."""

    def cut(amplitude: np.ndarray) -> np.ndarray:
        limit = max(deviations * amplitude.std(), 1e-6)
        return np.clip(amplitude / limit, -1, 1) * 127

    return _changed(image, cut), mask


def unchanged(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator):
    """The section as it is."""
    return image, mask


CHANGES: dict[str, Change] = {
    'as it is': unchanged,
    **{f'gain {gain:g}': partial(amplified, gain=gain) for gain in (0.1, 0.3, 3.0, 10.0)},
    **{f'frequency {factor - 1:+.0%}': partial(compressed, factor=factor) for factor in (0.7, 1.3)},
    **{f'noise, {ratio:g} dB': partial(noisy, ratio=ratio) for ratio in (20, 10, 5, 0)},
    'polarity reversed': partial(rotated, phase=180.0),
    **{f'phase {phase:g} degrees': partial(rotated, phase=phase) for phase in (45.0, 90.0)},
    **{f'{share:.0%} of the traces dead': partial(deadened, share=share) for share in (0.05, 0.2)},
    **{f'clipped at {limit:g} deviations': partial(clipped, deviations=limit) for limit in (2.0, 1.0)},
}
"""By name, what is done to a section: (image uint8 (H, W), mask (H, W), rng) to the same, of another height at most."""


def _changed(image: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    zero = np.median(image)
    return np.clip(np.rint(zero + change(image.astype(np.float64) - zero)), 0, 255).astype(np.uint8)
