"""What a predicted salt volume holds: how much salt, which bodies, where; as tables, pictures and one summary.

The volume is read slab by slab; a few numbers a trace and a body are held. Files of the report:
``summary.md`` and ``summary.json``, ``lines.csv`` (each inline and crossline), ``bodies.csv``, ``slices.png`` (the
inline, crossline and time or depth slice through the middle of the salt), ``histogram.png`` (of the probability),
``map.png`` (thickness of salt seen from above), and ``report.html``, one page with all of this that can be sent.
"""

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from mmattn.common.files import write_whole, written_whole
from mmattn.seismic.overview import survey_overview
from mmattn.seismic.salt.cleanup import Bodies, ReadSlab, find_bodies
from mmattn.seismic.salt.doubts import probability_doubts, salt_doubts
from mmattn.seismic.salt.report_page import ReportPage, readable
from mmattn.seismic.salt.report_pictures import Slice, save_histogram, save_map, save_slices
from mmattn.seismic.segy.volume import METRES
from mmattn.seismic.volumes.slice_picture import short
from mmattn.seismic.volumes.volume import Volume
from mmattn.version import __version__

_BINS = 100


@dataclass
class SaltCounts:
    """What one pass over a volume counts, over its live traces.

    Args:
        salt: (num_ilines, num_xlines) int64 salt samples of each trace.
        probability: (num_ilines, num_xlines) float64 sum of the probability of each trace.
        by_sample: (num_samples,) int64 salt traces at each sample.
        histogram: (100,) int64 samples by probability, in hundredths.
    """

    salt: np.ndarray
    probability: np.ndarray
    by_sample: np.ndarray
    histogram: np.ndarray


def count_salt(
    shape: tuple[int, int, int], *, live: np.ndarray, read_probability: ReadSlab, read_mask: ReadSlab, step: int
) -> SaltCounts:
    """Counts salt in one pass.

    Args:
        shape: (num_ilines, num_xlines, num_samples).
        live: (num_ilines, num_xlines) bool; other traces do not count.
        read_probability: (start, stop) to the probability of these inlines.
        read_mask: (start, stop) to their mask.
        step: inlines read at a time.
    """
    counts = SaltCounts(
        np.zeros(shape[:2], np.int64), np.zeros(shape[:2]), np.zeros(shape[2], np.int64), np.zeros(_BINS, np.int64)
    )
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        here = live[start:stop]
        probability, salt = read_probability(start, stop), (read_mask(start, stop) != 0) & here[..., None]
        counts.salt[start:stop] = salt.sum(axis=2)
        counts.probability[start:stop] = probability.sum(axis=2, dtype=np.float64) * here
        counts.by_sample += salt.sum(axis=(0, 1))
        for section, alive in zip(probability, here):
            counts.histogram += np.histogram(section[alive], bins=_BINS, range=(0, 1))[0]
    return counts


def write_salt_report(
    folder: str | os.PathLike,
    volume: Volume,
    *,
    live: np.ndarray,
    read_probability: ReadSlab,
    read_mask: ReadSlab,
    step: int = 16,
    threshold: float = 0.5,
    cleaned: Mapping[str, int] | None = None,
    sections: Mapping[str, Mapping[str, object]] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, object]:
    """Writes the report.

    Args:
        folder: made if need be; files of an earlier report are replaced.
        volume: the amplitudes: its geometry and three sections are read.
        live: (num_ilines, num_xlines) bool, traces that are predicted.
        read_probability: (start, stop) to the probability of these inlines, float32.
        read_mask: (start, stop) to their mask, salt where not 0.
        step: inlines read at a time.
        threshold: of the mask.
        cleaned: what the clean-up changed, for the summary.
        sections: names and values by heading for the page: the model, the settings.
        warnings: what else is to be known; those that the result gives rise to come first.

    Returns:
        What ``summary.json`` holds.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts = count_salt(volume.shape, live=live, read_probability=read_probability, read_mask=read_mask, step=step)
    bodies = find_bodies(read_mask, volume.shape, step=step)
    cell = cell_size(volume)
    summary = _summarise(volume, live, counts, bodies, cell, threshold, cleaned)
    summary['warnings'] = [*doubts_of(counts, bodies, live, threshold), *warnings]
    _write_lines(folder / 'lines.csv', volume, live, counts)
    _write_bodies(folder / 'bodies.csv', volume, bodies, cell)
    write_whole(folder / 'summary.json', json.dumps(summary, indent=1, ensure_ascii=False) + '\n')
    write_whole(folder / 'summary.md', _markdown(summary))
    save_histogram(counts.histogram, folder / 'histogram.png', threshold=threshold)
    save_slices(_slices(volume, counts, read_probability, read_mask), folder / 'slices.png')
    if not volume.is_2d:
        unit = volume.sample_unit if volume.sample_unit != 'sample' else 'samples'
        thickness = counts.salt * volume.sample_interval
        save_map(thickness, volume.xlines, volume.ilines, folder / 'map.png', label=f'salt in a trace ({unit})')
    _write_page(folder, volume, summary, sections or {})
    return summary


def doubts_of(counts: SaltCounts, bodies: Bodies, live: np.ndarray, threshold: float) -> list[str]:
    """What about the result should make its reader doubt it."""
    samples = int(np.count_nonzero(live)) * len(counts.by_sample)
    traces = {'live': int(np.count_nonzero(live)), 'with salt': int(np.count_nonzero(counts.salt))}
    share = float(counts.salt.sum()) / samples if samples else 0.0
    return probability_doubts(counts.histogram, threshold) + salt_doubts(share, bodies.voxels, traces)


def _write_page(
    folder: Path, volume: Volume, summary: Mapping[str, object], sections: Mapping[str, Mapping[str, object]]
) -> None:
    overview = survey_overview(volume)
    ReportPage(
        title=f'Predicted salt: {volume.name}',
        subtitle=f'mmattn {__version__}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}',
        warnings=[*summary['warnings'], *overview.doubts],
        survey=overview.lines,
        summary={name: value for name, value in summary.items() if name != 'warnings'},
        pictures={
            'Through the middle of the salt': folder / 'slices.png',
            **({} if volume.is_2d else {'Salt from above': folder / 'map.png'}),
            'Probability': folder / 'histogram.png',
        },
        tables=dict(Bodies=folder / 'bodies.csv'),
        sections=sections,
    ).write(folder / 'report.html')


def cell_size(volume: Volume) -> dict[str, float]:
    """The size of a sample's cell, as far as headers tell.

    Returns:
        ``area_m2``, of a trace, where coordinates and their unit are known; ``volume_m3`` where moreover samples are in
        depth, or ``area_seconds``, square metres times two-way time, where they are in time.
    """
    area = volume.bin_area() if hasattr(volume, 'bin_area') else None
    metres = METRES.get(getattr(volume, 'length_unit', ''))
    if area is None or metres is None:
        return {}
    area *= metres**2
    if volume.sample_unit in METRES:
        return dict(area_m2=area, volume_m3=area * volume.sample_interval * METRES[volume.sample_unit])
    if volume.sample_unit == 'ms':
        return dict(area_m2=area, area_seconds=area * volume.sample_interval / 1000)
    return dict(area_m2=area)


def _summarise(
    volume: Volume,
    live: np.ndarray,
    counts: SaltCounts,
    bodies: Bodies,
    cell: Mapping[str, float],
    threshold: float,
    cleaned: Mapping[str, int] | None,
) -> dict[str, object]:
    cells = int(counts.salt.sum())
    samples = int(np.count_nonzero(live)) * volume.shape[2]
    summary: dict[str, object] = {
        'input': volume.name,
        'inlines, crosslines, samples': list(volume.shape),
        'live traces': int(np.count_nonzero(live)),
        'threshold': threshold,
        'salt cells': cells,
        'share of salt': cells / samples if samples else 0.0,
        'traces with salt': int(np.count_nonzero(counts.salt)),
        'mean probability': float(counts.probability.sum()) / samples if samples else 0.0,
        'bodies': len(bodies),
        'largest body, cells': int(bodies.voxels.max(initial=0)),
    }
    if cell:
        summary['area with salt, km2'] = int(np.count_nonzero(counts.salt)) * cell['area_m2'] / 1e6
    if 'volume_m3' in cell:
        summary['salt volume, m3'] = cells * cell['volume_m3']
        summary['salt volume, km3'] = cells * cell['volume_m3'] / 1e9
    elif 'area_seconds' in cell:
        summary['salt, km2 x s of two-way time'] = cells * cell['area_seconds'] / 1e6
    for key, value in (cleaned or {}).items():
        summary[f'clean-up, {key.replace("_", " ")}'] = value
    return summary


def _write_lines(path: Path, volume: Volume, live: np.ndarray, counts: SaltCounts) -> None:
    """A row for each inline and each crossline."""
    rows = []
    for direction, numbers, axis in (('iline', volume.ilines, 1), ('xline', volume.xlines, 0)):
        traces, with_salt = live.sum(axis=axis), (counts.salt > 0).sum(axis=axis)
        salt, probability = counts.salt.sum(axis=axis), counts.probability.sum(axis=axis)
        for number, *values in zip(numbers, traces, with_salt, salt, probability):
            samples = int(values[0]) * volume.shape[2]
            share, mean = (f'{value / samples:.6f}' if samples else '' for value in values[2:])
            rows.append([direction, int(number), *map(int, values[:3]), share, mean])
    header = ['direction', 'line', 'live_traces', 'traces_with_salt', 'salt_cells', 'salt_share', 'mean_probability']
    _write_table(path, header, rows)


def _write_bodies(path: Path, volume: Volume, bodies: Bodies, cell: Mapping[str, float]) -> None:
    """A row for each body, the largest first."""
    numbers = volume.ilines, volume.xlines, volume.samples
    header = ['body', 'cells', 'first_iline', 'last_iline', 'first_xline', 'last_xline']
    header += [f'first_sample_{volume.sample_unit}', f'last_sample_{volume.sample_unit}', 'reaches_edge']
    header += ['volume_m3'] if 'volume_m3' in cell else []
    rows = []
    for rank, body in enumerate(np.argsort(-bodies.voxels, kind='stable'), 1):
        row = [rank, int(bodies.voxels[body])]
        for axis, values in enumerate(numbers):
            row += [short(values[bodies.first[body, axis]]), short(values[bodies.last[body, axis]])]
        row.append('no' if bodies.inside[body] else 'yes')
        rows.append(row + ([f'{bodies.voxels[body] * cell["volume_m3"]:.6g}'] if 'volume_m3' in cell else []))
    _write_table(path, header, rows)


def _slices(volume: Volume, counts: SaltCounts, read_probability: ReadSlab, read_mask: ReadSlab) -> list[Slice]:
    """The inline, the crossline and the time or depth slice through the middle of the salt."""
    if volume.is_2d:
        chosen = [('iline', 0)]
    else:
        salt = counts.salt.sum(axis=1), counts.salt.sum(axis=0), counts.by_sample
        chosen = [(direction, _middle(total)) for direction, total in zip(('iline', 'xline', 'time'), salt)]
    axes = dict(iline=volume.ilines, xline=volume.xlines, time=volume.samples)
    slices = []
    for direction, index in chosen:
        across, down = dict(iline=('xline', 'time'), xline=('iline', 'time'), time=('xline', 'iline'))[direction]
        amplitude = volume.section(direction, index)
        probability, mask = (_cut(read, volume.shape, direction, index) for read in (read_probability, read_mask))
        turn = direction != 'time'
        slices.append(
            Slice(
                *(array.T if turn else array for array in (amplitude, probability, mask)),
                title=_title(direction, axes[direction][index], volume),
                across=(_axis_label(across, volume), axes[across]),
                down=(_axis_label(down, volume), axes[down]),
            )
        )
    return slices


def _middle(total: np.ndarray) -> int:
    """The line before which half of the salt lies; the middle one where there is none."""
    below = np.cumsum(total)
    return int(np.searchsorted(below, below[-1] / 2)) if below[-1] else len(total) // 2


_LINES = dict(iline='inline', xline='crossline')


def _axis_label(direction: str, volume: Volume) -> str:
    if direction in _LINES:
        return _LINES[direction]
    quantity = {'ms': 'time (ms)', 'sample': 'sample'}
    return quantity.get(volume.sample_unit, f'depth ({volume.sample_unit})')


def _title(direction: str, number: float, volume: Volume) -> str:
    if direction in _LINES:
        return f'{_LINES[direction]} {short(number)}'
    at = short(number)
    return f'sample {at}' if volume.sample_unit == 'sample' else f'slice at {at} {volume.sample_unit}'


def _cut(read: Callable[[int, int], np.ndarray], shape: tuple[int, int, int], direction: str, index: int) -> np.ndarray:
    """One section, (num_traces, num_samples) or (num_ilines, num_xlines), of what is read by inlines."""
    if direction == 'iline':
        return read(index, index + 1)[0]
    place = (slice(None), index) if direction == 'xline' else (slice(None), slice(None), index)
    return np.concatenate([read(iline, iline + 1)[place] for iline in range(shape[0])])


def _markdown(summary: Mapping[str, object]) -> str:
    lines = ['# Predicted salt', '', *(f'- **{text}**' for text in summary['warnings'])]
    lines += ['', '| | |', '|---|---|'] if summary['warnings'] else ['| | |', '|---|---|']
    lines += [f'| {key} | {readable(value)} |' for key, value in summary.items() if key != 'warnings']
    lines += ['', 'Tables: `lines.csv`, `bodies.csv`.', '', '![slices](slices.png)', '', '![histogram](histogram.png)']
    return '\n'.join(lines) + '\n'


def _write_table(path: Path, header: list[str], rows: list[list]) -> None:
    with written_whole(path) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(rows)
