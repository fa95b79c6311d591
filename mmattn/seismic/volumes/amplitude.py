"""Amplitude scaling of a survey: one symmetric clip for all its sections.

Zero amplitude stays zero and signs stay. Grey values have zero at 128, as 8-bit sections here have (the synthetic
survey writes 128 + 127 x amplitude, and ``RandomAmplitude`` and the pictures take 128 for zero).
"""

from collections.abc import Callable, Iterator

import numpy as np

from mmattn.common.checks import check_number, check_whole
from mmattn.seismic.volumes.fill_search import FillSearch
from mmattn.seismic.volumes.fill_values import describe_fill_values, find_fill_values, is_live
from mmattn.seismic.volumes.live import is_all
from mmattn.seismic.volumes.volume import SCAN_BYTES, Scan, Volume

MID_GREY, GREY_REACH = 128.0, 127.0
SAMPLED = 2000  # traces that tell what a survey's amplitudes are
LARGE = 2**20  # traces of a full grid beyond which no array of all their places is made to draw some


def estimate_clip(volume: Volume, *, percentile: float = 99.5, num_traces: int = SAMPLED, seed: int = 0) -> float:
    """Estimates the amplitude at which sections are clipped, from a sample of traces.

    Args:
        volume: of amplitudes.
        percentile: of |amplitude| over all samples of the chosen traces, 0 to 100.
        num_traces: how many live traces are read; all, if there are fewer.
        seed: of the choice. The result is the same for the same volume, options and seed.

    Returns:
        The clip, above 0. Where more samples than the percentile are zero it is the largest |amplitude|. Where the
        volume has null values, samples of 0 do not count.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if an option is out of its range, no trace of the volume is live, or samples of live traces look
            like a fill value (see :func:`refuse_fill_values`).
    """
    if not check_number('percentile', percentile, low=0, high=100):
        raise ValueError(f'percentile must be above 0 and at most 100, got {percentile!r}')
    check_whole('num_traces', num_traces, least=1)
    amplitudes = sample_traces(volume, num_traces=num_traces, seed=seed)
    if not amplitudes.size:
        raise ValueError(f'{volume.name} has no live trace: every trace is missing, of one value or marked as dead')
    refuse_fill_values(volume, amplitudes)
    amplitudes = np.abs(amplitudes)
    if volume.null_value:
        amplitudes = amplitudes[amplitudes > 0]
    return float(np.percentile(amplitudes, percentile)) or float(amplitudes.max())


def sample_traces(volume: Volume, *, num_traces: int = SAMPLED, seed: int = 0) -> np.ndarray:
    """Reads live traces drawn evenly from a volume; float32 (num_traces or fewer, num_samples)."""
    found, count = [], 0
    for rows, columns in drawn_places(volume.usable, num_traces, seed=seed):
        traces = volume.traces(rows, columns)
        live = is_live(traces)
        traces = (traces if live.all() else traces[live])[: num_traces - count]
        found.append(traces)
        count += len(traces)
        if count == num_traces:
            break
    if not found:
        return np.empty((0, volume.shape[2]), np.float32)
    return found[0] if len(found) == 1 else np.concatenate(found)  # one array is not copied


def drawn_places(usable: np.ndarray, count: int, *, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draws places of traces, each once, until nobody asks for more.

    Args:
        usable: (I, X) bool, the places that are drawn from.
        count: at a time; the last ones may be fewer.
        seed: of the draw.

    Returns:
        Iterator of rows and columns, in the order of the volume. Of a full grid of more than a million traces nothing
        is kept by trace until hundreds of ``count`` were drawn.
    """
    generator = np.random.default_rng(seed)
    seen = np.empty(0, np.int64)
    if is_all(usable) and usable.size > LARGE:
        seen = generator.choice(usable.size, min(256 * count, usable.size), replace=False)
        for start in range(0, len(seen), count):
            yield np.divmod(np.sort(seen[start : start + count]), usable.shape[1])
    places = np.flatnonzero(usable)
    order = generator.permutation(len(places))
    if seen.size:
        order = order[~np.isin(order, seen)]
    for start in range(0, len(order), count):
        yield np.divmod(places[np.sort(order[start : start + count])], usable.shape[1])


def refuse_fill_values(volume: Volume, traces: np.ndarray | None = None) -> None:
    """Raises if samples of live traces look like a fill value, unless ``volume.null_value`` is (): there is none.

    Args:
        volume: of amplitudes.
        traces: of the volume, (n, num_samples); None reads a sample of them.

    Raises:
        ValueError: names the values, their share and the option.
    """
    if volume.null_value == ():
        return
    if found := find_fill_values(sample_traces(volume, num_traces=SAMPLED) if traces is None else traces):
        raise ValueError(describe_fill_values(volume.name, found))


def scan_amplitudes(volume: Volume, progress: Callable[[int, int], None] | None = None) -> Scan:
    """Reads the whole volume once (see :meth:`Volume.scan`) and looks at all live traces for fill values.

    Args:
        volume: of amplitudes.
        progress: called with the traces done and their total.

    Raises:
        ValueError: if there are some that ``volume.null_value`` does not explain; names the values, their share and the
            option.
    """
    if volume.null_value == ():
        return volume.scan(progress)
    scan = volume.scan(progress, FillSearch(sample_traces(volume, num_traces=SAMPLED)))
    if scan.fill_values:
        raise ValueError(describe_fill_values(volume.name, scan.fill_values))
    return scan


def refuse_hidden_fill_values(volume: Volume, axis: str, lines: tuple[int, int]) -> None:
    """Reads the traces of some lines, block by block, and raises if any holds fill values (see above).

    Args:
        volume: of amplitudes.
        axis: 'iline' or 'xline', along which the lines are counted.
        lines: positions of the first line and behind the last, from 0.
    """
    usable = volume.usable if axis == 'iline' else volume.usable.T
    if volume.null_value == ():
        return
    if lines == (0, len(usable)):
        scan_amplitudes(volume)
        return
    search = FillSearch(sample_traces(volume, num_traces=SAMPLED))
    step = max(1, SCAN_BYTES // (4 * usable.shape[1] * volume.shape[2]))
    for start in range(*lines, step):
        stop = min(start + step, lines[1])
        traces = volume.slab(axis, start, stop)[usable[start:stop]]
        search.add(traces[is_live(traces)])
    if found := search.found():
        raise ValueError(describe_fill_values(volume.name, found))


def scale_amplitude(array: np.ndarray, clip: float) -> np.ndarray:
    """Scales amplitudes to [-1, 1]: ``array / clip``, clipped. NaN becomes 0.

    Raises:
        ValueError: if the clip is not a positive number.
    """
    if not (np.isfinite(clip) and clip > 0):
        raise ValueError(f'clip must be a positive number, got {clip!r}')
    scaled = np.clip(np.asarray(array, np.float32) / np.float32(clip), -1, 1)
    return np.nan_to_num(scaled, copy=False, nan=0.0)


def to_grey(scaled: np.ndarray) -> np.ndarray:
    """Turns scaled amplitudes into float32 grey values: -1, 0 and 1 become 1, 128 and 255."""
    return np.float32(MID_GREY) + np.float32(GREY_REACH) * np.asarray(scaled, np.float32)
