"""Full-waveform inversion: changes a velocity model until its gathers fit the recorded ones.

Gradient steps on the logit of velocity between bounds, from low to high frequencies (Bunks et al., Multiscale seismic
waveform inversion, Geophysics 60(5), 1995), the gradient smoothed. It starts where a network, or anything else, left
off; a start that is out of phase is not cured by it, which the guard is there to notice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import check_gathers, check_velocity, fit_scale
from mmattn.waves.modelling import model_shots
from mmattn.waves.propagation import propagate, shots_at_once
from mmattn.waves.refine_options import RefineOptions

_NEIGHBOURHOOD = 12.0  # cells, standard deviation
GUARD_ITERATION = 5  # of the first stage, after which the guard looks at the misfit


@dataclass(frozen=True)
class Step:
    """One line of the misfit table.

    Attributes:
        iteration: from 0, the start; of a model that goes a share of the way the last number again.
        stage: number of the stage, from 1.
        frequency: its low-pass, Hz.
        misfit: energy of the residual over that of the gathers, both after the low-pass.
    """

    iteration: int
    stage: int
    frequency: float
    misfit: float


@dataclass(frozen=True)
class Refinement:
    """What refinement gave.

    Attributes:
        velocity: (H, W) m/s: ``refined``, or the start.
        refined: (H, W) m/s: the iterate of the lowest misfit in the last stage, or the share of the way to it. None
            where the guard stopped.
        refined_misfit: its relative misfit at the last stage's frequency; NaN where the guard stopped.
        steps: the misfit table.
        kept: whether ``velocity`` is a refined model; otherwise it is the start, and ``notes`` say why.
        factor: by which the gathers were divided.
        last_misfit: relative misfit of the start at the last stage's frequency.
        notes: for people.
    """

    velocity: np.ndarray
    refined: np.ndarray | None
    refined_misfit: float
    steps: tuple[Step, ...]
    kept: bool
    factor: float
    last_misfit: float
    notes: tuple[str, ...] = field(default=())


def refine(
    velocity: np.ndarray,
    shots: np.ndarray,
    acquisition: Acquisition,
    options: RefineOptions | None = None,
    *,
    otherwise: np.ndarray | None = None,
    device: str = 'cpu',
    progress: Callable[[Step, np.ndarray], None] | None = None,
) -> Refinement:
    """Refines a model.

    Args:
        velocity: (H, W) m/s to start from; what lies outside the options' range is brought into it, with a note.
        shots: gathers (shots, samples, receivers).
        acquisition: their geometry and wavelet.
        options: the defaults if None.
        otherwise: (H, W) m/s, another start that needs no trust, taken instead, and all the way, where its misfit at
            the last stage's frequency is lower, and below the guard (0.1 without one), so that it is in phase: a
            prediction that explains such gathers worse is wrong.
        device: where to compute.
        progress: called with each step and the model it belongs to.

    Raises:
        ImportError: if deepwave is missing or too old.
        ValueError: if model, gathers or acquisition are wrong or do not fit each other.
    """
    options = options or RefineOptions()
    start = check_velocity(np.asarray(velocity), 'velocity')
    shots = check_gathers(np.asarray(shots), 'shots')
    acquisition.check_model(start.shape)
    acquisition.check_shots(shots.shape)
    acquisition.remarks(start)
    inversion = _Inversion.at(start, shots, acquisition, options, device)
    if otherwise is not None:
        other = check_velocity(np.asarray(otherwise), 'otherwise')
        if other.shape != start.shape:
            raise ValueError(f'refine: otherwise must have the shape of velocity, {start.shape}, got {other.shape}')
        other = _Inversion.at(other, shots, acquisition, options, device)
        mine, its = inversion.at_start, other.at_start
        if its < min(mine, options.guard or RefineOptions.guard):
            other.given, other.share = start, 1.0
            other.notes.append(
                f'a model that knows nothing of the gathers explains them better ({its:.3g} at {options.stages[-1]:g} '
                f'Hz) than the one to refine ({mine:.3g}), which must be wrong: refinement starts from that one'
            )
            inversion = other
    return inversion.run(progress)


def low_pass(gathers: Tensor, dt: float, frequency: float, high_pass: float | None = None) -> Tensor:
    """Keeps what lies below a frequency: a zero-phase Butterworth response of order 4, applied twice.

    Args:
        gathers: (S, T, R).
        dt: seconds from sample to sample.
        frequency: Hz, where the amplitude is one half.
        high_pass: Hz, below which it is taken out as well; None for all.
    """
    samples = gathers.shape[1]
    length = 2 * samples  # so that nothing wraps around
    spectrum = torch.fft.rfft(gathers, length, dim=1)
    bins = torch.fft.rfftfreq(length, dt, device=gathers.device)
    response = 1 / (1 + (bins / frequency) ** 8)
    if high_pass is not None:
        response = response * (1 - 1 / (1 + (bins / high_pass) ** 8))
    return torch.fft.irfft(spectrum * response.to(gathers.dtype)[:, None], length, dim=1)[:, :samples]


def _far_enough(acquisition: Acquisition, min_offset: float) -> np.ndarray:
    """1 for traces that are used and 0 for others, (S, 1, R) float32."""
    sources, receivers = np.array(acquisition.sources), np.array(acquisition.receivers)
    used = np.linalg.norm(sources[:, None] - receivers[None], axis=2) >= min_offset
    if not used.any(axis=1).all():
        shot = int(np.flatnonzero(~used.any(axis=1))[0])
        raise ValueError(f'refine: min_offset {min_offset:g} cells leaves shot {shot} without traces')
    return used[:, None].astype(np.float32)


class _Inversion:
    def __init__(
        self,
        start: np.ndarray,
        shots: np.ndarray,
        used: np.ndarray,
        acquisition: Acquisition,
        options: RefineOptions,
        device: str,
    ) -> None:
        self.start = self.given = start
        self.factor, self.notes = 1.0, []
        self.acquisition, self.options, self.device, self.share = acquisition, options, device, options.share
        self.move_to(start)
        self.used = torch.as_tensor(used, device=device)
        self.shots = torch.as_tensor(shots, device=device) * self.used
        self.low_pass = partial(low_pass, dt=acquisition.dt, high_pass=options.high_pass)
        self.count = shots_at_once(acquisition, start.shape, options.memory, gradient=True)

    @classmethod
    def at(
        cls, start: np.ndarray, shots: np.ndarray, acquisition: Acquisition, options: RefineOptions, device: str
    ) -> '_Inversion':
        """An inversion whose gathers are as strong as those modelled over its start."""
        used = _far_enough(acquisition, options.min_offset)
        notes, factor = [], 1.0
        if options.fit_amplitude:
            modelled = model_shots(start, acquisition, memory=options.memory, device=device, warn=False)
            factor = fit_scale(shots * used, modelled * used)
            if not np.isfinite(factor) or factor == 0:
                raise ValueError('shots: the direct wave is missing, so their amplitude cannot be compared')
            if not 0.8 < factor < 1.25:
                notes.append(
                    f"the gathers' direct wave is {factor:.3g} times the modelled one; they were divided by it"
                )
        low, high = options.velocity_range
        if outside := int(((start < low) | (start > high)).sum()):
            notes.append(
                f'{outside:,} of {start.size:,} cells of the start were outside velocity_range, {low:g} to {high:g} '
                'm/s, and brought into it'
            )
        self = cls(start, shots / np.float32(factor), used, acquisition, options, device)
        self.factor, self.notes, self.at_start = factor, notes, self.last_misfit()
        return self

    def move_to(self, velocity: np.ndarray) -> None:
        """Goes on from a model, which is clipped to the options' range."""
        low, high = self.options.velocity_range
        margin = 1e-3 * (high - low)
        clipped = torch.as_tensor(np.clip(velocity, low + margin, high - margin), device=self.device)
        self.logit = torch.logit((clipped - low) / (high - low)).requires_grad_()

    def velocity(self) -> Tensor:
        low, high = self.options.velocity_range
        return low + (high - low) * self.logit.sigmoid()

    def misfit(self, observed: Tensor, frequency: float, *, gradient: bool) -> float:
        """Relative misfit of the model, its gradient being added to the logit's if asked for."""
        energy, total = float(observed.square().sum()), 0.0
        for first in range(0, len(observed), self.count):
            shots = range(first, min(first + self.count, len(observed)))
            with torch.set_grad_enabled(gradient):
                modelled = propagate(
                    self.velocity(),
                    self.acquisition,
                    shots,
                    max_velocity=self.options.velocity_range[1],
                    sampling=self.options.sampling,
                )
                modelled = modelled * self.used[first : shots.stop]
                residual = self.low_pass(modelled, frequency=frequency) - observed[first : shots.stop]
                part = residual.square().sum() / max(energy, 1e-30)
                if gradient:
                    part.backward()
            total += float(part.detach())
        return total

    def last_misfit(self) -> float:
        """Relative misfit of the model at the last stage's frequency."""
        frequency = self.options.stages[-1]
        return self.misfit(self.low_pass(self.shots, frequency=frequency), frequency, gradient=False)

    def run(self, progress: Callable[[Step, np.ndarray], None] | None) -> Refinement:
        options, steps, notes = self.options, [], self.notes
        lengths = [options.iterations // len(options.stages)] * len(options.stages)
        lengths[-1] += options.iterations - sum(lengths)
        iteration, best, lowest = 0, None, np.inf

        def note(stage: int, value: float) -> None:
            steps.append(Step(iteration, stage + 1, options.stages[stage], value))
            if progress is not None:
                progress(steps[-1], self.velocity().detach().cpu().numpy())

        for stage, frequency in enumerate(options.stages):
            observed = self.low_pass(self.shots, frequency=frequency)
            if not float(observed.square().sum()) > 1e-6 * float(self.shots.square().sum()):
                notes.append(f'the gathers hold next to nothing below {frequency:g} Hz')
            step = _Steps(options.rate)
            for number in range(lengths[stage] + 1):
                self.logit.grad = None
                ends = number == lengths[stage]
                value = self.misfit(observed, frequency, gradient=not ends)
                note(stage, value)
                if frequency == options.stages[-1] and value < lowest:
                    lowest, best = value, self.velocity().detach().cpu().numpy()
                guarded = options.guard is not None and stage == 0 and number == min(GUARD_ITERATION, lengths[0])
                if guarded and value > options.guard:
                    notes.append(
                        f'misfit {value:.3g} at {frequency:g} Hz after {number} iterations is above {options.guard:g}: '
                        'the start is out of phase, refinement would do harm, and the start is given back'
                    )
                    return Refinement(
                        self.given, None, np.nan, tuple(steps), False, self.factor, self.at_start, tuple(notes)
                    )
                if ends:
                    break
                smooth = gaussian_filter(self.logit.grad.cpu().numpy(), options.smoothing[stage], mode='nearest')
                with torch.no_grad():
                    self.logit += torch.as_tensor(step(smooth), device=self.logit.device)
                iteration += 1
        if best is not None and self.share < 1:
            self.move_to(self.start + np.float32(self.share) * (best - self.start))
            lowest, best = self.last_misfit(), self.velocity().detach().cpu().numpy()
            note(len(options.stages) - 1, lowest)
        kept = lowest < self.at_start
        if not kept:
            notes.append(
                f'misfit at {options.stages[-1]:g} Hz went from {self.at_start:.4g} to {lowest:.4g}: refinement did '
                'not lower it, and the start is given back'
            )
        velocity = best if kept else self.given
        return Refinement(velocity, best, lowest, tuple(steps), kept, self.factor, self.at_start, tuple(notes))


class _Steps:
    """Adam whose second moment is an average over the neighbourhood: cells that hardly matter hardly move.

    Plain Adam moves each cell by its rate whatever its gradient, and so turns what the data do not say into texture;
    one scale for all cells would leave the deep ones, whose gradient is weak throughout, where they are.

    Args:
        rate: of a cell with the root mean square of its neighbourhood's gradient.
    """

    def __init__(self, rate: float) -> None:
        self.rate, self.count, self.first, self.second = rate, 0, 0.0, 0.0

    def __call__(self, gradient: np.ndarray) -> np.ndarray:
        """Returns what is to be added to the logit for a gradient, both (H, W)."""
        self.count += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.99 * self.second + 0.01 * gaussian_filter(gradient**2, _NEIGHBOURHOOD, mode='nearest')
        mean = self.first / (1 - 0.9**self.count)
        scale = np.sqrt(np.maximum(self.second / (1 - 0.99**self.count), 0))
        return -self.rate * mean / np.maximum(scale, 1e-30)
