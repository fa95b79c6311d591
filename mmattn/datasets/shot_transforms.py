"""What may be done to gathers on their way to a network; see ``shot_loading`` for a sample's fields."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmattn.common.checks import check_choice, check_flag, check_not_negative, check_positive, check_positive_int
from mmattn.seismic.shots.sampling import decimate

_COMPRESS = ('asinh', 'log1p', None)


@TRANSFORMS.register_module()
class DecimateTime(BaseTransform):
    """Keeps every ``step``-th sample.

    Args:
        step: samples to one.
        antialias: whether a zero-phase low-pass precedes. Without it the middle sample of each block is kept, as
            FCNVMB does.
    """

    def __init__(self, step: int, *, antialias: bool = True) -> None:
        self.step = check_positive_int('DecimateTime', 'step', step)
        self.antialias = check_flag('DecimateTime', 'antialias', antialias)

    def transform(self, results: dict) -> dict:
        """Decimates (S, T, R) to (S, ceil(T / step), R), without the low-pass to (S, T // step, R)."""
        shots = results['shots']
        if self.step == 1:
            return results
        if shots.shape[1] < self.step:
            raise ValueError(f'DecimateTime: step must be at most the {shots.shape[1]} samples, got {self.step}')
        if self.antialias:
            shots = decimate(shots, self.step)
        else:
            shots = shots[:, self.step // 2 :: self.step][:, : shots.shape[1] // self.step]
        return dict(results, shots=shots, shot_dt=results['shot_dt'] * self.step)


@TRANSFORMS.register_module()
class GainShots(BaseTransform):
    """Amplifies late samples, then compresses large amplitudes.

    ``ShotDataPreProcessor`` does the same on whole batches with the survey's scale; use one of the two.

    Args:
        power: samples are multiplied by ``(t / t_last) ** power``.
        compress: 'asinh', 'log1p' (``sign(x) log(1 + |x|)``, as OpenFWI has it) or None.
        scale: amplitudes are divided by it first.
    """

    def __init__(self, power: float = 1.5, *, compress: str | None = 'asinh', scale: float = 1.0) -> None:
        self.power = check_not_negative('GainShots', 'power', power)
        self.compress = check_choice('GainShots', 'compress', compress, _COMPRESS)
        self.scale = check_positive('GainShots', 'scale', scale)

    def transform(self, results: dict) -> dict:
        """Amplifies."""
        shots = results['shots'] / np.float32(self.scale)
        time = np.linspace(0, 1, shots.shape[1], dtype=np.float32)[:, None]
        shots = shots * time**self.power if self.power else shots
        if self.compress == 'asinh':
            shots = np.arcsinh(shots)
        elif self.compress == 'log1p':
            shots = np.sign(shots) * np.log1p(np.abs(shots))
        return dict(results, shots=shots.astype(np.float32))


@TRANSFORMS.register_module()
class MuteDirect(BaseTransform):
    """Sets what arrives up to the direct wave to zero.

    The direct wave of a receiver at the offset d ends at ``d / velocity + periods / frequency``.

    Args:
        velocity: of the shallowest layer, m/s.
        periods: of the wavelet, how long it lasts from its beginning.
        taper: seconds over which the mute fades.
    """

    def __init__(self, velocity: float = 1500.0, *, periods: float = 3.0, taper: float = 0.05) -> None:
        self.velocity = check_positive('MuteDirect', 'velocity', velocity)
        self.periods = check_not_negative('MuteDirect', 'periods', periods)
        self.taper = check_not_negative('MuteDirect', 'taper', taper)

    def transform(self, results: dict) -> dict:
        """Mutes."""
        shots, acquisition = results['shots'], results['acquisition']
        sources, receivers = np.array(acquisition.sources), np.array(acquisition.receivers)
        offset = acquisition.dx * np.linalg.norm(sources[:, None] - receivers[None], axis=2)
        end = offset / self.velocity + self.periods / acquisition.peak_frequency
        time = np.arange(shots.shape[1]) * results['shot_dt']
        late = (time[None, :, None] - end[:, None, :]) / max(self.taper, 1e-9)
        return dict(results, shots=(shots * np.clip(late, 0, 1)).astype(np.float32))


@TRANSFORMS.register_module()
class AddShotNoise(BaseTransform):
    """Adds white noise of a strength drawn for each sample.

    Args:
        ratio: its largest standard deviation, as a share of that of the gathers; from 0 on, evenly.
        prob: share of the samples that get any.
    """

    def __init__(self, ratio: float = 0.1, *, prob: float = 0.5) -> None:
        self.ratio = check_not_negative('AddShotNoise', 'ratio', ratio)
        self.prob = _probability('AddShotNoise', prob)

    def transform(self, results: dict) -> dict:
        """Adds the noise; random numbers are NumPy's global ones, which mmengine seeds in each worker."""
        if np.random.rand() >= self.prob:
            return results
        shots = results['shots']
        noise = np.random.standard_normal(shots.shape).astype(np.float32)
        return dict(results, shots=shots + noise * np.float32(np.random.rand() * self.ratio * shots.std()))


@TRANSFORMS.register_module()
class DropTraces(BaseTransform):
    """Sets random traces to zero, as dead receivers leave them: the same ones in all shots.

    Args:
        share: the largest share of the receivers; from 0 on, evenly.
        prob: share of the samples in which any are dropped.
    """

    def __init__(self, share: float = 0.1, *, prob: float = 0.5) -> None:
        self.share, self.prob = _probability('DropTraces', share, 'share'), _probability('DropTraces', prob)

    def transform(self, results: dict) -> dict:
        """Drops traces."""
        if np.random.rand() >= self.prob:
            return results
        receivers = results['shots'].shape[2]
        kept = np.random.rand(receivers) >= np.random.rand() * self.share
        return dict(results, shots=results['shots'] * kept.astype(np.float32))


@TRANSFORMS.register_module()
class FlipLine(BaseTransform):
    """Reverses the line: shots, receivers and the model. Exact where the geometry is symmetric, refused elsewhere.

    Args:
        prob: share of the samples that are reversed.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = _probability('FlipLine', prob)

    def transform(self, results: dict) -> dict:
        """Reverses; ValueError if the acquisition is not symmetric about the middle of the line."""
        width = results['velocity'].shape[1]
        if not results['acquisition'].is_symmetric(width):
            raise ValueError(
                f'FlipLine: sources and receivers are not symmetric about the middle of a line of {width} columns: '
                'reversed gathers would belong to another geometry; leave FlipLine out'
            )
        if np.random.rand() >= self.prob:
            return results
        results = dict(results, shots=results['shots'][::-1, :, ::-1], velocity=results['velocity'][:, ::-1])
        if results.get('salt') is not None:
            results['salt'] = results['salt'][:, ::-1]
        return results


def _probability(owner: str, value: float, option: str = 'prob') -> float:
    if check_not_negative(owner, option, value) > 1:
        raise ValueError(f'{owner}: {option} must be from 0 to 1, got {value!r}')
    return value
