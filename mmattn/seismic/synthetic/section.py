"""Synthetic sections by index."""

from dataclasses import dataclass

import numpy as np

from mmattn.seismic.synthetic.bodies import draw_coverage
from mmattn.seismic.synthetic.grid import get_grid
from mmattn.seismic.synthetic.scene import Scene


@dataclass(frozen=True)
class SyntheticSection:
    """One section and its truth."""

    image: np.ndarray
    amplitude: np.ndarray
    mask: np.ndarray
    depth: int

    @property
    def has_salt(self) -> bool:
        """Whether any pixel is salt."""
        return bool(self.mask.any())


class SyntheticSurvey:
    """Sections by index."""

    def __init__(self, size: tuple[int, int] = (101, 101), *, seed: int = 0) -> None:
        self.size = size
        self.seed = seed

    def section(self, index: int) -> SyntheticSection:
        """Makes section ``index``."""
        rng = np.random.default_rng([self.seed, index])
        salt = rng.uniform() < 0.62
        coverage = draw_coverage(rng) if salt else 0.0
        wavelength = float(np.clip(np.exp(rng.normal(np.log(15), 0.45)), 7, 32))
        scene = Scene(
            rng,
            get_grid(*self.size),
            inlines=1,
            wavelength=wavelength,
            coverage=coverage,
            distractor=rng.uniform() < (0.1 if salt else 0.2),
            noise=1.0,
        )
        amplitude, mask = scene.render(0, rng)
        peak = np.abs(amplitude).max() * rng.uniform(0.75, 1.15)
        amplitude = amplitude / peak
        image = np.clip(np.rint(128 + 127 * amplitude), 0, 255).astype(np.uint8)
        return SyntheticSection(image, amplitude, mask, int(rng.integers(50, 960)))
