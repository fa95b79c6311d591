"""What a person wants to know about a SEG-Y file."""

import math
import os
import re
import struct
from itertools import product

import numpy as np
import segyio

from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.geometry import line_step
from mmattn.seismic.segy.headers import (
    COORDINATE_SCALAR,
    DEAD,
    INTERVAL,
    NUM_SAMPLES,
    OFFSET,
    TRACE_ID,
    read_words,
)
from mmattn.seismic.segy.layout import Layout, read_layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.remedies import find_remedies
from mmattn.seismic.segy.suggest import suggest_bytes
from mmattn.seismic.segy.text import SIZE, decode_text, text_encoding
from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.segy.words import WORD_SIZES, Word
from mmattn.seismic.volumes.amplitude import sample_traces

PERCENTILES = (50, 90, 95, 99, 99.5, 99.9, 100)
_USUAL_SCALARS = {0, *(sign * 10**power for power in range(5) for sign in (1, -1))}
_NAMES = {int(field): str(field) for field in segyio.TraceField.enums()}


def describe_volume(volume: SegyVolume, *, num_traces: int = 2000) -> dict:
    """Describes a volume, JSON-ready.

    Args:
        volume: an opened SEG-Y file.
        num_traces: how many traces amplitudes are taken from.

    Returns:
        ``file`` (see :func:`describe_layout`), ``geometry``, ``samples``, ``coordinates``, ``amplitudes``,
        ``remarks``, a list of sentences about what is odd, and ``options``, those of ``open_volume`` that would help.
    """
    ilines, xlines = volume.ilines, volume.xlines
    places = volume.trace_index.size
    missing = int(np.count_nonzero(~volume.present))
    geometry = dict(
        kind='2-D line' if volume.is_2d else '3-D volume',
        shape=list(volume.shape),
        inlines=_line_range(ilines, volume.line_words[0]),
        crosslines=_line_range(xlines, volume.line_words[1]),
        traces=volume.num_traces,
        sorting=_sorting(volume),
        missing_traces=missing,
        missing_share=round(missing / places, 4),
        traces_marked_dead=int(np.count_nonzero(volume.present & ~volume.usable)),
    )
    samples = dict(
        count=volume.shape[2],
        interval=volume.sample_interval,
        unit=volume.sample_unit,
        first=float(volume.samples[0]),
        last=float(volume.samples[-1]),
    )
    traces = sample_traces(volume, num_traces=num_traces)
    amplitudes, remedies = _amplitudes(traces), find_remedies(volume, traces)
    coordinates = _coordinates(volume)
    remarks = [*volume.notes, *(one.remark for one in remedies), *_odd_headers(volume, coordinates, amplitudes)]
    options = {name: value for one in reversed(remedies) for name, value in one.options.items()}
    return dict(
        file=describe_layout(volume.layout),
        geometry=geometry,
        samples=samples,
        coordinates=coordinates,
        amplitudes=amplitudes,
        remarks=[*remarks, *_odd_traces(volume, num_traces)],
        options=options,
    )


def describe_layout(layout: Layout) -> dict:
    """Describes what the head of a file tells, JSON-ready."""
    with open(layout.path, 'rb') as file:
        text = file.read(SIZE)
    lines = decode_text(text)
    return dict(
        path=layout.path,
        size=layout.file_size,
        revision=layout.revision,
        format=f'{layout.format.code} ({layout.format.name})',
        byte_order='big endian' if layout.endian == '>' else 'little endian',
        text_encoding='EBCDIC' if text_encoding(text) == 'cp037' else 'ASCII',
        traces=layout.num_traces,
        samples=layout.num_samples,
        extended_text_headers=layout.num_extended,
        text=[line for line in lines if not re.fullmatch(r'C?\s*\d{0,2}\s*', line)],
    )


def describe_unusable(path: str | os.PathLike, error: SegyError, **options: object) -> dict:
    """Describes as much as can be told of a file that does not open as a volume.

    Args:
        path: of the file.
        error: why it does not open.
        options: of :func:`read_layout`.

    Returns:
        JSON-ready: ``error``, and where the head can be read ``file``, ``suggestions`` (byte positions that form
        a grid) and ``headers`` (the words that vary, see :func:`describe_headers`).
    """
    found = dict(error=str(error))
    try:
        layout = read_layout(path, **options)
    except SegyError:
        return found
    offset = read_words(layout, dict(word=OFFSET))['word']
    suggestions = [  # gathers form grids too, of shots and channels
        dict(iline=one.iline, xline=one.xline, shape=list(one.shape), fill=round(one.fill, 4))
        for one in (suggest_bytes(layout) if offset.min() == offset.max() else [])
    ]
    return found | dict(file=describe_layout(layout), suggestions=suggestions, headers=describe_headers(layout))


def describe_headers(layout: Layout) -> list[dict]:
    """Lists the trace header words that vary: byte, name, lowest and highest value and how many there are."""
    found = []
    for byte in WORD_SIZES:  # one at a time, for files of many traces
        values = read_words(layout, dict(word=byte))['word']
        low, high = int(values.min()), int(values.max())
        if low != high:
            distinct = len(np.unique(values))
            found.append(dict(byte=byte, name=_NAMES.get(byte, ''), lowest=low, highest=high, distinct=distinct))
    return found


def _line_range(lines: np.ndarray, word: Word) -> dict:
    step = line_step(lines)
    return dict(first=int(lines[0]), last=int(lines[-1]), count=len(lines), step=step, byte=word.option)


def _sorting(volume: SegyVolume) -> str:
    """In which order the traces come: line after line, of rising or falling numbers."""
    places = np.nonzero(volume.present)
    order = np.argsort(volume.trace_index[places])
    for name, lines, along in zip(('by inline', 'by crossline'), places, places[::-1]):
        line_steps, steps = np.diff(lines[order]), np.diff(along[order])
        inside = steps[line_steps == 0]
        rising = [(one >= 0).all() or (one <= 0).all() for one in (line_steps, inside)]
        if all(rising):
            return name
    return 'by neither line'


def _coordinates(volume: SegyVolume) -> dict:
    """Corners and spacing."""
    x, y = volume.coordinates()
    corners = []
    rows, columns = ({0, count - 1} for count in volume.shape[:2])
    for row, column in product(sorted(rows), sorted(columns)):
        position = dict(inline=int(volume.ilines[row]), crossline=int(volume.xlines[column]))
        there = bool(volume.present[row, column])
        place = {
            name: round(float(values[row, column]), 4) if there else None for name, values in dict(x=x, y=y).items()
        }
        corners.append(position | place)
    size = volume.bin_size()
    return dict(
        bytes=[word.option for word in volume.coordinate_words],
        scalar=_scalar(volume),
        unit=volume.coordinate_unit,
        corners=corners,
        inline_spacing=None if size is None else round(size[0], 3),
        crossline_spacing=None if size is None else round(size[1], 3),
        bin_area=None if size is None else round(volume.bin_area(), 3),
    )


def _scalar(volume: SegyVolume) -> int:
    """The scalar of the first trace, as given or as the headers have it."""
    given = volume.coordinate_scalar
    return int(volume.header(COORDINATE_SCALAR)[0]) if given is None else given


def _amplitudes(values: np.ndarray) -> dict | None:
    """Percentiles of |amplitude| over a sample of live traces; None if there is none."""
    if not values.size:
        return None
    absolute = np.abs(values)
    percentiles = {f'{p:g}': float(v) for p, v in zip(PERCENTILES, np.percentile(absolute, PERCENTILES))}
    return dict(
        traces=len(values),
        lowest=float(values.min()),
        highest=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
        rms=math.sqrt(float(np.square(values, dtype=np.float64).mean())),
        zeros=round(float((values == 0).mean()), 4),
        at_the_peak=round(float((absolute == absolute.max()).mean()), 6),
        absolute_percentiles=percentiles,
    )


def _odd_traces(volume: SegyVolume, num_traces: int) -> list[str]:
    """Sentences about traces, evenly spread over the file, that are zero or hold what is no number."""
    layout = volume.layout
    chosen = np.unique(np.linspace(0, layout.num_traces - 1, num_traces).astype(np.int64))
    samples = np.empty((len(chosen), layout.num_samples), np.float32)
    reader = TraceReader(layout)
    bad = reader.read(chosen, samples)
    reader.close()
    dead = len(chosen) - np.count_nonzero(samples.any(axis=1))
    among = f'of {len(chosen)} traces' + (f' out of {layout.num_traces}' if len(chosen) < layout.num_traces else '')
    said = [f'{among}, {dead} are dead: no finite sample besides 0'] if dead else []
    return said + ([f'{among}, {bad} samples are NaN or infinite: they are read as 0'] if bad else [])


def _odd_headers(volume: SegyVolume, coordinates: dict, amplitudes: dict | None) -> list[str]:
    """Sentences about headers and amplitudes that deserve a look."""
    layout = volume.layout
    words = dict(
        samples=NUM_SAMPLES, interval=INTERVAL, identification=TRACE_ID, offset=OFFSET, scalar=COORDINATE_SCALAR
    )
    words = read_words(layout, words)
    remarks = []
    wrong = np.count_nonzero(((words['samples'] & 0xFFFF) != (layout.num_samples & 0xFFFF)) & (words['samples'] != 0))
    if wrong:
        remarks.append(f'{wrong} trace headers (bytes 115-116) give another number of samples than the file has')
    binary = struct.unpack(layout.endian + 'H', volume.read_bytes(3216, 2))[0]
    wrong = np.count_nonzero(((words['interval'] & 0xFFFF) != binary) & (words['interval'] != 0))
    if wrong:
        remarks.append(f'{wrong} trace headers (bytes 117-118) give another sample interval than the binary header')
    others = np.setdiff1d(words['identification'], [0, 1, DEAD])
    if others.size:
        remarks.append(f'trace identification codes (bytes 29-30) besides 1 and 2: {others[:5].tolist()}')
    if words['offset'].min() != words['offset'].max():
        remarks.append(
            f'the offset (bytes 37-40) varies from {words["offset"].min()} to {words["offset"].max()}: is it stacked?'
        )
    scalars = np.unique(words['scalar']).tolist()
    unusual = sorted(set(scalars) - _USUAL_SCALARS)
    if unusual and volume.coordinate_scalar is None:
        remarks.append(f'coordinate scalars (bytes 71-72) that are no power of ten: {unusual[:5]}')
    x, y = volume.coordinates()
    if not (np.nan_to_num(x).any() or np.nan_to_num(y).any()):
        remarks.append('no coordinates: bytes {}- and {}- are zero'.format(*coordinates['bytes']))
    elif volume.has_angles:
        remarks.append(
            f'coordinates are angles ({coordinates["unit"]}; bytes 89-90): no spacing and no area; coordinate_unit=… '
            '(--coordinate-unit) says if they are not'
        )
    elif coordinates['inline_spacing'] is None and not volume.is_2d:
        remarks.append('coordinates do not differ from line to line')
    elif not coordinates['unit']:
        remarks.append(
            "no header says the unit of the coordinates: coordinate_unit='m' or 'ft' (--coordinate-unit) does"
        )
    has_floats = any(word.is_float for word in volume.coordinate_words)
    if has_floats and volume.coordinate_scalar is None and set(scalars) - {0, 1}:
        remarks.append(
            f'coordinates are floats and scaled by bytes 71-72 ({scalars[0]}): coordinate_scalar=1 '
            '(--coordinate-scalar 1) takes them as they are'
        )
    if layout.format.code == 5 and layout.revision == 0:
        remarks.append('IEEE floats, which revision 0 does not know')
    if amplitudes is None:
        remarks.append('no live trace in the sample')
    elif amplitudes['at_the_peak'] > max(0.001, 10 / volume.shape[2] / amplitudes['traces']):
        remarks.append(f'{amplitudes["at_the_peak"]:.2%} of the samples have the largest |amplitude|: clipped?')
    return remarks
