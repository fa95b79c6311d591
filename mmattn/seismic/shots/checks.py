"""Checks of velocity models and gathers that came from somewhere."""

import numpy as np

from mmattn.seismic.shots.acquisition import Acquisition

SLOWEST, FASTEST = 300.0, 9000.0  # m/s
FEET = 3.28084  # in a metre


def check_velocity(velocity: np.ndarray, name: str) -> np.ndarray:
    """Returns a model as float32 (H, W).

    Args:
        velocity: in m/s.
        name: of the file or option, for messages.

    Raises:
        ValueError: if it has other axes, values that are not finite, or velocities outside 300 to 9,000 m/s; km/s and
            ft/s are recognised and named.
    """
    if velocity.dtype.kind not in 'iuf':
        raise ValueError(f'{name}: velocities must be numbers, got {velocity.dtype}')
    if velocity.ndim != 2:
        raise ValueError(f'{name}: a velocity model must be (depth, line), got shape {velocity.shape}')
    if not np.isfinite(velocity).all():
        count = np.count_nonzero(~np.isfinite(velocity))
        raise ValueError(f'{name}: {count} of {velocity.size} velocities are NaN or infinite')
    low, high = float(velocity.min()), float(velocity.max())
    if low < SLOWEST or high > FASTEST:
        hint = ''
        if low <= 0:
            hint = '; zero and negative cells are no velocities'
        elif low >= 0.3 and high <= 9:
            hint = '; this looks like km/s: multiply by 1000'
        elif low / FEET >= SLOWEST and high / FEET <= FASTEST:
            hint = '; this looks like ft/s: multiply by 0.3048'
        raise ValueError(
            f'{name}: velocities must lie within {SLOWEST:g} to {FASTEST:g} m/s, got {low:g} to {high:g}{hint}'
        )
    return np.ascontiguousarray(velocity, np.float32)


def check_gathers(shots: np.ndarray, name: str) -> np.ndarray:
    """Returns gathers (shots, samples, receivers) as float32; ValueError where they are none, or all zero."""
    if shots.dtype.kind not in 'iuf':
        raise ValueError(f'{name}: gathers must be numbers, got {shots.dtype}')
    if shots.ndim != 3:
        raise ValueError(f'{name}: gathers must be (shots, samples, receivers), got shape {shots.shape}')
    shots = np.ascontiguousarray(shots, np.float32)
    if not np.isfinite(shots).all():
        count = np.count_nonzero(~np.isfinite(shots))
        raise ValueError(f'{name}: {count} of {shots.size} samples are NaN or infinite')
    if not shots.any():
        raise ValueError(f'{name}: all gathers are zero')
    silent = np.flatnonzero(~shots.any(axis=(1, 2)))
    if len(silent):
        raise ValueError(f'{name}: shot {silent[0]} is zero everywhere ({len(silent)} of {len(shots)} such shots)')
    return shots


def dead_traces(shots: np.ndarray) -> int:
    """How many traces of (S, T, R) gathers are zero throughout."""
    return int(np.count_nonzero(~shots.any(axis=1)))


def fit_scale(shots: np.ndarray, reference: np.ndarray) -> float:
    """Factor, with its sign, by which ``reference`` best resembles ``shots`` (least squares); both (S, T, R).

    Taken where ``reference`` is strongest: the direct wave, which depends least on the model.
    """
    strong = np.abs(reference) > 0.1 * np.abs(reference).max(axis=1, keepdims=True)  # false in traces of zeros
    model, data = reference[strong].astype(np.float64), shots[strong].astype(np.float64)
    return float(model @ data / max(model @ model, 1e-300))


def near_peak(shots: np.ndarray, acquisition: Acquisition, dt: float | None = None) -> float:
    """Amplitude of the direct wave, with its sign: the median over shots of the first strong peak nearest the source.

    Args:
        shots: (S, T, R).
        acquisition: their geometry.
        dt: seconds from sample to sample; the acquisition's by default.
    """
    sources, receivers = np.array(acquisition.sources), np.array(acquisition.receivers)
    nearest = np.linalg.norm(sources[:, None] - receivers[None], axis=2).argmin(axis=1)
    traces = shots[np.arange(len(shots)), :, nearest]
    end = int(np.ceil(4 / acquisition.peak_frequency / (dt or acquisition.dt)))
    traces = traces[:, : max(end, 2)]
    places = np.abs(traces).argmax(axis=1)
    return float(np.median(traces[np.arange(len(traces)), places]))
