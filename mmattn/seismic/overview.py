"""What a survey is, in one block of text, and what about it looks wrong."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mmattn.seismic.segy.report import describe_volume
from mmattn.seismic.segy.volume import ANGLES, METRES, SegyVolume
from mmattn.seismic.volumes.amplitude import drawn_places, sample_traces
from mmattn.seismic.volumes.fill_search import FillSearch
from mmattn.seismic.volumes.fill_values import LOOKS_LIKE_FILL, describe_fill_values, find_fill_values
from mmattn.seismic.volumes.volume import Volume

_FEW_VALUES = 4
_FEW_SAMPLES = 64  # below, a count of values says nothing
_MOST_MISSING = 0.9
_LONG_TAIL = 1e5
_TAILS = (50, 99, 99.9, 100)


class Overview(NamedTuple):
    """What a survey is.

    Args:
        lines: of text, for people.
        doubts: what looks wrong, each with what mends it.
        fill_values: what looks like a fill value in live traces.
    """

    lines: tuple[str, ...]
    doubts: tuple[str, ...]
    fill_values: tuple[float, ...]

    def __str__(self) -> str:
        return '\n'.join([*self.lines, *(f'  looks wrong   {doubt}' for doubt in self.doubts)])


def survey_overview(
    volume: Volume,
    *,
    percentile: float = 99.5,
    num_traces: int = 2000,
    whole: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Overview:
    """Describes a volume of amplitudes: grid, spacing, area, dead traces, fill values, clip, tails, suspicious headers.

    Args:
        volume: of amplitudes.
        percentile: of |amplitude|, of the clip.
        num_traces: how many live traces are looked at; of SEG-Y files as many of all traces.
        whole: whether all traces are read in search of fill values.
        progress: of that, called with the traces done and their total.
    """
    traces = sample_traces(volume, num_traces=num_traces)
    fill = find_fill_values(traces) if volume.null_value != () else []
    if whole and volume.null_value != ():
        everywhere = volume.scan(progress, FillSearch(traces)).fill_values
        known = {one.value for one in everywhere}
        fill = [*everywhere, *(one for one in fill if one.value not in known)]
    described = describe_volume(volume, num_traces=num_traces) if isinstance(volume, SegyVolume) else {}
    amplitudes = np.abs(traces[~np.isin(traces, [one.value for one in fill])]) if fill else np.abs(traces.ravel())
    doubts = [describe_fill_values(volume.name, fill)] if fill else []
    doubts += _odd_amplitudes(traces, amplitudes, percentile) + _odd_grid(volume)
    rows = dict(
        grid=_grid(volume),
        samples=_samples(volume),
        spacing=_spacing(volume, described),
        traces=_traces(volume),
        fill=', '.join(f'{np.float32(one.value)!s} ({one.share:.2%})' for one in fill)
        or _null_words(volume, len(traces) if num_traces == len(traces) and not whole else None),
        clip=_clip(amplitudes, percentile),
        tails=_tails(amplitudes),
    )
    names = dict(fill='fill values')
    lines = [f'survey: {volume.path or "array in memory"}']
    lines += [f'  {names.get(name, name):13} {words}' for name, words in rows.items()]
    remarks = [one for one in described.get('remarks', volume.notes) if LOOKS_LIKE_FILL not in one]  # a doubt
    remarks = [f'note: {remark}' for remark in remarks] or ['nothing odd']
    lines += [f'  {"" if number else "headers":13} {remark}' for number, remark in enumerate(remarks)]
    return Overview(tuple(lines), tuple(doubts), tuple(one.value for one in fill))


def odd_clip(volume: Volume, clip: float, source: str, *, factor: float = 100.0) -> list[str]:
    """A doubt about a clip that is far from what the survey's amplitudes are.

    Args:
        volume: of amplitudes.
        clip: to be used.
        source: where it comes from, in words.
        factor: how many times it may exceed, or fall below, the 99.5th percentile of |amplitude|.
    """
    amplitudes = np.abs(sample_traces(volume))
    usual = float(np.percentile(amplitudes, 99.5)) if amplitudes.size else 0.0
    if not usual or usual / factor <= clip <= usual * factor:
        return []
    return [
        f'the clip {clip:.6g} ({source}) is {clip / usual:.3g} times the 99.5th percentile of |amplitude|, {usual:.6g}'
        ": nearly all would be grey, or black and white; clip='survey' (--clip survey) takes the survey's own"
    ]


def _odd_amplitudes(traces: np.ndarray, amplitudes: np.ndarray, percentile: float) -> list[str]:
    """Doubts about the values of live traces."""
    if not amplitudes.size:
        return []
    said = []
    distinct = np.unique(traces[:, :: max(1, traces.shape[1] // 256)])
    if len(distinct) <= _FEW_VALUES and traces.size >= _FEW_SAMPLES and len(np.unique(traces)) <= _FEW_VALUES:
        values = ', '.join(f'{value:g}' for value in np.unique(traces))
        return [f'its samples have the values {values} alone: a label or a mask in place of amplitudes?']
    moving = traces[traces != 0]
    signs = float((moving < 0).mean()) if moving.size else 0.5
    if moving.size >= _FEW_SAMPLES and not 0.001 < signs < 0.999:
        which = 'below' if signs < 0.5 else 'above'
        said.append(
            f'no amplitude lies {which} zero (mean {traces.mean():.4g}): a velocity, probability or envelope, or '
            'unsigned samples with zero in the middle? Zero amplitude must be 0'
        )
    usual = float(np.percentile(amplitudes, percentile))
    largest = float(amplitudes.max())
    if usual > 0 and largest > _LONG_TAIL * usual:
        said.append(
            f'the largest |amplitude| {largest:.4g} is {largest / usual:.2g} times the {percentile:g}th '
            'percentile: spikes, or samples read in the wrong format?'
        )
    return said


def _odd_grid(volume: Volume) -> list[str]:
    share = 1 - float(volume.present.mean())
    if share > _MOST_MISSING:
        return [
            f'{share:.1%} of the {volume.present.size} places have no trace: a single line, or other header bytes? '
            "geometry='2d' (--geometry 2d), or iline and xline, may mend it"
        ]
    return []


def _grid(volume: Volume) -> str:
    shape = ' x '.join(map(str, volume.shape))
    if volume.is_2d:
        return f'{shape}, a line of {volume.shape[1]} traces'
    lines = [
        f'{name} {numbers[0]} to {numbers[-1]}'
        for name, numbers in (('inlines', volume.ilines), ('crosslines', volume.xlines))
    ]
    return f'{shape}, {", ".join(lines)}{"" if volume.is_numbered else " (counted)"}'


def _samples(volume: Volume) -> str:
    unit = volume.sample_unit
    if unit == 'sample':
        return f'{volume.shape[2]}, interval not known'
    return f'{volume.samples[0]:g} to {volume.samples[-1]:g} {unit} every {volume.sample_interval:g} {unit}'


def _spacing(volume: Volume, described: dict) -> str:
    found = described.get('coordinates', {})
    sizes = found.get('inline_spacing'), found.get('crossline_spacing')
    unit = found.get('unit') or 'units'
    if None in sizes:
        if unit in ANGLES.values():
            return f'not known: coordinates are angles ({unit})'
        return 'not known: no coordinates' if described else 'not known: an array'
    area = found.get('bin_area') or sizes[0] * sizes[1]
    total = area * np.count_nonzero(volume.present)
    metres = METRES.get(unit)
    shown = f'{total * metres**2 / 1e6:.4g} km2' if metres else f'{total:.4g} {unit}2'
    return f'{sizes[0]:g} {unit} from inline to inline, {sizes[1]:g} {unit} from crossline to crossline; area {shown}'


def _traces(volume: Volume) -> str:
    present, places = np.count_nonzero(volume.present), volume.present.size
    rows, columns = next(drawn_places(volume.usable, 2000, seed=1), (np.empty(0, int),) * 2)
    samples = volume.traces(rows, columns)
    constant = samples[(samples == samples[:, :1]).all(axis=1), 0] if len(samples) else np.empty(0)
    words = [f'{present} on {places} places', f'{present - np.count_nonzero(volume.usable)} marked dead']
    among = f'of {len(rows)} looked at ' if len(rows) < present else ''
    words.append(f'{among}{np.count_nonzero(constant == 0)} are zero throughout')
    values, counts = np.unique(constant[constant != 0], return_counts=True)
    words += [f'{count} hold {np.float32(value)!s} throughout' for value, count in zip(values[:3], counts[:3])]
    return ', '.join(words)


def _null_words(volume: Volume, looked_at: int | None) -> str:
    """``looked_at`` is how many traces of more were looked at; None where these were all."""
    if volume.null_value == ():
        return 'none, as given'
    some = looked_at is not None and looked_at < np.count_nonzero(volume.usable)
    among = f' in {looked_at} live traces looked at' if some else ''
    if volume.null_value:
        return f'none left{among}; {", ".join(f"{one:g}" for one in volume.null_value)} read as no data'
    return f'none{among}'


def _clip(amplitudes: np.ndarray, percentile: float) -> str:
    if not amplitudes.size:
        return 'none: no live trace'
    return f'{np.percentile(amplitudes, percentile):.6g}, the {percentile:g}th percentile of |amplitude|'


def _tails(amplitudes: np.ndarray, percentiles: Sequence[float] = _TAILS) -> str:
    if not amplitudes.size:
        return 'none'
    found = np.percentile(amplitudes, percentiles)
    words = [f'{p:g} % {value:.4g}' for p, value in zip(percentiles, found)]
    return f'|amplitude| {", ".join(words)}; {(amplitudes >= found[-1]).mean():.3%} at the largest'
