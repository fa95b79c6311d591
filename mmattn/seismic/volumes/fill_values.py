"""Values that mean 'nothing here': those that a user names, and those that look like one.

Software pads surveys with a value of its own (1e30, -999.25, the largest float, ...). Read as amplitudes such values
decide the clip, and everything else becomes grey. A trace that holds one value throughout is told by that alone; fill
values inside live traces are told by what they are and how they repeat.
"""

import math
from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np

TOLERANCE = 1e-6
"""Relative difference within which a sample equals a null value: 4-byte IBM floats keep no more."""
_USUAL = (
    999.25, 999.0, 9999.0, 9999.25, 99999.0, 999999.0, 32767.0, 32768.0, 2147483647.0, 2147483648.0, 1e20, 1e25, 1e30,
    1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1.70141e38, 9.96921e36, 3.4e38, 3.40282e38,
)  # fmt: skip
LOOKS_LIKE_FILL = 'which looks like a fill value'
LEAST_USUAL = 0.9 * min(_USUAL)
"""All values that software fills with are larger."""
RUN_SHARE, FEWEST = 0.9, 4
"""Fill values stand in runs of three or more to this share, and so many times."""
REACH, FAR = 3.0, 1e4
"""They exceed all other |amplitudes| so many times, or their median."""


class FillValue(NamedTuple):
    """A value that looks like a filling, and its share of the samples looked at."""

    value: float
    share: float


def check_null_value(value: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """Returns null values as a tuple: None where nothing is said, () where there are none.

    Raises:
        TypeError: if one is not a number.
        ValueError: if one is not finite; NaN and infinities are read as 0 anyway.
    """
    if value is None:
        return None
    values = tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)
    for one in values:
        if isinstance(one, bool) or not isinstance(one, Real):
            raise TypeError(f'null_value must be None, a number or a list of numbers, got {value!r}')
        if not math.isfinite(one):
            raise ValueError(f'null_value must be finite, got {one!r}: NaN and infinities are read as 0 anyway')
    return tuple(float(one) for one in values)


def equals_any(samples: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Tells which float32 samples are one of the values, to within ``TOLERANCE``; bool of the same shape."""
    found = np.zeros(samples.shape, bool)
    most = float(np.finfo(np.float32).max)
    for value in values:
        if abs(value) * (1 - TOLERANCE) > most:
            continue  # such samples are no finite float32, so they were read as 0
        low, high = sorted((value * (1 - TOLERANCE), value * (1 + TOLERANCE)))
        low, high = np.float32(max(low, -most)), np.float32(min(high, most))
        found |= (samples >= low) & (samples <= high)
    return found


def is_live(traces: np.ndarray) -> np.ndarray:
    """Tells which traces are not one value throughout; of a single sample those that are not 0.

    Args:
        traces: (..., num_samples).

    Returns:
        (...) bool.
    """
    if traces.shape[-1] == 1:
        return traces[..., 0] != 0
    return (traces != traces[..., :1]).any(axis=-1)


class Look(NamedTuple):
    """What samples of live traces show.

    Args:
        fills: values that look like a filling, the largest first.
        median: of |amplitude| of the others, zeros left out; 0 where there are none.
        reach: the largest |amplitude| of the others.
    """

    fills: list[FillValue]
    median: float
    reach: float


def find_fill_values(traces: np.ndarray) -> list[FillValue]:
    """Finds what looks like a filling among the samples of live traces.

    A value does if its samples come in runs of three or more and it lies beyond three times all others or is one of
    those that software uses (-999.25, 1e30, ...); or if it is repeated, or one of those, and exceeds the median
    |amplitude| ten thousand times. Zero never does.

    Args:
        traces: (num_traces, num_samples) float32, finite.

    Returns:
        The values, the largest first.
    """
    return look_for_fills(traces).fills


def look_for_fills(traces: np.ndarray) -> Look:
    """As :func:`find_fill_values`, with what the other samples are."""
    samples = np.asarray(traces, np.float32)
    values, counts = np.unique(samples[samples != 0], return_counts=True)
    if samples.size < 2 * FEWEST or not values.size:
        return Look([], 0.0, 0.0)
    inside = np.isin(values, _repeated(samples, values, counts))
    ordinary = ~inside
    if not ordinary.any():  # nothing but runs, as in a model of blocks
        ordinary = ~is_usual(values)
        if not ordinary.any():
            return Look([], 0.0, 0.0)
    size = np.abs(values.astype(np.float64))
    median = _median(size[ordinary], counts[ordinary])
    far = ordinary & ((counts >= FEWEST) | is_usual(values)) & (size > FAR * median)
    reach = float(size[ordinary & ~far].max(initial=0))
    fill = far | (inside & ((size > REACH * reach) | is_usual(values)))
    found = [FillValue(float(values[k]), float(counts[k] / samples.size)) for k in np.flatnonzero(fill)]
    return Look(sorted(found, key=lambda one: -abs(one.value)), median, reach)


def describe_fill_values(name: str, found: Sequence[FillValue]) -> str:
    """A sentence on fill values and what to do about them."""
    said = ' and '.join(f'{_percent(one.share)} are {np.float32(one.value)!s}' for one in found)
    values = ', '.join(f'{np.float32(one.value)!s}' for one in found)
    given = values if len(found) == 1 else f'[{values}]'
    return (
        f'{name}: of the samples of live traces {said}, {LOOKS_LIKE_FILL}: null_value={given} '
        f'(--null-value {values.replace(",", "")}) reads it as no data, null_value=[] as amplitudes'
    )


def _percent(share: float) -> str:
    return f'{share:.2%}' if share >= 5e-5 else f'{100 * share:.1g}%'


def _repeated(samples: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Values whose samples lie nearly all in runs of three or more along the trace."""
    in_run = in_runs(samples) & (samples != 0)
    found, times = np.unique(samples[in_run], return_counts=True)
    total = counts[np.searchsorted(values, found)]
    return found[(times >= FEWEST) & (times >= RUN_SHARE * total)]


def in_triples(traces: np.ndarray) -> np.ndarray:
    """Which samples equal the next two of their trace; bool (num_traces, num_samples - 2, 0 at least)."""
    same = traces[:, 1:] == traces[:, :-1]
    return same[:, 1:] & same[:, :-1]


def in_runs(traces: np.ndarray) -> np.ndarray:
    """Which samples stand in runs of three or more equal ones along the trace; bool (num_traces, num_samples)."""
    triple = in_triples(traces)
    found = np.zeros(traces.shape, bool)
    for shift in range(3):
        found[:, shift : traces.shape[1] - 2 + shift] |= triple
    return found


def is_usual(values: np.ndarray) -> np.ndarray:
    """Which values are among those that software fills with, to five digits."""
    size = np.abs(values.astype(np.float64))
    usual = size > LEAST_USUAL  # few amplitudes are so large: the table below has a row for each
    usual[usual] = np.isclose(size[usual, None], _USUAL, rtol=1e-5, atol=0).any(axis=1)
    return usual


def _median(size: np.ndarray, counts: np.ndarray) -> float:
    order = np.argsort(size)
    total = np.cumsum(counts[order])
    return float(size[order][np.searchsorted(total, total[-1] / 2)])
