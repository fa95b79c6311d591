"""Fewer samples a trace."""

import numpy as np
from scipy import signal


def decimate(shots: np.ndarray, step: int) -> np.ndarray:
    """Keeps every ``step``-th sample of (S, T, R) gathers after a zero-phase low-pass, float32."""
    if step == 1:
        return shots
    return signal.decimate(shots, step, ftype='fir', axis=1, zero_phase=True).astype(np.float32)


def decimation(shape: tuple[int, ...], nt: int) -> int:
    """By which whole number gathers of a shape (S, T, R) were decimated from ``nt`` samples; 1 where none fits."""
    samples = shape[1] if len(shape) == 3 else 0
    step = round(nt / samples) if samples else 1
    return step if step > 1 and -(-nt // step) == samples else 1
