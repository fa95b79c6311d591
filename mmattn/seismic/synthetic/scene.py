"""A scene: one random piece of the subsurface and of the survey over it, of which sections are cut."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from mmattn.seismic.synthetic.bodies import SaltBody
from mmattn.seismic.synthetic.distractors import Distractor
from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve, SmoothField
from mmattn.seismic.synthetic.geology import Strata
from mmattn.seismic.synthetic.grid import Grid
from mmattn.seismic.synthetic.imaging import PointSpread
from mmattn.seismic.synthetic.noise import CoherentNoise, Gain, Streaks

_COARSE = 40.0  # inlines over which structures change


@dataclass(frozen=True)
class Model:
    """The subsurface under one inline, each float32 (Z, X).

    Attributes:
        impedance: Relative acoustic impedance; layers have about unit variance.
        level: Positive in salt, in samples from its boundary; None without salt.
        gain: Factor on the imaged amplitude.
    """

    impedance: np.ndarray
    level: np.ndarray | None
    gain: np.ndarray


class Scene:
    """Everything but white noise is drawn at construction; ``render`` then makes one inline.

    Args:
        rng: Source of randomness.
        grid: Sample grid of a section.
        inlines: How many there will be.
        wavelength: Dominant wavelength in samples.
        coverage: Share of salt, 0 to 1; 0 for none.
        distracted: Whether there is a zone that may be taken for salt.
        noise: Factor on all noise.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        grid: Grid,
        *,
        inlines: int,
        wavelength: float,
        coverage: float,
        distracted: bool,
        noise: float,
    ) -> None:
        self._grid = grid
        axis, fine_axis = InlineAxis(inlines, _COARSE), InlineAxis(inlines, max(2.0, 0.6 * wavelength))
        self._strata = Strata(rng, grid, axis, fine_axis, wavelength=wavelength)
        self._image = PointSpread(rng, grid, wavelength=wavelength)
        self._gain = Gain(rng, grid, axis)
        scale = 0.4 * wavelength * rng.uniform(0.8, 1.4)
        scale_x = scale * np.exp(rng.normal(-0.55, 0.4))
        self._texture = SmoothField(rng, fine_axis, grid.z, grid.x, (max(scale, 1.2), max(scale_x, 1.2)))
        chaotic = rng.uniform() < 0.4
        self._sediment_noise = np.float32(noise * (rng.uniform(0.6, 2.0) if chaotic else 0.25 + rng.gamma(1.5, 0.25)))
        self._streaks = Streaks(rng, grid, fine_axis, wavelength=wavelength)
        streaky = rng.uniform() < 0.1
        self._streak_noise = np.float32(noise * (rng.uniform(0.8, 3.0) if streaky else rng.gamma(1.5, 0.2)))
        self._white_noise = np.float32(noise * max(0.0, rng.normal(-0.1, 0.1)))
        self._coherent_noise = [
            (np.float32(noise * rng.gamma(1.5, 0.1)), CoherentNoise(rng, grid, axis, wavelength=wavelength, kind=kind))
            for kind in ('smile', 'linear')
            if rng.uniform() < 0.35
        ]
        self._salt = None
        if coverage > 0:
            self._salt = SaltBody(rng, grid, axis, fine_axis, wavelength=wavelength, coverage=coverage)
            self._look = _SaltLook(rng, grid, axis, wavelength=wavelength, noise=noise)
        self._distractor = Distractor(rng, grid, axis, fine_axis, wavelength=wavelength) if distracted else None

    def model(self, inline: int) -> Model:
        """Returns the subsurface under one inline."""
        gain = self._gain.at(inline)
        level = uplift = disorder = None
        if self._salt is not None:
            level = self._salt.level(inline)
            inside = np.clip(level + np.float32(0.5), 0, 1)
            uplift = self._look.uplift(level, inside)
            gain = gain * self._look.shadow(inside)
        if self._distractor is not None:
            disorder, factor = self._distractor.at(inline)
            gain = gain * factor
        texture = self._texture.at(inline)
        impedance = self._strata.impedance(inline, uplift=uplift, disorder=disorder)
        impedance = (impedance + self._sediment_noise * texture) / np.sqrt(1 + self._sediment_noise**2)
        if self._salt is not None:
            salt = self._look.impedance(inline, level, texture, self._strata.multiples())
            impedance += inside * (salt - impedance)
        return Model(impedance, level, gain)

    def render(self, inline: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Makes one inline.

        Args:
            inline: Its number, from 0.
            rng: Source of the white noise.

        Returns:
            Amplitude about zero, float32 (H, W), and mask with salt 1, uint8 (H, W).
        """
        model = self.model(inline)
        image = self._image(model.impedance) * model.gain
        streaks = self._streak_noise
        if model.level is not None:
            streaks = streaks + np.clip(model.level * np.float32(0.3), 0, 1) * (self._look.streaks - streaks)
        image += streaks * self._streaks.at(inline)
        for strength, noise in self._coherent_noise:
            image += strength * noise.at(inline)
        amplitude = self._grid.crop(image)
        amplitude = amplitude + self._white_noise * rng.standard_normal(amplitude.shape, dtype=np.float32)
        if model.level is None:
            return amplitude, np.zeros(amplitude.shape, np.uint8)
        return amplitude, (self._grid.crop(model.level) > 0).astype(np.uint8)


class _SaltLook:
    """What salt does to the section: its impedance, streaks and sutures, the layers it drags, the shadow under it."""

    def __init__(
        self, rng: np.random.Generator, grid: Grid, axis: InlineAxis, *, wavelength: float, noise: float
    ) -> None:
        contrast = rng.choice([-1, 1], p=[0.03, 0.97]) * rng.uniform(2.5, 10.0)
        self._contrast = np.float32(contrast * (0.2 if rng.uniform() < 0.15 else 1.0))
        scale = wavelength * rng.uniform(1, 4) + 5
        self._patches = SmoothField(rng, axis, grid.z, grid.x, (scale, scale))
        self._patchiness = np.float32(rng.uniform(0.05, 0.6))
        self._border_decay = np.float32(-1 / wavelength)
        total, share = noise * np.exp(rng.normal(-0.75, 0.35)), rng.uniform(0, 0.5 * np.pi)
        self._texture, self.streaks = np.float32(total * np.cos(share)), np.float32(total * np.sin(share))
        self._suture = None
        if rng.uniform() < 0.2:
            self._suture = SmoothCurve(rng, axis, grid.x, rng.uniform(1, 3) * wavelength + 8)
            self._suture_depth = np.float32(rng.uniform(0, 1) * grid.height)
            self._suture_slope = np.float32(rng.normal(0, 0.4))
            self._suture_height = np.float32(rng.gamma(1.5, 0.4) * wavelength)
            self._suture_width = np.float32(wavelength * rng.uniform(0.1, 0.5))
            self._suture_contrast = np.float32(rng.normal(0, 1.5))
            self._z, self._x = grid.z[:, None], grid.x
        self._multiples = np.float32(noise * max(0.0, rng.normal(-0.1, 0.12)))
        self._reach = np.float32(rng.uniform(0.5, 3) * wavelength + 4)
        self._drag = np.float32(rng.uniform(0.2, 1.2) * self._reach)
        self._syncline = np.float32(rng.uniform(0, 0.7))
        self._pull_up = np.float32(max(0.0, rng.normal(0.0, 0.4)))
        self._shadow = np.float32(rng.uniform(0.0, 0.25))

    def impedance(self, inline: int, level: np.ndarray, texture: np.ndarray, multiples: np.ndarray) -> np.ndarray:
        """Contrast that varies, and in places vanishes, at the border, with residual noise and multiples, (Z, X)."""
        border = self._patchiness * np.exp(np.maximum(level, 0) * self._border_decay)
        contrast = self._contrast * (1 - border * (1 + self._patches.at(inline)))
        if self._suture is not None:
            line = self._suture_depth + self._x * self._suture_slope + self._suture.at(inline) * self._suture_height
            contrast = contrast + self._suture_contrast * np.exp(-(((self._z - line) / self._suture_width) ** 2))
        return contrast + self._texture * texture + self._multiples * multiples

    def uplift(self, level: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Stratigraphic shift in samples: drag and rim syncline beside salt, velocity pull-up below it, (Z, X)."""
        distance = np.minimum(level, 0) / self._reach
        drag = self._drag * (np.exp(distance) - self._syncline * np.exp(distance / 3))
        return drag + self._pull_up * np.cumsum(inside, axis=0)

    def shadow(self, inside: np.ndarray) -> np.ndarray:
        """Gain, below one under salt, with soft sides, (Z, X)."""
        below = uniform_filter1d(np.maximum.accumulate(inside, axis=0), 15, axis=1) * (1 - inside)
        return 1 - self._shadow * below
