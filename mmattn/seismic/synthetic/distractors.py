"""Hard negatives: zones in the sediments that may be taken for salt."""

import numpy as np

from mmattn.seismic.synthetic.fields import InlineAxis, SmoothField
from mmattn.seismic.synthetic.grid import Grid

_KINDS = {'slump': 0.55, 'gas': 0.25, 'bright spot': 0.2}  # and their shares
_GAIN = {'gas': 0.25, 'bright spot': 2.5}


class Distractor:
    """A zone with irregular outline of slumped layers (mass transport), dimmed as below gas, or brightened.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        axis: Inline axis of the outline.
        fine_axis: Inline axis of the disorder within.
        wavelength: Dominant wavelength in samples.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        axis: InlineAxis,
        fine_axis: InlineAxis,
        *,
        wavelength: float,
    ) -> None:
        size = rng.uniform(0.25, 0.6) * min(grid.height, grid.width)
        self._zone = SmoothField(rng, axis, grid.z, grid.x, (size, size * rng.uniform(1, 2)))
        self._threshold = np.float32(rng.uniform(-0.3, 0.8))
        self._kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
        scale = wavelength * rng.uniform(0.35, 0.7)
        self._disorder = SmoothField(rng, fine_axis, grid.z, grid.x, (scale, 1.5 * scale))
        self._displacement = np.float32(0.8 * wavelength)

    def at(self, inline: int) -> tuple[np.ndarray | None, np.ndarray | float]:
        """Returns the displacement of layers in samples (None if there is none) and the gain, float32 (Z, X)."""
        zone = np.clip((self._zone.at(inline) - self._threshold) * 4, 0, 1)
        if self._kind == 'slump':
            return zone * self._disorder.at(inline) * self._displacement, 1.0
        return None, 1 + zone * np.float32(_GAIN[self._kind] - 1)
