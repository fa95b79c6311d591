"""Averages of several models' salt probabilities, with weights that validation tiles decide."""

from collections.abc import Sequence

import numpy as np

_TINY = 1e-6


def fit_weights(probabilities: np.ndarray, truth: np.ndarray, *, steps: int = 200) -> np.ndarray:
    """Finds the weights whose average makes the truth most likely.

    The average of M models is a mixture; expectation maximisation (Dempster, Laird, Rubin, 1977) over its weights
    raises the likelihood of the labels at each step and ends at its one maximum.

    Args:
        probabilities: (M, P) salt probability of P pixels by each model.
        truth: (P,) labels 0 and 1; pixels with others are left out.
        steps: of expectation maximisation.

    Returns:
        (M,) weights, not negative, that sum to 1.

    Raises:
        ValueError: if the shapes do not fit or no pixel has a label.
    """
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[1:]:
        raise ValueError(f'probabilities must be (M, P) and truth (P,), got {probabilities.shape} and {truth.shape}')
    known = truth <= 1
    if not known.any():
        raise ValueError('weights cannot be fitted: no pixel is labelled 0 or 1')
    salt = truth[known] == 1
    likelihood = np.where(salt, probabilities[:, known], 1 - probabilities[:, known]).astype(np.float64)
    likelihood = likelihood.clip(_TINY)
    weights = np.full(len(likelihood), 1 / len(likelihood))
    for _ in range(steps):
        weights = weights * (likelihood / (weights @ likelihood)).mean(axis=1)
        weights /= weights.sum()
    return weights


def check_weights(weights: Sequence[float], members: int) -> np.ndarray:
    """Returns weights that sum to 1.

    Raises:
        ValueError: if there is not one for each member, one is negative, or all are 0.
    """
    array = np.asarray(weights, np.float64)
    if array.shape != (members,) or not (array >= 0).all() or not array.sum():
        raise ValueError(f'weights must be {members} numbers from 0, not all 0, got {list(weights)}')
    return array / array.sum()
