"""Shot gathers in a SEG-Y file: which traces belong to which shot, and where source and receivers stand."""

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmattn.common.checks import check_number, check_whole
from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.headers import (
    COORDINATE_SCALAR,
    DEAD,
    DELAY,
    FIELD_RECORD,
    INTERVAL,
    TIME_SCALAR,
    TRACE_ID,
    read_words,
)
from mmattn.seismic.segy.layout import Layout, read_layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.volume import METRES, scale_factor, stated_times
from mmattn.seismic.segy.words import Word, parse_word
from mmattn.seismic.volumes.fill_values import check_null_value, equals_any

SOURCE_X, RECEIVER_X = 73, 81
BY = ('auto', 'record', 'source')
_LONGEST_STEP, _SHORTEST_STEP = 0.02, 1e-4  # seconds, of seismic records
_OFF_GRID = 0.05  # of a sample
_LONGEST_LEAD = 4  # times the length of a trace


@dataclass(frozen=True)
class Gathers:
    """Shots along a line, in the order of their sources.

    Args:
        shots: (S, T, R) float32; dead traces are zero.
        dt: seconds from sample to sample.
        source_x: (S,) position of each source, metres.
        receiver_x: (R,) position of each receiver, rising; the same for each shot.
        notes: what is odd, in words.
    """

    shots: np.ndarray
    dt: float
    source_x: np.ndarray
    receiver_x: np.ndarray
    notes: tuple[str, ...] = field(default=())


def read_gathers(
    path: str | os.PathLike,
    *,
    by: str = 'auto',
    record: int | str = FIELD_RECORD,
    source_x: int | str = SOURCE_X,
    receiver_x: int | str = RECEIVER_X,
    endian: str = 'auto',
    num_samples: int | None = None,
    format: int | None = None,
    num_text_headers: int | None = None,
    allow_truncated: bool = False,
    sample_interval: float | None = None,
    start_time: float | None = None,
    coordinate_scalar: int | None = None,
    coordinate_unit: str = 'm',
    null_value: float | Sequence[float] | None = None,
) -> Gathers:
    """Reads the shot gathers of a file, in whatever order its traces come.

    Traces are grouped by field record (bytes 9-12) or source position (73-76), and ordered by receiver position
    (81-84); positions are scaled by bytes 71-72. The sample interval is that of bytes 117-118, else of 3217-3218. The
    gathers begin when the source fires: by the delay (bytes 109-110) zeros come before the first sample, or samples are
    left out where recording began earlier.

    Args:
        path: a SEG-Y file.
        by: 'record', 'source', or 'auto': the source position where it varies or one record has several.
        record: where the field record is, a byte or 'byte:type' as ``open_volume`` takes them; source_x and receiver_x
            alike.
        source_x: of the source.
        receiver_x: of the receiver.
        endian: byte order 'big', 'little' or 'auto'.
        num_samples: a trace; None takes the binary header's.
        format: code of the sample format; None takes the binary header's.
        num_text_headers: extended textual headers; None takes the binary header's number.
        allow_truncated: whether a cut trace at the end is passed over.
        sample_interval: milliseconds, in place of the headers'.
        start_time: milliseconds from the shot to the first sample, in place of the delays.
        coordinate_scalar: in place of bytes 71-72: positive ones multiply, negative ones divide.
        coordinate_unit: 'm' or 'ft', of the positions, which are returned in metres.
        null_value: a value, or several, that mean 'no data' and become 0.

    Raises:
        FileNotFoundError: if there is no such file.
        TypeError, ValueError: if an option is not allowed.
        SegyError: if these are no gathers over one line with the same receivers; says what was found.
    """
    if by not in BY:
        raise ValueError(f'by must be one of {", ".join(map(repr, BY))}, got {by!r}')
    _check_options(coordinate_unit, coordinate_scalar, sample_interval, start_time)
    null = check_null_value(null_value)
    layout = read_layout(
        path,
        endian=endian,
        num_samples=num_samples,
        format=format,
        num_text_headers=num_text_headers,
        allow_truncated=allow_truncated,
    )
    places = dict(record=record, source_x=source_x, receiver_x=receiver_x)
    places = {name: parse_word(name, place) for name, place in places.items()}
    times = dict(delay=DELAY, time_scalar=TIME_SCALAR)
    words = read_words(layout, dict(places, scalar=COORDINATE_SCALAR, kind=TRACE_ID, **times))
    if coordinate_scalar is not None:
        words['scalar'] = np.full_like(words['scalar'], coordinate_scalar)
    notes = list(layout.notes)
    if len(np.unique(words['scalar'])) > 1:
        notes.append('the coordinate scalar (bytes 71-72) varies from trace to trace')
    positions, sources, receivers = _shots(layout, words, by, places, METRES[coordinate_unit], notes)
    seconds = _interval(layout) if sample_interval is None else sample_interval * 1e-3
    start = _stated_start(layout, words) if start_time is None else start_time * 1e-3
    shots = _samples(layout, positions, words['kind'] == DEAD, null, notes)
    return Gathers(_from_zero(shots, start / seconds, layout, notes), seconds, sources, receivers, tuple(notes))


def _check_options(unit: str, scalar: int | None, interval: float | None, start: float | None) -> None:
    if unit not in METRES:
        raise ValueError(f"coordinate_unit must be 'm' or 'ft', got {unit!r}")
    if scalar is not None:
        check_whole('coordinate_scalar', scalar, least=-(2**15))
    if interval is not None:
        check_number('sample_interval (milliseconds)', interval, low=_SHORTEST_STEP * 1e3, high=_LONGEST_STEP * 1e3)
    if start is not None:
        check_number('start_time (milliseconds)', start)


def _shots(
    layout: Layout, words: Mapping[str, np.ndarray], by: str, places: Mapping[str, Word], metres: float, notes: list
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position in the file of each trace (S, R), and of sources (S,) and receivers (R,) in metres."""
    factor = scale_factor(words['scalar']) * metres
    source, receiver = words['source_x'] * factor, words['receiver_x'] * factor
    if by == 'auto':
        by = 'source' if len(np.unique(source)) > 1 or len(np.unique(words['record'])) == 1 else 'record'
    keys, shot = np.unique(source if by == 'source' else words['record'], return_inverse=True)
    positions = _arrange(layout, keys, shot, receiver, by, places)
    sources, receivers = source[positions[:, 0]], receiver[positions[0]]
    order = np.argsort(sources, kind='stable')
    if not np.array_equal(order, np.arange(len(order))):
        notes.append('shots are put in the order of their sources')
    repeated = len(order) - len(np.unique(sources))
    if repeated and len(np.unique(sources)) > 1:
        raise SegyError(
            f'{layout.path}: {repeated} of {len(order)} shots repeat a source position (bytes {places["source_x"]})'
        )
    return positions[order], sources[order], receivers


def _samples(
    layout: Layout, positions: np.ndarray, dead: np.ndarray, null: Sequence[float] | None, notes: list
) -> np.ndarray:
    """Reads traces, (S, T, R); those marked dead, null values and samples that are not finite are 0."""
    samples = np.empty((positions.size, layout.num_samples), np.float32)
    reader = TraceReader(layout)
    bad = reader.read(positions.ravel(), samples)
    reader.close()
    samples[dead[positions.ravel()]] = 0
    if null:
        nothing = equals_any(samples, null)
        samples[nothing] = 0
        notes.append(f'{np.count_nonzero(nothing)} samples are null values, taken as 0')
    if bad:
        notes.append(f'{bad} samples are NaN or infinite, taken as 0')
    if count := int(np.count_nonzero(~samples.any(axis=1))):
        notes.append(f'{count} of {len(samples)} traces are dead (zero throughout)')
    return np.ascontiguousarray(samples.reshape(*positions.shape, -1).transpose(0, 2, 1))


def _from_zero(shots: np.ndarray, first: float, layout: Layout, notes: list) -> np.ndarray:
    """Shifts gathers whose first sample is number ``first`` after the shot so that they begin with the shot."""
    lead = round(first)
    if abs(first - lead) > _OFF_GRID:
        raise SegyError(
            f'{layout.path}: the first sample is {first:.4g} samples after the shot (bytes 109-110), which is between '
            'two; resample the gathers, or give start_time'
        )
    if lead <= -shots.shape[1]:
        raise SegyError(f'{layout.path}: all {shots.shape[1]} samples were recorded before the shot (bytes 109-110)')
    if lead > _LONGEST_LEAD * shots.shape[1]:
        raise SegyError(
            f'{layout.path}: recording began {lead} samples after the shot (bytes 109-110), but traces have '
            f'{shots.shape[1]}; where that is wrong give start_time=0'
        )
    if not lead:
        return shots
    what = f'{lead} zeros were put before' if lead > 0 else f'{-lead} samples were left out of'
    notes.append(f'recording began {lead:+d} samples after the shot (bytes 109-110): {what} each trace')
    return np.pad(shots, ((0, 0), (lead, 0), (0, 0))) if lead > 0 else np.ascontiguousarray(shots[:, -lead:])


def _stated_start(layout: Layout, words: Mapping[str, np.ndarray]) -> float:
    """Seconds from the shot to the first sample, of the traces that are not marked dead."""
    telling = words['kind'] != DEAD
    if not telling.any():
        return 0.0
    delay, scalar = words['delay'][telling], int(words['time_scalar'][telling][0])
    if delay.min() != delay.max():
        raise SegyError(
            f'{layout.path}: the delay (bytes 109-110) varies from {delay.min()} to {delay.max()} ms; give start_time '
            'for all traces'
        )
    return float(stated_times(delay[:1], scalar, layout.revision)[0]) * 1e-3


def _arrange(
    layout: Layout, keys: np.ndarray, shot: np.ndarray, receiver: np.ndarray, by: str, places: Mapping[str, Word]
) -> np.ndarray:
    """Position in the file of each shot's traces, (S, R), by rising receiver position."""
    word = (
        f'source position (bytes {places["source_x"]})'
        if by == 'source'
        else f'field record (bytes {places["record"]})'
    )
    at_receiver = f'(bytes {places["receiver_x"]})'
    groups = [np.flatnonzero(shot == number) for number in range(len(keys))]
    sizes = sorted({len(group) for group in groups})
    if len(sizes) > 1:
        raise SegyError(
            f'{layout.path}: grouped by {word}, {len(groups)} shots have from {sizes[0]} to {sizes[-1]} traces; '
            'traces are missing or repeated, or shots lack receivers'
        )
    if len(np.unique(receiver)) == 1 and sizes[0] > 1:
        raise SegyError(
            f'{layout.path}: all {layout.num_traces} traces have the receiver position {receiver[0]:g} {at_receiver}'
        )
    arranged = [group[np.argsort(receiver[group], kind='stable')] for group in groups]
    first = receiver[arranged[0]]
    twice = np.flatnonzero(np.diff(first) == 0)
    if len(twice):
        raise SegyError(
            f'{layout.path}: shot {keys[0]:g} has two traces at receiver position {first[twice[0]]:g} {at_receiver}: '
            'a repeated shot, or one of another component'
        )
    for key, group in zip(keys, arranged):
        if not np.allclose(receiver[group], first, atol=1e-3):
            other = receiver[group]
            raise SegyError(
                f'{layout.path}: shot {keys[0]:g} has receivers at {first[0]:g} to {first[-1]:g}, shot {key:g} at '
                f'{other[0]:g} to {other[-1]:g}; gathers must have the same receivers'
            )
    return np.stack(arranged)


def _interval(layout: Layout) -> float:
    """Sample interval in seconds."""
    with open(layout.path, 'rb') as file:
        head = file.read(layout.data_start + 240)
    trace = struct.unpack_from(layout.endian + 'H', head, layout.data_start + INTERVAL - 1)[0]
    interval = trace or struct.unpack_from(layout.endian + 'H', head, 3216)[0]
    if not interval:
        raise SegyError(f'{layout.path}: the sample interval is 0 in bytes 117-118 and in 3217-3218')
    seconds = interval * 1e-6
    if not _SHORTEST_STEP <= seconds <= _LONGEST_STEP:
        hint = f'; {interval} milliseconds would be {interval * 1e-3:g} s' if interval < 100 else ''
        raise SegyError(
            f'{layout.path}: a sample interval of {interval} microseconds (bytes 117-118) is not between '
            f'{_SHORTEST_STEP * 1e6:g} and {_LONGEST_STEP * 1e6:g}; the word must be in microseconds{hint}'
        )
    return seconds
