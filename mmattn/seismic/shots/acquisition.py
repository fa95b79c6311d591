"""The geometry of shot gathers over a 2-D line, and the wavelet."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mmattn.common.checks import check_number, check_whole
from mmattn.common.files import write_whole

Cell = tuple[int, int]
FEWEST_CELLS, FEW_CELLS = 4, 6  # a wavelength: refused below the first, warned of below the second


def ricker(frequency: float, nt: int, dt: float, delay: float | None = None) -> np.ndarray:
    """Returns a Ricker wavelet: ``(1 - 2 a) exp(-a)`` with ``a = (pi f (t - delay))**2``.

    Ricker, The form and laws of propagation of seismic wavelets, Geophysics 18(1), 1953.

    Args:
        frequency: at the peak of its spectrum, Hz.
        nt: samples.
        dt: seconds from sample to sample.
        delay: seconds from the first sample to the peak; 1.5 / frequency by default.

    Returns:
        (nt,) float32, peak 1.
    """
    delay = 1.5 / frequency if delay is None else delay
    a = (np.pi * frequency * (np.arange(nt) * dt - delay)) ** 2
    return ((1 - 2 * a) * np.exp(-a)).astype(np.float32)


@dataclass(frozen=True)
class Acquisition:
    """How shot gathers over a velocity model are recorded. All receivers record each shot.

    Args:
        dx: cell size in metres, the same along depth and the line.
        dt: seconds from sample to sample.
        nt: samples a trace.
        sources: (row, column) cell of each source; row 0 is the surface.
        receivers: (row, column) cell of each receiver, in the order of the traces.
        frequency: peak of a Ricker wavelet, Hz; None where ``wavelet`` is given.
        wavelet: samples of the source, ``dt`` apart; the rest of ``nt`` is zero.
        free_surface: whether the upper edge reflects; otherwise all edges absorb.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if it has a value that is not allowed.
    """

    dx: float
    dt: float
    nt: int
    sources: tuple[Cell, ...]
    receivers: tuple[Cell, ...]
    frequency: float | None = None
    wavelet: tuple[float, ...] | None = None
    free_surface: bool = False

    def __post_init__(self) -> None:
        check_number('Acquisition: dx (metres)', self.dx, low=0.01, high=1000)
        check_number('Acquisition: dt (seconds)', self.dt, low=1e-5, high=0.1)
        check_whole('Acquisition: nt', self.nt, least=2)
        for name in ('sources', 'receivers'):
            object.__setattr__(self, name, _cells(name, getattr(self, name)))
        if (self.frequency is None) == (self.wavelet is None):
            raise ValueError(
                'Acquisition: one of frequency and wavelet must be given, '
                f'got frequency={self.frequency!r} and wavelet={"None" if self.wavelet is None else "samples"}'
            )
        if self.frequency is not None:
            check_number('Acquisition: frequency (Hz)', self.frequency, low=0.1, high=0.5 / self.dt)
        else:
            samples = np.asarray(self.wavelet, np.float64)
            if samples.ndim != 1 or not 1 <= len(samples) <= self.nt or not np.isfinite(samples).all():
                raise ValueError(
                    f'Acquisition: wavelet must be 1 to nt={self.nt} finite samples, got shape {samples.shape}'
                )
            if not samples.any():
                raise ValueError('Acquisition: wavelet is zero everywhere')
            object.__setattr__(self, 'wavelet', tuple(float(value) for value in samples))
        if self.free_surface not in (True, False):
            raise TypeError(f'Acquisition: free_surface must be True or False, got {self.free_surface!r}')

    @classmethod
    def surface(
        cls, width: int, num_shots: int, *, depth: int = 1, receiver_step: int = 1, **options: object
    ) -> 'Acquisition':
        """Sources evenly spread over the line and receivers in every ``receiver_step``-th cell, in one row.

        Both are centred, so that the geometry is symmetric wherever whole cells allow it.

        Args:
            width: columns of the model.
            num_shots: sources.
            depth: their row and the receivers'.
            receiver_step: cells from receiver to receiver.
            **options: dx, dt, nt, frequency or wavelet, free_surface.
        """
        check_whole('Acquisition: width', width, least=2)
        check_whole('Acquisition: num_shots', num_shots, least=1)
        check_whole('Acquisition: receiver_step', receiver_step, least=1)
        if num_shots > width:
            raise ValueError(f'Acquisition: num_shots must be at most the width {width}, got {num_shots}')
        half = [round((2 * shot + 1) * width / (2 * num_shots) - 0.5) for shot in range((num_shots + 1) // 2)]
        columns = [*half, *[width - 1 - column for column in half[: num_shots // 2][::-1]]]
        first = (width - 1) % receiver_step // 2
        row = check_whole('Acquisition: depth', depth)
        return cls(
            sources=tuple((row, column) for column in columns),
            receivers=tuple((row, column) for column in range(first, width, receiver_step)),
            **options,
        )

    def decimated(self, step: int) -> 'Acquisition':
        """The geometry of gathers of which every ``step``-th sample was kept."""
        if step == 1:
            return self
        values = dict(self.as_dict(), dt=self.dt * step, nt=-(-self.nt // step))
        if self.wavelet is not None:
            values['wavelet'] = self.wavelet[::step]
        return Acquisition(**values)

    def finer(self, factor: int) -> 'Acquisition':
        """The same places on a grid of which ``factor`` cells, an odd number, make one of these."""
        if check_whole('Acquisition: factor', factor, least=1) % 2 == 0:
            raise ValueError(f'Acquisition: factor must be odd, so that the middle of a cell is one, got {factor}')
        values = dict(self.as_dict(), dx=self.dx / factor)
        for name in ('sources', 'receivers'):
            values[name] = [[index * factor + factor // 2 for index in cell] for cell in values[name]]
        return Acquisition(**values)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(shots, samples, receivers) of the gathers."""
        return len(self.sources), self.nt, len(self.receivers)

    @property
    def peak_frequency(self) -> float:
        """Hz; of a wavelet of samples the peak of its amplitude spectrum."""
        if self.frequency is not None:
            return self.frequency
        spectrum = np.abs(np.fft.rfft(self.source(), 8 * self.nt))
        return float(max(spectrum.argmax(), 1) / (8 * self.nt * self.dt))

    def source(self) -> np.ndarray:
        """The wavelet, (nt,) float32."""
        if self.frequency is not None:
            return ricker(self.frequency, self.nt, self.dt)
        source = np.zeros(self.nt, np.float32)
        source[: len(self.wavelet)] = self.wavelet
        return source

    def is_symmetric(self, width: int) -> bool:
        """Whether the line reversed has the same geometry: sources and receivers in reversed order."""
        return all(
            [(row, width - 1 - column) for row, column in cells[::-1]] == list(cells)
            for cells in (self.sources, self.receivers)
        )

    def check_model(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError unless a velocity model of that shape holds all sources and receivers."""
        if len(shape) != 2 or min(shape) < 2:
            raise ValueError(f'a velocity model must have two axes of at least 2 cells, got shape {tuple(shape)}')
        for name in ('sources', 'receivers'):
            for number, (row, column) in enumerate(getattr(self, name)):
                if row >= shape[0] or column >= shape[1]:
                    hint = '; depth and line may be exchanged' if column < shape[0] and row < shape[1] else ''
                    raise ValueError(
                        f'{name[:-1]} {number} in cell ({row}, {column}) lies outside the model of {shape[0]} rows and '
                        f'{shape[1]} columns{hint}'
                    )

    def check_shots(self, shape: tuple[int, ...], *, name: str = 'shots', nt: int | None = None) -> None:
        """Raises ValueError unless gathers have the shape (shots, samples, receivers) of this geometry."""
        expected = (len(self.sources), self.nt if nt is None else nt, len(self.receivers))
        if tuple(shape) == expected:
            return
        hint = ''
        if sorted(shape) == sorted(expected):
            hint = '; the same numbers in another order: axes are exchanged'
        elif len(shape) == 3 and shape[0] != expected[0]:
            hint = f'; it has {shape[0]} shots where the acquisition has {expected[0]}'
        raise ValueError(
            f'{name}: gathers must be (shots, samples, receivers) {expected} as the acquisition says, '
            f'got {tuple(shape)}{hint}'
        )

    def remarks(self, velocity: np.ndarray) -> list[str]:
        """Checks the sampling of a model, and says what is poor about it.

        Raises:
            ValueError: if there are fewer than 4 cells a wavelength.
        """
        slowest = float(velocity.min())
        cells = slowest / self.peak_frequency / self.dx
        text = f'{cells:.1f} cells a wavelength at {self.peak_frequency:g} Hz, dx {self.dx:g} m and {slowest:g} m/s'
        if cells < FEWEST_CELLS:
            raise ValueError(f'{text}: at least {FEWEST_CELLS} are needed; take a lower frequency or a smaller dx')
        found = [f'{text}: {FEW_CELLS} or more keep dispersion low'] if cells < FEW_CELLS else []
        needed = float((2 * self.dx / velocity.mean(axis=1)).sum())
        if self.nt * self.dt < needed:
            found.append(
                f'{self.nt} samples of {self.dt:g} s are {self.nt * self.dt:.3g} s: too short for a reflection from '
                f'the deepest row, which takes {needed:.3g} s'
            )
        return found

    def as_dict(self) -> dict:
        """Plain numbers, lists and texts."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: dict) -> 'Acquisition':
        """The reverse of ``as_dict``; ValueError or TypeError for what is no acquisition.

        ``dict(width=…, num_shots=…, …)`` means ``Acquisition.surface``.
        """
        try:
            return cls.surface(**values) if 'width' in values else cls(**values)
        except TypeError as error:
            raise TypeError(f'this is no acquisition: {error}') from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes a JSON file."""
        write_whole(path, json.dumps(self.as_dict()) + '\n')

    @classmethod
    def load(cls, path: str | os.PathLike) -> 'Acquisition':
        """Reads a JSON file; ValueError names it where it is none, FileNotFoundError where there is none."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'acquisition {str(path)!r} is not a file; tools/make_shots.py writes one')
        try:
            return cls.from_dict(json.loads(path.read_text(encoding='utf-8')))
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f'{path} is no acquisition: {error}') from error

    def differences(self, other: 'Acquisition') -> list[str]:
        """Names of the fields in which two acquisitions differ, with both values where they are short."""
        found = []
        for name, value in asdict(self).items():
            theirs = getattr(other, name)
            if value != theirs:
                short = not isinstance(value, tuple) and not isinstance(theirs, tuple)
                found.append(f'{name} ({value} and {theirs})' if short else name)
        return found

    @property
    def key(self) -> str:
        """A short text that tells acquisitions apart."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


def _cells(name: str, cells: Sequence[Sequence[int]]) -> tuple[Cell, ...]:
    found = []
    for cell in cells:
        if not isinstance(cell, Sequence) or len(cell) != 2:
            raise ValueError(f'Acquisition: {name} must be (row, column) cells, got {cell!r}')
        found.append(tuple(check_whole(f'Acquisition: {name}', index) for index in cell))
    if not found:
        raise ValueError(f'Acquisition: {name} must be one cell at least')
    if name == 'receivers' and len(set(found)) < len(found):
        twice = next(cell for cell in found if found.count(cell) > 1)
        raise ValueError(f'Acquisition: two receivers are in the same cell, {twice}')
    return tuple(found)
