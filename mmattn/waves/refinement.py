"""Full-waveform inversion: changes a velocity model until its gathers fit the recorded ones.

Gradient steps on the logit of velocity between bounds, from low to high frequencies (Bunks et al., Multiscale seismic
waveform inversion, Geophysics 60(5), 1995), the gradient smoothed. It starts where a network, or anything else, left
off; a start that is out of phase is not cured by it, which the guard is there to notice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mmattn.common.checks import check_number, check_positive, check_whole
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import check_gathers, check_velocity, fit_scale
from mmattn.waves.modelling import model_shots
from mmattn.waves.propagation import propagate, shots_at_once

_NEIGHBOURHOOD = 12.0  # cells, standard deviation
GUARD_ITERATION = 5  # of the first stage, after which the guard looks at the misfit


@dataclass(frozen=True)
class RefineOptions:
    """How to refine.

    Args:
        iterations: in all, shared evenly among the stages, the last taking the rest.
        stages: low-pass frequency of each stage, Hz, rising.
        smoothing: standard deviation of the gradient's smoothing in cells, of each stage.
        rate: step on the logit of velocity of a cell whose gradient is as strong as in its neighbourhood.
        velocity_range: m/s, bounds that the model cannot leave.
        guard: relative misfit of the first stage, after five iterations, above which the start is given back: out of
            phase. None never does.
        sampling: inner time steps from sample to sample of the gradient's wavefield.
        memory: MiB for the shots that are modelled at once.
        min_offset: cells; traces nearer to their source are left out. There the wave depends on how a grid injects the
            source, not on the model, and the strongest amplitudes of all hide the rest.
        high_pass: Hz, below which the recorded gathers hold nothing; it is taken out of the modelled ones too. None
            where they hold all that the wavelet has.
        fit_amplitude: whether gathers are divided by the factor, with its sign, by which their direct wave differs from
            the modelled one: other software and other grids inject other strengths.
        share: of the way from the start to the refined model that is gone in the end, above 0 to 1. The errors of a
            network and those that refinement adds are others, and cancel in part: from a network's prediction half the
            way is better than all (docs/inversion.md). What fits the gathers best is 1.

    Raises:
        ValueError: if an option has a value that is not allowed.
    """

    iterations: int = 60
    stages: Sequence[float] = (3.0, 5.0, 8.0)
    smoothing: Sequence[float] = (4.0, 2.0, 1.0)
    rate: float = 0.05
    velocity_range: tuple[float, float] = (1400.0, 4600.0)
    guard: float | None = 0.1
    sampling: int = 4
    memory: float = 1024
    min_offset: float = 2.0
    high_pass: float | None = None
    fit_amplitude: bool = True
    share: float = 1.0

    def __post_init__(self) -> None:
        check_whole('refine: iterations', self.iterations, least=1)
        stages = [check_number('refine: stages (Hz)', value, low=0.1, high=1000) for value in self.stages]
        if not stages or sorted(set(stages)) != stages:
            raise ValueError(f'refine: stages must rise, got {tuple(self.stages)}')
        if len(self.smoothing) != len(stages):
            raise ValueError(
                f'refine: smoothing must have {len(stages)} numbers, one a stage, got {tuple(self.smoothing)}'
            )
        if self.iterations < len(stages):
            raise ValueError(f'refine: iterations must be at least the {len(stages)} stages, got {self.iterations}')
        for value in self.smoothing:
            check_number('refine: smoothing (cells)', value, low=0)
        check_positive('refine', 'rate', self.rate)
        low, high = (check_number('refine: velocity_range', value, low=300, high=9000) for value in self.velocity_range)
        if low >= high:
            raise ValueError(f'refine: velocity_range must be the slowest and the fastest, got {self.velocity_range}')
        if self.guard is not None:
            check_positive('refine', 'guard', self.guard)
        check_whole('refine: sampling', self.sampling, least=1)
        check_number('refine: memory (MiB)', self.memory, low=1)
        check_number('refine: min_offset (cells)', self.min_offset, low=0)
        check_number('refine: share', self.share, low=0, high=1)
        if self.share == 0:
            raise ValueError('refine: share must be above 0 and at most 1, got 0')
        if self.high_pass is not None and not 0 < self.high_pass < stages[0]:
            raise ValueError(
                f'refine: high_pass must lie above 0 and below the first stage, {stages[0]:g} Hz, got {self.high_pass}'
            )


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
    device: str = 'cpu',
    progress: Callable[[Step, np.ndarray], None] | None = None,
) -> Refinement:
    """Refines a model.

    Args:
        velocity: (H, W) m/s to start from; clipped to the options' range.
        shots: gathers (shots, samples, receivers).
        acquisition: their geometry and wavelet.
        options: the defaults if None.
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
    used = _far_enough(acquisition, options.min_offset)
    notes, factor = [], 1.0
    if options.fit_amplitude:
        modelled = model_shots(start, acquisition, memory=options.memory, device=device, warn=False)
        factor = fit_scale(shots * used, modelled * used)
        if not np.isfinite(factor) or factor == 0:
            raise ValueError('shots: the direct wave is missing, so their amplitude cannot be compared')
        if not 0.8 < factor < 1.25:
            notes.append(f"the gathers' direct wave is {factor:.3g} times the modelled one; they were divided by it")
    return _Inversion(start, shots / np.float32(factor), used, acquisition, options, device).run(
        factor, notes, progress
    )


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
        self.start, self.acquisition, self.options, self.device = start, acquisition, options, device
        self.move_to(start)
        self.used = torch.as_tensor(used, device=device)
        self.shots = torch.as_tensor(shots, device=device) * self.used
        self.low_pass = partial(low_pass, dt=acquisition.dt, high_pass=options.high_pass)
        self.count = shots_at_once(acquisition, start.shape, options.memory, gradient=True)

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

    def run(self, factor: float, notes: list[str], progress: Callable[[Step, np.ndarray], None] | None) -> Refinement:
        options, steps = self.options, []
        lengths = [options.iterations // len(options.stages)] * len(options.stages)
        lengths[-1] += options.iterations - sum(lengths)
        iteration, best, lowest = 0, None, np.inf

        def note(stage: int, value: float) -> None:
            steps.append(Step(iteration, stage + 1, options.stages[stage], value))
            if progress is not None:
                progress(steps[-1], self.velocity().detach().cpu().numpy())

        last = self.low_pass(self.shots, frequency=options.stages[-1])
        at_start = self.misfit(last, options.stages[-1], gradient=False)
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
                    return Refinement(self.start, None, np.nan, tuple(steps), False, factor, at_start, tuple(notes))
                if ends:
                    break
                smooth = gaussian_filter(self.logit.grad.cpu().numpy(), options.smoothing[stage], mode='nearest')
                with torch.no_grad():
                    self.logit += torch.as_tensor(step(smooth), device=self.logit.device)
                iteration += 1
        if best is not None and options.share < 1:
            self.move_to(self.start + np.float32(options.share) * (best - self.start))
            lowest, best = self.misfit(last, options.stages[-1], gradient=False), self.velocity().detach().cpu().numpy()
            note(len(options.stages) - 1, lowest)
        kept = lowest < at_start
        if not kept:
            notes.append(
                f'misfit at {options.stages[-1]:g} Hz went from {at_start:.4g} to {lowest:.4g}: refinement did not '
                'lower it, and the start is given back'
            )
        velocity = best if kept else self.start
        return Refinement(velocity, best, lowest, tuple(steps), kept, factor, at_start, tuple(notes))


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
