"""Which lines a prediction is least sure of: what to label next."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mmattn.common.checks import check_whole
from mmattn.seismic.volumes.volume import Volume

_LEAST = 1e-7


class DoubtfulLine(NamedTuple):
    """A line that is worth labelling.

    Args:
        direction: 'iline' or 'xline'.
        position: of the line, from 0.
        entropy: of the probability, in bits, the mean over the line's live samples.
        spread: standard deviation of the predictions, their mean; 0 where there is none.
        distance: lines to the nearest that is labelled or suggested before it; the number of lines where there is none.
    """

    direction: str
    position: int
    entropy: float
    spread: float
    distance: int


def doubtful_lines(
    probability: Volume,
    std: Volume | None,
    labelled: Mapping[str, np.ndarray],
    *,
    count: int = 5,
    live: np.ndarray | None = None,
) -> list[DoubtfulLine]:
    """Chooses lines to label next, one after the other, the best first.

    A line's doubt is its entropy plus twice its spread, each at most 1. It counts in full where the nearest line that
    is labelled or chosen is as far as if all of them were evenly spaced, and less in proportion where it is nearer.

    Args:
        probability: of salt.
        std: of the predictions, on the same grid.
        labelled: positions of labelled lines by direction; lines of other directions are not suggested.
        count: of lines.
        live: (I, X) bool, traces that were predicted; all by default.

    Returns:
        At most ``count`` lines.
    """
    check_whole('count', count, least=1)
    entropy, spread = _means(probability, std, probability.present if live is None else live)
    chosen: list[DoubtfulLine] = []
    taken = {direction: [int(one) for one in positions] for direction, positions in labelled.items()}
    while len(chosen) < count:
        best, most = None, 0.0
        for direction, places in taken.items():
            size = len(entropy[direction])
            gap = max(1.0, size / (len(places) + 1))
            positions = np.arange(size)
            distance = np.min([abs(positions - one) for one in places], axis=0) if places else np.full(size, size)
            worth = (entropy[direction] + 2 * spread[direction]) * np.minimum(1, distance / gap)
            top = int(np.argmax(worth))
            if worth[top] > most:
                most = worth[top]
                line = direction, top, float(entropy[direction][top]), float(spread[direction][top])
                best = DoubtfulLine(*line, int(distance[top]))
        if best is None:
            break
        chosen.append(best)
        taken[best.direction].append(best.position)
    return chosen


def _means(probability: Volume, std: Volume | None, live: np.ndarray) -> tuple[dict, dict]:
    """Mean entropy and spread of every line, by direction."""
    sums = np.zeros((2, *probability.shape[:2]))
    for index in range(probability.shape[0]):
        values = np.clip(probability.section('iline', index).astype(np.float64), _LEAST, 1 - _LEAST)
        bits = -(values * np.log2(values) + (1 - values) * np.log2(1 - values))
        sums[0, index] = bits.mean(axis=1)
        if std is not None:
            sums[1, index] = std.section('iline', index).mean(axis=1)
    counts = [np.maximum(live.sum(axis=axis), 1) for axis in (1, 0)]
    found = [
        {name: (one * live).sum(axis=axis) / number for name, axis, number in zip(('iline', 'xline'), (1, 0), counts)}
        for one in sums
    ]
    return found[0], found[1]
