"""The files of top and base of salt."""

import csv

import numpy as np

from mmattn.common.files import written_whole
from mmattn.seismic.export.grids import (
    Surface,
    describe_surface,
    write_geotiff,
    write_irap,
    write_line_columns,
    write_xyz,
    write_zmap,
)
from mmattn.seismic.export.horizons import SURFACES, Horizons, find_horizons
from mmattn.seismic.export.work import HORIZON_FORMATS, Work


def write_horizons(work: Work) -> dict[str, object]:
    """Writes top and base in all formats that are asked for, ``horizons.csv`` and ``overhangs.csv``.

    Returns:
        What the summary says of them.
    """
    horizons = _find(work)
    grid, options = work.geometry, work.options
    report: dict[str, object] = {}
    for name in SURFACES:
        z = horizons.surface(name)
        surface = Surface(z, grid.ilines, grid.xlines, work.x, work.y, f'{name} of salt', grid.sample_unit)
        report[name] = describe_surface(surface) | dict(files=_write_surface(work, surface, name))
        if horizons.interval(name) is not None and np.isfinite(z).any():
            low, high = horizons.interval(name)
            report[name]['mean width of the interval'] = float(np.nanmean(high - low))
    _write_table(work, horizons)
    several = int(np.count_nonzero(horizons.runs > 1))
    report['traces with salt'] = int(np.count_nonzero(horizons.runs))
    report['traces that enter salt more than once'] = several
    report['traces whose salt reaches the first sample'] = int(np.count_nonzero(horizons.cut[0]))
    report['traces whose salt reaches the last sample'] = int(np.count_nonzero(horizons.cut[1]))
    if several:
        work.notes.append(
            f'{several} traces enter salt more than once: top and base are the first and last crossing, all crossings '
            'are in overhangs.csv'
        )
    if horizons.cut.any():
        work.notes.append('salt reaches the first or last sample: there top or base is the end of the trace')
    if work.std is None:
        work.notes.append('no standard deviation was given: top and base have no interval')
    else:
        report['standard deviations of the intervals'] = options.factor
        report['margins of the intervals'] = dict(zip(SURFACES, options.margins))
    return report


def _write_surface(work: Work, surface: Surface, name: str) -> list[str]:
    files = []
    for form in work.options.horizons:
        path = work.folder / f'{name}{HORIZON_FORMATS[form]}'
        if form == 'xyz':
            write_xyz(surface, path)
        elif form == 'lines':
            write_line_columns(surface, path)
        elif work.survey is None or 1 in surface.z.shape:
            work.note(f'{form}: a line is no grid')
            continue
        elif form == 'zmap':
            write_zmap(surface, work.survey, path)
        elif form == 'irap' and not write_irap(surface, work.survey, path):
            work.note('irap: lines are unevenly numbered or do not cross at right angles')
            continue
        elif form == 'geotiff' and not write_geotiff(surface, work.survey, path):
            work.note('geotiff: tifffile is not installed, or lines are unevenly numbered')
            continue
        files.append(path.name)
    return files


def _write_table(work: Work, horizons: Horizons) -> None:
    """``horizons.csv``, a row for each trace with salt, and ``overhangs.csv``, one for each run of several."""
    unit = work.geometry.sample_unit
    header = ['iline', 'xline', 'x', 'y', f'top_{unit}', f'base_{unit}', f'thickness_{unit}', 'runs']
    header += ['top_is_first_sample', 'base_is_last_sample']
    columns = [horizons.top, horizons.base, horizons.base - horizons.top]
    ranges = [] if horizons.top_range is None else [*horizons.top_range, *horizons.base_range]
    names = [f'{name}_{end}_{unit}' for name in SURFACES for end in ('shallow', 'deep')]
    with written_whole(work.folder / 'horizons.csv') as temporary, open(temporary, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header + names[: len(ranges)])
        for at in zip(*np.nonzero(horizons.runs)):
            row = [*_place(work, *at), *(f'{values[at]:.4f}' for values in columns), int(horizons.runs[at])]
            row += ['yes' if cut[at] else 'no' for cut in horizons.cut]
            writer.writerow(row + [f'{values[at]:.4f}' for values in ranges])
    with written_whole(work.folder / 'overhangs.csv') as temporary, open(temporary, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['iline', 'xline', 'x', 'y', 'run', f'top_{unit}', f'base_{unit}'])
        number, last = 0, None
        for run in horizons.several:
            number = number + 1 if (run.row, run.column) == last else 1
            last = run.row, run.column
            writer.writerow([*_place(work, *last), number, f'{run.top:.4f}', f'{run.base:.4f}'])


def _place(work: Work, row: int, column: int) -> list[object]:
    lines = [int(work.geometry.ilines[row]), int(work.geometry.xlines[column])]
    return [*lines, *(f'{values[row, column]:.3f}' for values in (work.x, work.y))]


def _find(work: Work) -> Horizons:
    """Top and base with their intervals."""
    options, shape = work.options, work.volume.shape

    def read(start: int, stop: int) -> np.ndarray:
        work.progress('horizons', stop, shape[0])
        return work.read(start, stop)

    read_std = None if work.std is None else (lambda start, stop: work.std.slab('iline', start, stop))
    given = dict(threshold=options.threshold, read_std=read_std, step=work.step)
    wide = dict(factor=options.factor, margins=options.margins)
    return find_horizons(read, work.geometry.samples, shape, **wide, **given)
