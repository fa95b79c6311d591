"""Velocity of a line from its shot gathers: by a network, and by the wave equation from there on."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import Compose
from scipy.ndimage import label
from torch import nn

from mmattn.common.errors import InputError
from mmattn.common.files import write_whole, written_whole
from mmattn.evaluation.velocity_scores import score_velocity, total_velocity_scores
from mmattn.seismic.segy.gathers import read_gathers
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.checks import dead_traces, near_peak
from mmattn.seismic.shots.files import read_shots, write_velocity
from mmattn.seismic.shots.sampling import decimation

SALT_VELOCITY = 4250.0
FORMATS = ('npy', 'segy', 'png')
_POSITION_TOLERANCE = 0.5  # cells


@dataclass(frozen=True)
class Line:
    """Gathers as they were read.

    Attributes:
        shots: (S, T, R).
        acquisition: as recorded.
        step: by which the gathers were decimated.
        notes: for people.
    """

    shots: np.ndarray
    acquisition: Acquisition
    step: int = 1
    notes: tuple[str, ...] = field(default=())

    @property
    def as_sampled(self) -> Acquisition:
        """The acquisition at the samples that are there."""
        return self.acquisition.decimated(self.step)


def read_line(path: str | Path, acquisition: Acquisition, segy: dict | None = None) -> Line:
    """Reads gathers and checks them against the acquisition.

    Args:
        path: of the gathers.
        acquisition: that they must have.
        segy: options of ``read_gathers``, for SEG-Y.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if gathers and acquisition differ; the message says in what.
    """
    path, notes = Path(path), ()
    if path.suffix in ('.sgy', '.segy'):
        gathers = read_gathers(path, **(segy or {}))
        shots, notes = gathers.shots, gathers.notes
        step = decimation(shots.shape, acquisition.nt)
        if abs(gathers.dt - acquisition.dt * step) > 1e-3 * acquisition.dt:
            raise ValueError(f'{path}: dt is {gathers.dt:g} s, the acquisition has {acquisition.dt * step:g} s')
        for what, places in (('source', gathers.source_x), ('receiver', gathers.receiver_x)):
            _check_spacing(path, what, places, getattr(acquisition, f'{what}s'), acquisition.dx)
    else:
        shots = read_shots(path)
    step = decimation(shots.shape, acquisition.nt)
    acquisition.check_shots(shots.shape, name=str(path), nt=-(-acquisition.nt // step))
    if dead := dead_traces(shots):
        notes = (*notes, f'{dead} of {shots.shape[0] * shots.shape[2]} traces are zero throughout')
    return Line(shots, acquisition, step, tuple(dict.fromkeys(notes)))


def _check_spacing(path: Path, what: str, places: np.ndarray, cells: Sequence[tuple[int, int]], dx: float) -> None:
    """Positions may begin anywhere; from one to the next they must be the acquisition's."""
    expected = dx * np.array([column for _, column in cells], float)
    if len(places) != len(expected):
        raise ValueError(f'{path}: {len(places)} {what}s, the acquisition has {len(expected)}')
    off = np.abs((places - places[0]) - (expected - expected[0])).max() if len(places) > 1 else 0
    if off > _POSITION_TOLERANCE * dx:
        spread = np.ptp(places) / np.ptp(expected)
        power = round(np.log10(spread)) if spread > 0 else 0
        scaled = power and abs(spread / 10.0**power - 1) < 0.01
        hint = f'; {10.0**power:g} times as far apart: a wrong scalar?' if scaled else ''
        raise ValueError(
            f'{path}: {what}s at {places[0]:g} to {places[-1]:g} m are up to {off:g} m off those of the acquisition, '
            f'{expected[0]:g} to {expected[-1]:g} m (scalars of bytes 71-72 are applied){hint}'
        )


def check_acquisition(model: nn.Module, acquisition: Acquisition, *, force: bool) -> list[str]:
    """Compares the gathers' geometry with the one that a model was trained on.

    Returns:
        Notes.

    Raises:
        InputError: if they differ, unless ``force``.
    """
    trained = getattr(model, 'dataset_meta', None) or {}
    if 'acquisition' not in trained:
        return ['the checkpoint does not say on which acquisition it was trained']
    differences = Acquisition.from_dict(dict(trained['acquisition'])).differences(acquisition)
    if not differences:
        return []
    text = f'the checkpoint was trained on another acquisition: {", ".join(differences)} differ (trained, here)'
    if not force:
        raise InputError(f'{text}; --force predicts all the same')
    return [text]


def compare_amplitude(model: nn.Module, line: Line) -> list[str]:
    """Compares the direct wave with that of the training set; a note where it differs by more than a third."""
    direct = float(getattr(model.data_preprocessor, 'direct', torch.zeros(())))
    if not direct:
        return []
    factor = near_peak(line.shots, line.as_sampled) / direct
    if 0.75 < factor < 1.33:
        return []
    sign = ' and of opposite sign' if factor < 0 else ''
    return [f"the direct wave is {factor:.3g} times the training set's: on another scale{sign}; divide by it"]


def predict_velocity(model: nn.Module, pipeline: Sequence[dict], line: Line) -> tuple[np.ndarray, np.ndarray]:
    """Predicts.

    Args:
        model: a ``VelocityEstimator``.
        pipeline: of the config's test set; its loading transforms are left out.
        line: the gathers.

    Returns:
        Velocity (H, W) in m/s and probability of salt (H, W).
    """
    steps = [step for step in pipeline if step['type'] not in ('LoadShots', 'LoadVelocity')]
    sample = dict(shots=line.shots, shot_dt=line.as_sampled.dt, acquisition=line.acquisition, img_id='line')
    packed = Compose(steps)(sample)
    width = model.backbone.grid[1]
    packed['data_samples'].set_metainfo(dict(symmetric=line.acquisition.is_symmetric(width)))
    with torch.no_grad():
        result = model.test_step(dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]))[0]
    return result.pred_velocity.data[0].cpu().numpy(), result.seg_logits.data[0].cpu().numpy()


def score(
    velocity: np.ndarray, truth: np.ndarray, salt: np.ndarray | None = None, found: np.ndarray | None = None
) -> dict[str, float]:
    """MAE, SSIM, salt IoU and others of a prediction.

    Args:
        velocity, truth: (H, W) m/s, predicted and true.
        salt, found: (H, W), true and predicted salt; by velocity where they are None.
    """
    salt = truth >= SALT_VELOCITY if salt is None else salt
    found = velocity >= SALT_VELOCITY if found is None else found
    one = score_velocity(velocity, truth, predicted_salt=found, salt=salt, velocity_range=(1500.0, 4500.0))
    return total_velocity_scores([one], (1500.0, 4500.0))


def write_misfits(path: Path, rows: Sequence[dict]) -> None:
    """Writes the misfit table."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
    table.writeheader()
    table.writerows(
        {key: f'{value:.6g}' if isinstance(value, float) else value for key, value in row.items()} for row in rows
    )
    write_whole(path, text.getvalue())


def write_result(out: Path, velocity: np.ndarray, salt: np.ndarray, dx: float, formats: Sequence[str]) -> list[Path]:
    """Writes velocity.npy, salt.npy and, if asked for, velocity.sgy; returns the paths."""
    paths = [out / 'velocity.npy', out / 'salt.npy']
    for path, array in zip(paths, (velocity.astype(np.float32), salt.astype(np.uint8))):
        with written_whole(path) as temporary:
            np.save(temporary, array)
    if 'segy' in formats:
        paths.append(out / 'velocity.sgy')
        write_velocity(paths[-1], velocity, dx=dx)
    return paths


def describe_salt(salt: np.ndarray, dx: float) -> str:
    """How many bodies there are, their area and the shallowest depth, in words."""
    if not salt.any():
        return 'no salt'
    depth = dx * float(np.flatnonzero(salt.any(axis=1))[0])
    area = salt.sum() * dx**2 / 1e6
    return f'salt: {label(salt)[1]} bodies, {area:.2f} km2, top at {depth:.0f} m'
