"""The bins of a survey, from coordinates of its traces."""

import numpy as np

_ROUNDS = 3
_FARTHEST = 4.0


def plane_steps(
    ilines: np.ndarray, xlines: np.ndarray, x: np.ndarray, y: np.ndarray, known: np.ndarray
) -> np.ndarray | None:
    """Fits planes x and y = a + b * inline + c * crossline by least squares, so that rounded coordinates average out.

    Traces farther from the planes than four times the median distance are left out and the planes fitted again.

    Args:
        ilines, xlines: (I,) and (X,) line numbers.
        x, y: (I, X) coordinates.
        known: (I, X) bool, which of them are to be used.

    Returns:
        (2, 2) x and y of the usual step from inline to inline and from crossline to crossline; None where fewer than
        three traces are known or they say nothing of one direction.
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
        distance = np.hypot(*(middle - design @ slopes).T)
        near = distance <= max(_FARTHEST * np.median(distance), 1e-6 * np.abs(middle).max())
        if near.all():
            break
        numbers, places = numbers[near], places[near]
    steps = slopes * np.array([[_usual_step(ilines)], [_usual_step(xlines)]])
    lengths = np.hypot(*steps.T)
    area = abs(steps[0, 0] * steps[1, 1] - steps[0, 1] * steps[1, 0])
    return steps if area > 1e-6 * lengths.max() ** 2 else None


def _usual_step(lines: np.ndarray) -> int:
    steps, counts = np.unique(np.diff(lines), return_counts=True)
    return int(steps[counts.argmax()]) if steps.size else 1
