"""The bins of a survey, from coordinates of its traces."""

import numpy as np

_ROUNDS = 3
_FARTHEST = 4.0


def fit_planes(
    ilines: np.ndarray, xlines: np.ndarray, x: np.ndarray, y: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Fits planes x and y = a + b * inline + c * crossline by least squares, so that rounded coordinates average out.

    Traces farther from the planes than four times the median distance are left out and the planes fitted again.

    Args:
        ilines, xlines: (I,) and (X,) line numbers.
        x, y: (I, X) coordinates.
        known: (I, X) bool, which of them are to be used.

    Returns:
        (2, 2) x and y of b and of c, and (2,) x and y of a; None where fewer than three traces are known or they say
        nothing of one direction.
    """
    rows, columns = np.nonzero(known)
    numbers = np.stack([ilines[rows], xlines[columns]], axis=1).astype(np.float64)
    places = np.stack([x[rows, columns], y[rows, columns]], axis=1)
    for _ in range(_ROUNDS):
        if len(numbers) < 3:
            return None
        design, middle = numbers - numbers.mean(axis=0), places - places.mean(axis=0)
        slopes, _, rank, _ = np.linalg.lstsq(design, middle, rcond=None)
        if rank < 2:
            return None
        origin = places.mean(axis=0) - numbers.mean(axis=0) @ slopes
        distance = np.hypot(*(middle - design @ slopes).T)
        near = distance <= max(_FARTHEST * np.median(distance), 1e-6 * np.abs(middle).max())
        if near.all():
            break
        numbers, places = numbers[near], places[near]
    steps = slopes * np.array([[_usual_step(ilines)], [_usual_step(xlines)]])
    area = abs(steps[0, 0] * steps[1, 1] - steps[0, 1] * steps[1, 0])
    return (slopes, origin) if area > 1e-6 * np.hypot(*steps.T).max() ** 2 else None


def plane_steps(
    ilines: np.ndarray, xlines: np.ndarray, x: np.ndarray, y: np.ndarray, known: np.ndarray
) -> np.ndarray | None:
    """The steps of the planes of :func:`fit_planes`, whose arguments it has.

    Returns:
        (2, 2) x and y of the usual step from inline to inline and from crossline to crossline; None where there are no
        planes.
    """
    fit = fit_planes(ilines, xlines, x, y, known)
    return None if fit is None else fit[0] * np.array([[_usual_step(ilines)], [_usual_step(xlines)]])


def _usual_step(lines: np.ndarray) -> int:
    steps, counts = np.unique(np.diff(lines), return_counts=True)
    return int(steps[counts.argmax()]) if steps.size else 1
