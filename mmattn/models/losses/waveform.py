"""The physics as a loss: gathers modelled over the predicted velocity against the recorded ones."""

import torch
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmattn.common.checks import check_not_negative, check_positive, check_positive_int
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.waves.propagation import get_deepwave, propagate
from mmattn.waves.refinement import low_pass


@MODELS.register_module()
class WaveformLoss(nn.Module):
    """Energy of the residual over that of the gathers, of random shots of each sample; float32, outside autocast.

    Samples need ``gt_shots``, which ``PackVelocityInputs(keep_shots=True)`` packs. Velocities are kept within the given
    bounds before they are modelled.

    Args:
        num_shots: modelled of each sample and step.
        frequency: Hz, low-pass of both; None for none. Low ones first: others may be out of phase.
        velocity_range: m/s, bounds.
        sampling: inner time steps from sample to sample of the gradient's wavefield.
        loss_weight: factor.
        loss_name: key in the log.

    Raises:
        ImportError: if deepwave is missing; says how to install it.
    """

    wants_samples = True

    def __init__(
        self,
        num_shots: int = 1,
        *,
        frequency: float | None = None,
        velocity_range: tuple[float, float] = (1400.0, 4600.0),
        sampling: int = 4,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_waveform',
    ) -> None:
        super().__init__()
        get_deepwave()
        self.num_shots = check_positive_int('WaveformLoss', 'num_shots', num_shots)
        self.frequency = None if frequency is None else check_positive('WaveformLoss', 'frequency', frequency)
        self.low, self.high = (check_positive('WaveformLoss', 'velocity_range', value) for value in velocity_range)
        self.sampling = check_positive_int('WaveformLoss', 'sampling', sampling)
        self.loss_weight = check_not_negative('WaveformLoss', 'loss_weight', loss_weight)
        if not str(loss_name).startswith('loss_'):
            raise ValueError(f"WaveformLoss: loss_name must start with 'loss_', got {loss_name!r}")
        self.loss_name = loss_name

    def forward(self, velocity: Tensor, samples: SampleList) -> Tensor:
        """Returns the loss of velocities (N, 1, H, W) in m/s; ValueError if samples lack their gathers."""
        with torch.autocast(velocity.device.type, enabled=False):
            velocity = velocity.float().clamp(self.low, self.high)
            losses = [self._of_sample(model[0], sample) for model, sample in zip(velocity, samples, strict=True)]
        return self.loss_weight * torch.stack(losses).mean()

    def _of_sample(self, velocity: Tensor, sample: object) -> Tensor:
        if 'gt_shots' not in sample:
            raise ValueError('WaveformLoss: samples lack gt_shots; set keep_shots=True in PackVelocityInputs')
        acquisition = Acquisition.from_dict(sample.metainfo['acquisition'])
        recorded = sample.gt_shots.data
        count = min(self.num_shots, len(recorded))
        shots = torch.randperm(len(recorded))[:count].tolist()
        modelled = propagate(velocity, acquisition, shots, max_velocity=self.high, sampling=self.sampling)
        recorded = recorded[shots].float()
        if self.frequency is not None:
            modelled, recorded = (low_pass(x, acquisition.dt, self.frequency) for x in (modelled, recorded))
        return (modelled - recorded).square().sum() / recorded.square().sum().clamp(min=1e-30)
