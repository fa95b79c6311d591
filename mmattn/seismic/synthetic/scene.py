"""A scene: one random piece of the subsurface and of the survey over it, of which sections are cut."""

import numpy as np
from scipy.ndimage import uniform_filter1d

from mmattn.seismic.synthetic.bodies import SaltBody
from mmattn.seismic.synthetic.fields import InlineAxis, SmoothField
from mmattn.seismic.synthetic.geology import Strata
from mmattn.seismic.synthetic.grid import Grid
from mmattn.seismic.synthetic.imaging import PointSpread
from mmattn.seismic.synthetic.noise import CoherentNoise, Gain


class Scene:
    """Everything random is drawn at construction; ``render`` then makes one inline."""

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        *,
        inlines: int,
        wavelength: float,
        coverage: float,
        distractor: bool,
        noise: float,
    ) -> None:
        self._grid = grid
        self._wavelength = np.float32(wavelength)
        axis = InlineAxis(inlines, 40.0)
        fine = InlineAxis(inlines, max(2.0, 0.6 * wavelength))
        self._strata = Strata(rng, grid, axis, fine, wavelength=wavelength)
        self._psf = PointSpread(rng, grid, wavelength=wavelength)
        self._gain = Gain(rng, grid, axis)
        aspect = np.exp(rng.normal(0.0, 0.4))
        scale = 0.4 * wavelength * rng.uniform(0.8, 1.4)
        self._texture = SmoothField(rng, fine, grid.z, grid.x, (max(scale, 1.2), max(scale * aspect, 1.2)))
        self._sediment_noise = np.float32(noise * rng.gamma(1.5, 0.25))
        self._random_noise = np.float32(noise * max(0.0, rng.normal(-0.1, 0.12)))
        self._coherent = []
        for kind, probability in (('smile', 0.25), ('linear', 0.25)):
            if rng.uniform() < probability:
                level = np.float32(noise * rng.gamma(1.5, 0.09))
                self._coherent.append((level, CoherentNoise(rng, grid, axis, wavelength=wavelength, kind=kind)))
        self._salt = None
        if coverage > 0:
            self._salt = SaltBody(rng, grid, axis, fine, wavelength=wavelength, coverage=coverage)
            self._draw_salt_look(rng, axis)
        self._zone = None
        if distractor:
            size = rng.uniform(0.25, 0.6) * min(grid.height, grid.width)
            self._zone = SmoothField(rng, axis, grid.z, grid.x, (size, size * rng.uniform(1, 2)))
            self._zone_threshold = np.float32(rng.uniform(-0.3, 0.8))
            self._zone_kind = str(rng.choice(['chaos', 'dim', 'bright'], p=[0.5, 0.3, 0.2]))
            chaos = wavelength * rng.uniform(0.35, 0.7)
            self._disorder = SmoothField(rng, fine, grid.z, grid.x, (chaos, chaos * 1.5))

    def _draw_salt_look(self, rng: np.random.Generator, axis: InlineAxis) -> None:
        wavelength = float(self._wavelength)
        self._contrast = np.float32(rng.choice([-1, 1], p=[0.06, 0.94]) * rng.uniform(3.0, 8.0))
        if rng.uniform() < 0.1:
            self._contrast *= np.float32(0.2)
        scale = wavelength * rng.uniform(1, 4) + 5
        self._patches = SmoothField(rng, axis, self._grid.z, self._grid.x, (scale, scale))
        self._patchiness = np.float32(rng.uniform(0.05, 0.5))
        self._salt_noise = np.float32(rng.gamma(2.0, 0.13))
        self._drag_reach = np.float32(rng.uniform(0.5, 3) * wavelength + 4)
        self._syncline = np.float32(rng.uniform(0, 0.7))
        self._pull_up = np.float32(max(0.0, rng.normal(0.0, 0.4)))
        self._shadow = np.float32(rng.uniform(0.0, 0.5))
        self._multiples = np.float32(max(0.0, rng.normal(-0.1, 0.2)))
        self._drag = np.float32(rng.uniform(0.2, 1.2) * self._drag_reach)

    def render(self, inline: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Makes one inline: amplitude float32 (H, W), zero mean amplitude by design, and mask uint8 (H, W)."""
        grid = self._grid
        uplift = disorder = inside = None
        gain = self._gain.at(inline)
        if self._salt is not None:
            level = self._salt.level(inline)
            inside = np.clip(level + np.float32(0.5), 0, 1)
            distance = np.minimum(level, 0) / self._drag_reach
            uplift = self._drag * (np.exp(distance) - self._syncline * np.exp(distance / 3))
            uplift += self._pull_up * np.cumsum(inside, axis=0)
            below = uniform_filter1d(np.maximum.accumulate(inside, axis=0), 15, axis=1) * (1 - inside)
            gain = gain * (1 - self._shadow * below)
        if self._zone is not None:
            zone = np.clip((self._zone.at(inline) - self._zone_threshold) * 4, 0, 1)
            if self._zone_kind == 'chaos':
                disorder = zone * self._disorder.at(inline) * self._wavelength * np.float32(0.8)
            else:
                gain = gain * (1 + zone * np.float32(-0.75 if self._zone_kind == 'dim' else 1.5))
        impedance = self._strata.impedance(inline, uplift=uplift, disorder=disorder)
        texture = self._texture.at(inline)
        impedance = impedance + self._sediment_noise * texture
        if inside is not None:
            contrast = self._contrast * (1 - self._patchiness * (1 + self._patches.at(inline)))
            impedance += inside * (
                contrast + self._salt_noise * texture + self._multiples * self._strata.multiples() - impedance
            )
        image = self._psf(impedance * grid.taper) * gain
        for level_, noise in self._coherent:
            image = image + level_ * noise.at(inline)
        image = grid.crop(image)
        image = image + self._random_noise * rng.standard_normal(image.shape, dtype=np.float32)
        mask = np.zeros(image.shape, np.uint8) if self._salt is None else (grid.crop(level) > 0).astype(np.uint8)
        return image.astype(np.float32), mask
