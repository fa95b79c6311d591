"""Run-length encoding of salt masks as the TGS Salt Identification Challenge defines it.

A mask is written as ``'start length start length …'`` over its pixels in column-major order (down each column, then the
next column), the first pixel being number 1. A mask without salt is the empty string.

Source: https://www.kaggle.com/c/tgs-salt-identification-challenge/overview/evaluation
"""

import numpy as np


def encode_rle(mask: np.ndarray) -> str:
    """Writes a binary mask as a TGS run-length string.

    Args:
        mask: (H, W) array of any integer, boolean or float type; zero is background, anything above is salt.

    Returns:
        Runs in rising order, never touching each other; ``''`` for a mask without salt.

    Raises:
        ValueError: The array does not have two axes.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2:
        raise ValueError(f'mask must have the shape (H, W), got {mask.shape}')
    padded = np.zeros(mask.size + 2, dtype=np.int8)
    padded[1:-1] = (mask > 0).ravel(order='F')
    edges = np.flatnonzero(np.diff(padded))
    starts, ends = edges[::2], edges[1::2]
    return ' '.join(map(str, np.stack([starts + 1, ends - starts], axis=1).ravel().tolist()))


def decode_rle(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Reads a TGS run-length string back into a mask.

    Args:
        text: Runs ``'start length …'``, in any order; blank for a mask without salt.
        shape: (H, W) of the mask in pixels.

    Returns:
        (H, W) uint8 array of 0 and 1, contiguous in row-major order.

    Raises:
        ValueError: The text is not pairs of positive integers, or runs overlap or leave the mask.
    """
    height, width = shape
    starts, lengths = _parse_runs(text)
    size = height * width
    order = np.argsort(starts, kind='stable')
    starts, lengths = starts[order], lengths[order]
    ends = starts + lengths
    outside = np.flatnonzero(ends - 1 > size)
    if outside.size:
        run = outside[0]
        raise ValueError(
            f'run {starts[run]} {lengths[run]} leaves the mask: its shape {(height, width)} has pixels 1 to {size}'
        )
    overlap = np.flatnonzero(ends[:-1] > starts[1:])
    if overlap.size:
        run = overlap[0]
        raise ValueError(
            f'runs overlap: {starts[run]} {lengths[run]} reaches into {starts[run + 1]} {lengths[run + 1]}'
        )
    steps = np.zeros(size + 1, dtype=np.int32)
    # Runs that touch (end == next start) add up at one position, so accumulate instead of assigning.
    np.add.at(steps, starts - 1, 1)
    np.add.at(steps, ends - 1, -1)
    flat = np.cumsum(steps[:-1]).astype(np.uint8)
    return np.ascontiguousarray(flat.reshape((height, width), order='F'))


def _parse_runs(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Starts and lengths of the runs in ``text``, each int64, checked to be positive."""
    if not isinstance(text, str):
        raise ValueError(f"a run-length text must be a string ('' for an empty mask), got {text!r}")
    words = text.split()
    for word in words:
        # int() would also take '1_000', '+5' and digits of other scripts.
        if not (word.isascii() and word.isdigit() and len(word) <= 15):
            raise ValueError(f"run-length text must hold positive integers 'start length …', found {word!r}")
    if len(words) % 2:
        raise ValueError(f"run-length text must hold pairs 'start length', found {len(words)} numbers")
    numbers = np.array(words, dtype=np.int64).reshape(-1, 2)
    below = np.flatnonzero((numbers < 1).any(axis=1))
    if below.size:
        start, length = numbers[below[0]]
        raise ValueError(f'run {start} {length} is invalid: starts count from 1 and lengths are at least 1')
    return numbers[:, 0], numbers[:, 1]
