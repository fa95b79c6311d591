"""What looks wrong about a SEG-Y file and which options of reading would mend it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.float_words import look_of_floats
from mmattn.seismic.segy.formats import IBM_FLOAT, IEEE_FLOAT
from mmattn.seismic.segy.layout import LAYOUT_OPTIONS, Layout, read_layout
from mmattn.seismic.segy.reading import TraceReader
from mmattn.seismic.segy.suggest import suggest_bytes
from mmattn.seismic.segy.volume import LENGTHS, SegyVolume
from mmattn.seismic.volumes.fill_values import describe_fill_values, find_fill_values

_OTHER_DEPTHS = re.compile(
    r'TIME *(/|OR|AND|,) *DEPTH|DEPTH *(/|OR|AND|,) *TIME'
    r'|(WATER|SOURCE|SHOT|GUN|AIRGUN|CABLE|STREAMER|HYDROPHONE|CHARGE|RECEIVER|GROUP|HOLE|UPHOLE|TOW|TOWING) DEPTHS?'
)
_VELOCITIES = 1000, 8000  # m/s
_BINS = 1.0, 500.0  # spacing of a survey, in metres or feet
_SCALARS = (1, -10, -100, -1000, 10, 100)
_UNSIGNED = {10: 1 << 31, 11: 1 << 15, 16: 1 << 7}
"""Codes of unsigned samples, and the middle of their range."""
_EMPTY, _SPARSE, _FULL = 0.1, 0.5, 0.9
_FEW_TRACES = 200
_ONE_AS_FLOAT = 0x3F800000


class Remedy(NamedTuple):
    """A sentence on what looks wrong, and the options of ``open_volume`` that mend it; {} where none can."""

    remark: str
    options: dict


def find_remedies(volume: SegyVolume, traces: np.ndarray) -> list[Remedy]:
    """Looks at an opened volume.

    Args:
        volume: to look at.
        traces: a sample of its live traces, (n, num_samples) float32.
    """
    looks = (_look_at_lines, _look_at_floats, _look_at_signs, _look_at_grid, _look_at_depth, _look_at_bins)
    found = [remedy for look in looks if (remedy := look(volume, traces))]
    fills = [] if volume.null_value == () else find_fill_values(traces)
    if fills:
        values = [float(str(np.float32(one.value))) for one in fills]
        found.append(Remedy(describe_fill_values(volume.name, fills), dict(null_value=values)))
    return found


def _look_at_floats(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """IBM floats called IEEE, or the reverse."""
    code = volume.layout.format.code
    if code not in (IBM_FLOAT, IEEE_FLOAT):
        return None
    looks = look_of_floats(_stored(volume.layout), volume.layout)
    return Remedy(looks, dict(format=IEEE_FLOAT + IBM_FLOAT - code)) if looks else None


def _look_at_lines(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """Line numbers that are the bits of floats."""
    options = _float_lines(volume)
    if not options:
        return None
    named = ', '.join(f'{name}={value!r} (--{name} {value})' for name, value in options.items())
    return Remedy(
        f'line numbers from {_ONE_AS_FLOAT} on are the bits of floats that hold whole numbers: {named}', options
    )


def _float_lines(volume: SegyVolume) -> dict[str, str]:
    """Options that read line numbers as floats, where as integers they are all as large as the bits of 1.0 and more."""
    named = dict(iline=volume.line_words[0], xline=volume.line_words[1])
    if volume.is_2d or any(word.kind != 'int32' for word in named.values()):
        return {}
    for kind in ('float32', 'ibm'):
        options = {}
        for name, word in named.items():
            if int(volume.header(word.byte).min()) < _ONE_AS_FLOAT:
                return {}
            values = volume.header(f'{word.byte}:{kind}')
            if np.array_equal(values, np.rint(values)) and values.max() < 1 << 24:
                options[name] = f'{word.byte}:{kind}'
        if len(options) == len(named):
            return options
    return {}


def _look_at_signs(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """Samples without a sign: a velocity, or integers whose zero lies elsewhere."""
    code, moving = volume.layout.format.code, traces[traces != 0]
    if moving.size < 64:
        return None
    if code == 8 and (moving < 0).any() and np.mean(np.abs(moving) < 32) < 0.02:
        shifted = moving + np.where(moving < 0, 128, -128)
        if np.median(np.abs(shifted)) < np.median(np.abs(moving)) / 2:
            return Remedy(
                'the signed 8-bit samples lie near the ends of their range, as unsigned ones with zero at 128 do: '
                'subtract 128 from the stored bytes and write them as signed',
                {},
            )
    if code == 16:
        signed = np.where(moving > 127, moving - 256, moving)
        if (signed < 0).any() and np.mean((moving > 64) & (moving < 192)) < 0.05:
            return Remedy(
                'the unsigned 8-bit samples lie near 0 and 255, as signed ones do: is it format=8 (--format 8)?',
                dict(format=8),
            )
    middle = _UNSIGNED.get(code)
    if middle and abs(float(moving.mean()) - middle) < middle / 8 and moving.min() < middle < moving.max():
        return Remedy(
            f'the samples look unsigned, with zero at {middle}: zero amplitude must be 0, so subtract {middle} and '
            'write them as signed',
            {},
        )
    if moving.min() >= _VELOCITIES[0] and moving.max() <= _VELOCITIES[1] and moving.min() < moving.max():
        return Remedy(
            f'all samples lie from {moving.min():.6g} to {moving.max():.6g} without a change of sign: a velocity, not '
            'amplitudes?',
            {},
        )
    return None


def _look_at_grid(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """A grid that is nearly empty, where other words form a full one or the traces are a line."""
    fill = float(volume.present.mean())
    if volume.is_2d or fill >= _SPARSE:
        return None
    found = [one for one in suggest_bytes(volume.layout) if one.fill >= _FULL and min(one.shape) > 2]
    if found:
        return Remedy(
            f'{1 - fill:.1%} of the places have no trace; these bytes form a fuller grid: {found[0]}',
            dict(iline=found[0].iline, xline=found[0].xline),
        )
    if fill < _EMPTY:
        return Remedy(
            f"{1 - fill:.1%} of the places have no trace: a single line? geometry='2d' (--geometry 2d) takes the "
            'traces as one',
            dict(geometry='2d'),
        )
    return None


def _look_at_depth(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """A textual header that says that samples are in depth; the words of templates and of acquisition do not."""
    if volume.sample_unit != 'ms' or not any(map(_speaks_of_depth, volume.text)):
        return None
    unit = volume.length_unit or 'm'
    return Remedy("the textual header speaks of depth: is sample_unit 'm' or 'ft'?", dict(sample_unit=unit))


def _speaks_of_depth(line: str) -> bool:
    return bool(re.search(r'\bDEPTH\b', _OTHER_DEPTHS.sub(' ', line.upper()))) and 'BYTE' not in line.upper()


def _look_at_bins(volume: SegyVolume, traces: np.ndarray) -> Remedy | None:
    """Bins that are far larger or smaller than those of surveys, which another scalar would mend."""
    if volume.coordinate_scalar is not None or volume.coordinate_unit not in ('', *LENGTHS.values()):
        return None
    sizes = volume.bin_size()
    if sizes is None or (_BINS[0] <= min(sizes) and max(sizes) <= _BINS[1]):
        return None
    plain = np.array(sizes) / volume.usual_factor
    for scalar in _SCALARS:
        scaled = plain * (scalar if scalar > 0 else -1 / scalar)
        if scaled.min() >= 3 and scaled.max() <= 200:
            return Remedy(
                f'bins of {sizes[0]:.6g} x {sizes[1]:.6g} are unusual: is the scalar of the coordinates (bytes 71-72) '
                f'wrong? coordinate_scalar={scalar} (--coordinate-scalar {scalar}) makes them {scaled[0]:.6g} x '
                f'{scaled[1]:.6g}',
                dict(coordinate_scalar=scalar),
            )
    return None


def _stored(layout: Layout) -> np.ndarray:
    """Samples as stored, of traces evenly spread over the file."""
    reader = TraceReader(layout)
    chosen = np.unique(np.linspace(0, layout.num_traces - 1, _FEW_TRACES).astype(np.int64))
    try:
        return np.concatenate([reader.read_raw(int(at), 1)['samples'][0] for at in chosen])
    finally:
        reader.close()


def find_opening(
    path: str | os.PathLike,
    error: SegyError,
    given: Mapping[str, object],
    open_file: Callable[..., SegyVolume],
) -> dict[str, object]:
    """Tries options with which a file would open that does not.

    Args:
        path: of the file.
        error: why it does not open.
        given: the options that it was opened with.
        open_file: opens it, with options.

    Returns:
        Options to add, as few as do; {} if none of those tried do, or the file holds gathers.
    """
    if 'gathers' in str(error):
        return {}
    for head in _head_options(given):
        for traces in _trace_options(path, {**given, **head}):
            options = head | traces
            if options:
                try:
                    with open_file(path, **{**given, **options}) as volume:
                        return options | _float_lines(volume)
                except SegyError:
                    continue
    return {}


def _head_options(given: Mapping[str, object]) -> Iterator[dict]:
    """What may be wrong about the head of a file."""
    formats = [{}] if given.get('format') else [{}, dict(format=IEEE_FLOAT), dict(format=IBM_FLOAT)]
    for cut, known in product([{}, dict(allow_truncated=True)], formats):
        yield known | cut


def _trace_options(path: str | os.PathLike, options: Mapping[str, object]) -> Iterator[dict]:
    """What may be wrong about the reading of the trace headers, if the head can be read."""
    try:
        layout = read_layout(path, **{name: options[name] for name in LAYOUT_OPTIONS if name in options})
    except SegyError:
        return
    if options.get('format') and look_of_floats(_stored(layout), layout):
        return  # the other kind of floats is tried, too
    yield {}
    for one in suggest_bytes(layout):
        if min(one.shape) > 1:
            yield dict(iline=one.iline, xline=one.xline)
    yield dict(geometry='2d')
