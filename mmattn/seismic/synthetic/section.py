"""Synthetic sections by index."""

from dataclasses import dataclass

import numpy as np

from mmattn.common.checks import check_number, check_shape, check_whole
from mmattn.seismic.synthetic.acquisition import apply_acquisition, stretch
from mmattn.seismic.synthetic.bodies import draw_coverage
from mmattn.seismic.synthetic.grid import get_grid
from mmattn.seismic.synthetic.options import SMALLEST_SIZE, check_wavelengths
from mmattn.seismic.synthetic.scene import Scene


@dataclass(frozen=True)
class SyntheticSection:
    """One section and its truth.

    Attributes:
        image: Grey values uint8 (H, W); amplitude 0 is 128.
        amplitude: What the image was quantised from, float32 (H, W): -1 to 1 spans the grey values, peaks exceed it.
            A constant is in it, as in tiles that were stretched one by one from their least to their largest value.
        mask: Salt 1, background 0, uint8 (H, W), from the geometry that made the section.
        depth: A made-up depth in the range of the TGS table, where one is needed; it has no bearing on the section.
    """

    image: np.ndarray
    amplitude: np.ndarray
    mask: np.ndarray
    depth: int

    @property
    def has_salt(self) -> bool:
        """Whether any pixel is salt."""
        return bool(self.mask.any())


class SyntheticSurvey:
    """An endless survey: section ``i`` follows from the seed, ``i`` and the options alone, in any order and process.

    Args:
        size: Samples and traces (H, W) of a section, at least 16 each. The wavelength does not scale with it: a larger
            section shows more geology.
        seed: Of the survey, from 0.
        salt_probability: Share of the sections with salt. How much of such a section is salt follows the TGS tiles.
        hard_negatives: Share of the sections without salt that have a zone which may be taken for it: slumped layers,
            dimmed as below gas, or a bright spot. Half as many of those with salt have one too.
        wavelength: Shortest and longest dominant wavelength in samples, one being drawn for each section.
        noise: Factor on all noise; 0 gives clean sections.

    Raises:
        TypeError: An option of the wrong kind.
        ValueError: An option out of its range.
    """

    def __init__(
        self,
        size: tuple[int, int] = (101, 101),
        *,
        seed: int = 0,
        salt_probability: float = 0.62,
        hard_negatives: float = 0.15,
        wavelength: tuple[float, float] = (7.5, 40.0),
        noise: float = 1.0,
    ) -> None:
        self.size = check_shape('size', size, smallest=(SMALLEST_SIZE, SMALLEST_SIZE))
        self.seed = check_whole('seed', seed)
        self.salt_probability = check_number('salt_probability', salt_probability, low=0, high=1)
        self.hard_negatives = check_number('hard_negatives', hard_negatives, low=0, high=1)
        self.wavelength = check_wavelengths(wavelength)
        self.noise = check_number('noise', noise, low=0, high=10)

    def section(self, index: int) -> SyntheticSection:
        """Makes section ``index``, from 0.

        Raises:
            TypeError: The index is no integer.
            ValueError: The index is negative.
        """
        rng = np.random.default_rng([self.seed, check_whole('index', index)])
        has_salt = rng.uniform() < self.salt_probability
        coverage = draw_coverage(rng) if has_salt else 0.0
        distracted = rng.uniform() < self.hard_negatives * (0.5 if has_salt else 1.0)
        wavelength = draw_wavelength(rng, self.wavelength)
        grid = get_grid(*self.size, wavelength)
        scene = Scene(
            rng,
            grid,
            inlines=1,
            wavelength=wavelength,
            coverage=coverage,
            distracted=distracted,
            noise=self.noise,
        )
        amplitude, mask = scene.render(0, rng)
        apply_acquisition(rng, grid, amplitude, mask, wavelength=wavelength, noise=self.noise)
        amplitude = stretch(rng, amplitude)
        return SyntheticSection(quantise(amplitude), amplitude, mask, int(rng.integers(50, 960)))


def quantise(amplitude: np.ndarray) -> np.ndarray:
    """Turns amplitudes into 8-bit grey values: zero is 128, -1 and 1 are 1 and 255, what is beyond is clipped."""
    return np.clip(np.rint(128 + 127 * amplitude), 0, 255).astype(np.uint8)


def draw_wavelength(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """Draws a wavelength between bounds, about log-normal with its median at their geometric mean."""
    low, high = np.log(bounds)
    return float(np.exp(np.clip(rng.normal((low + high) / 2, (high - low) / 3.4), low, high)))
