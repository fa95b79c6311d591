"""Loads gathers and velocity models into a pipeline, and packs them for a network.

A pipeline's sample holds ``shots`` (S, T, R) float32, ``shot_dt`` (seconds from sample to sample), ``acquisition``,
``velocity`` (H, W) m/s and ``salt`` (H, W) of 0 and 1, or None where no exact label is known.
"""

import inspect
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample

from mmattn.common.checks import check_flag
from mmattn.seismic.segy.gathers import read_gathers
from mmattn.seismic.shots.files import read_salt, read_shots, read_velocity
from mmattn.seismic.shots.sampling import decimation
from mmattn.waves.cache import synthetic_example


@TRANSFORMS.register_module()
class LoadShots(BaseTransform):
    """Loads gathers, or makes those of a synthetic model where its cache lacks them.

    Adds ``shots`` (S, T, R) and ``shot_dt``; of a synthetic model ``velocity`` and ``salt`` too.

    Args:
        segy: options of ``mmattn.seismic.segy.gathers.read_gathers``, for gathers in SEG-Y.

    Raises:
        TypeError: for an option that it has not.
    """

    def __init__(self, segy: dict | None = None) -> None:
        self.segy = dict(segy or {})
        known = list(inspect.signature(read_gathers).parameters)[1:]
        if unknown := sorted({*self.segy} - {*known}):
            raise TypeError(f'LoadShots: segy has no option {unknown[0]!r}; there are {", ".join(known)}')

    def transform(self, results: dict) -> dict:
        """Loads; ValueError if the gathers' shape is not the acquisition's."""
        acquisition = results['acquisition']
        if 'synthetic' in results:
            shots, velocity, salt = synthetic_example(acquisition=acquisition, **results['synthetic'])
            results |= dict(velocity=velocity, salt=salt)
            name = results['img_id']
        else:
            name = results['shots_path']
            shots = read_shots(name, item=results.get('item'), segy=self.segy)
        step = decimation(shots.shape, acquisition.nt)
        acquisition.check_shots(shots.shape, name=name, nt=-(-acquisition.nt // step))
        return dict(results, shots=shots, shot_dt=acquisition.dt * step)


@TRANSFORMS.register_module()
class LoadVelocity(BaseTransform):
    """Loads the model of a sample.

    Args:
        size: rows and columns (H, W) that models must have; None for any.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self.size = None if size is None else tuple(size)

    def transform(self, results: dict) -> dict:
        """Adds ``velocity`` and ``salt``; ValueError if the model is wrong or of another size."""
        name = results.get('velocity_path', results.get('img_id'))
        if 'synthetic' not in results:
            options = dict(segy=results.get('velocity_segy'), dx=results['acquisition'].dx)
            results['velocity'] = read_velocity(name, item=results.get('item'), **options)
            results['salt'] = read_salt(name)
        shape = results['velocity'].shape
        if self.size is not None and shape != self.size:
            hint = '; depth and line are exchanged' if shape[::-1] == self.size else ''
            raise ValueError(f'{name}: the model is {shape[0]} x {shape[1]}, the config has {self.size}{hint}')
        results['acquisition'].check_model(shape)
        return results


@TRANSFORMS.register_module()
class PackVelocityInputs(BaseTransform):
    """Packs a sample: ``inputs`` (S, T, R), and ``gt_velocity``, ``gt_sem_seg`` (salt) in ``data_samples``.

    Args:
        keep_shots: also packs the gathers as they are now as ``gt_shots``, for ``WaveformLoss``. They must be as they
            were recorded, so nothing may have changed them.
        salt_velocity: m/s from which a cell is salt, where no exact label is known.
    """

    def __init__(self, *, keep_shots: bool = False, salt_velocity: float = 4250.0) -> None:
        self.keep_shots = check_flag('PackVelocityInputs', 'keep_shots', keep_shots)
        self.salt_velocity = salt_velocity

    def transform(self, results: dict) -> dict:
        """Packs."""
        shots, acquisition = np.ascontiguousarray(results['shots'], np.float32), results['acquisition']
        sample = SegDataSample()
        meta = dict(
            img_id=str(results.get('img_id', Path(str(results.get('shots_path', 'shots'))).stem)),
            shots_path=results.get('shots_path'),
            acquisition=acquisition.as_dict(),
            shot_dt=results['shot_dt'],
            ori_shape=shots.shape[1:],
            img_shape=shots.shape[1:],
        )
        if 'velocity' in results:
            velocity, salt = results['velocity'], results.get('salt')
            salt = velocity >= self.salt_velocity if salt is None else salt
            sample.gt_velocity = PixelData(data=_map(velocity, np.float32))
            sample.gt_sem_seg = PixelData(data=_map(salt, np.int64))
            meta['symmetric'] = acquisition.is_symmetric(velocity.shape[1])
        if self.keep_shots:
            if shots.shape != acquisition.shape:
                raise ValueError(
                    f'PackVelocityInputs: keep_shots=True needs gathers as recorded, {acquisition.shape}, got '
                    f'{shots.shape}: they were decimated or cut'
                )
            sample.gt_shots = PixelData(data=torch.from_numpy(shots))
        sample.set_metainfo(meta)
        return dict(inputs=torch.from_numpy(shots), data_samples=sample)


def _map(values: np.ndarray, kind: type) -> torch.Tensor:
    return torch.from_numpy(np.array(values, kind, order='C'))[None]  # a copy: memory-mapped files cannot be written
