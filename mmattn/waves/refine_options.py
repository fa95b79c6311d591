"""How a velocity model is refined, checked before any wave is modelled."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmattn.common.checks import check_number, check_positive, check_whole


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
