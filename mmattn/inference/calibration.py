"""How far predicted probabilities can be believed, and the one number that mends them.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: a network's logits are divided
by a temperature, fitted on data that it was not trained on. No pixel changes sides at a threshold of one half.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

BINS = 15
_RANGE = 0.05, 20.0  # of temperatures


def calibration_error(probability: np.ndarray, truth: np.ndarray, *, bins: int = BINS) -> float:
    """Expected calibration error of the probability of salt.

    Args:
        probability: 0 to 1, any shape.
        truth: salt True or 1, of the same shape.
        bins: of equal width.

    Returns:
        Mean over the pixels of the distance between a bin's mean probability and its share of salt, 0 to 1.

    Raises:
        ValueError: if there are no pixels, the shapes differ or ``bins`` is below 1.
    """
    return float(sum(abs(count[1] - count[2]) for count in _bins(probability, truth, bins)) / np.size(truth))


def reliability(probability: np.ndarray, truth: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """Returns (bins, 3): each bin's share of the pixels, mean probability and share of salt; nan in empty ones.

    Arguments and errors are those of :func:`calibration_error`.
    """
    counts = _bins(probability, truth, bins)
    filled = np.where(counts[:, :1] > 0, counts[:, :1], np.nan)
    return np.hstack([counts[:, :1] / counts[:, 0].sum(), counts[:, 1:] / filled])


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Finds the temperature of least cross-entropy.

    Args:
        logits: of salt against background, any shape.
        truth: salt True or 1, of the same shape.

    Returns:
        0.05 to 20; what the logits are to be divided by.

    Raises:
        ValueError: if there are no pixels, logits are not finite, or the shapes differ.
    """
    logits, truth = np.asarray(logits, np.float32).ravel(), np.asarray(truth).ravel() > 0
    _check(logits, truth)
    if not np.isfinite(logits).all():
        raise ValueError('logits hold NaN or infinity')
    signed = np.where(truth, -logits, logits)
    low, high = np.log(_RANGE)
    loss = lambda log_t: float(np.logaddexp(0, signed / np.float32(np.exp(log_t))).mean(dtype=np.float64))  # noqa: E731
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method='bounded', options=dict(xatol=1e-4)).x))


def cross_fitted_probability(
    logits: np.ndarray, truth: np.ndarray, groups: Sequence[object], *, seed: int = 0
) -> np.ndarray:
    """Probability with the temperature of each half fitted on the other half: what it does to data it has not seen.

    Args:
        logits: (N, H, W), of salt against background.
        truth: (N, H, W), salt True or 1.
        groups: N names; sections of one name stay in one half.
        seed: of the halves.

    Returns:
        (N, H, W), 0 to 1.

    Raises:
        ValueError: if there are fewer than two groups, or as ``fit_temperature``.
    """
    names, number = np.unique(np.asarray(groups, str), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f'groups must be at least 2 to be fitted on each other, got {len(names)}')
    half = np.random.default_rng(seed).permutation(len(names))[number] < len(names) // 2
    probability = np.empty(np.shape(logits), np.float32)
    for part in (half, ~half):
        probability[part] = expit(logits[part] / fit_temperature(logits[~part], truth[~part]))
    return probability


def _bins(probability: np.ndarray, truth: np.ndarray, bins: int) -> np.ndarray:
    """(bins, 3): pixels, sum of the probability and pixels of salt in each."""
    if bins < 1:
        raise ValueError(f'bins must be at least 1, got {bins}')
    probability, truth = np.asarray(probability, np.float64).ravel(), np.asarray(truth).ravel() > 0
    _check(probability, truth)
    index = np.clip((probability * bins).astype(int), 0, bins - 1)
    sums = [np.bincount(index, weights, bins) for weights in (None, probability, truth)]
    return np.stack(sums, axis=1).astype(float)


def _check(values: np.ndarray, truth: np.ndarray) -> None:
    if not values.size or values.shape != truth.shape:
        raise ValueError(f'values and truth must be as many, one at least, got {values.size} and {truth.size}')
