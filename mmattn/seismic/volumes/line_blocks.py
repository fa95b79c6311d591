"""Splits the lines of a volume into blocks for training and validation, with a gap between them."""

from itertools import pairwise

import numpy as np

from mmattn.common.checks import check_whole

TRAIN, VAL, GUARD = 0, 1, -1


def split_lines(num_lines: int, *, val_fraction: float = 0.2, num_blocks: int = 1, guard: int = 4) -> np.ndarray:
    """Assigns adjacent lines to training, validation or neither.

    The lines are cut into ``num_blocks`` equal parts, and the last ``val_fraction`` of each part is for validation.
    ``guard`` lines of training on either side of a validation block are left out: neighbouring lines show the same
    geology.

    Args:
        num_lines: to split, at least 2.
        val_fraction: share for validation, above 0 and below 1.
        num_blocks: of validation.
        guard: lines left out beside a validation block.

    Returns:
        (num_lines,) int8 of ``TRAIN`` (0), ``VAL`` (1) and ``GUARD`` (-1).

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if an option is out of its range, or leaves no line to train.
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f'val_fraction must be above 0 and below 1, got {val_fraction!r}')
    for name, value, least in (('num_blocks', num_blocks, 1), ('guard', guard, 0)):
        check_whole(name, value, least=least)
    if num_lines < 2 * num_blocks:
        raise ValueError(f'num_blocks={num_blocks} needs at least {2 * num_blocks} lines, there are {num_lines}')
    codes = np.full(num_lines, TRAIN, np.int8)
    edges = np.linspace(0, num_lines, num_blocks + 1).round().astype(int)
    blocks = [(stop - max(1, round(val_fraction * (stop - start))), stop) for start, stop in pairwise(edges)]
    for start, stop in blocks:
        codes[max(0, start - guard) : stop + guard] = GUARD
    for start, stop in blocks:
        codes[start:stop] = VAL
    if not (codes == TRAIN).any():
        raise ValueError(
            f'val_fraction={val_fraction}, num_blocks={num_blocks} and guard={guard} leave none of {num_lines} lines '
            'to train'
        )
    return codes


def line_runs(chosen: np.ndarray) -> list[tuple[int, int]]:
    """Gives the runs of True in a (N,) bool array as (start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2])]


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """Gives where windows start so that they cover ``length``: every ``stride``, the last flush with the end.

    A window longer than ``length`` starts at 0 and is as long as there is room.
    """
    last = max(0, length - window)
    return sorted({*range(0, last, stride), last})
