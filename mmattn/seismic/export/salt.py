"""Writes everything that an interpretation system takes of a predicted salt volume."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from mmattn.common.files import write_whole
from mmattn.seismic.export.bodies import write_bodies
from mmattn.seismic.export.calibration import calibrate, labelled_traces, parts_of_lines
from mmattn.seismic.export.horizon_tables import write_horizons
from mmattn.seismic.export.horizons import SURFACES
from mmattn.seismic.export.polygons import write_polygons
from mmattn.seismic.export.work import ExportOptions, Work
from mmattn.seismic.volumes.grids import check_grid
from mmattn.seismic.volumes.volume import Volume

_CALIBRATED = 10_000  # traces, of all parts


def export_salt(
    volume: Volume,
    folder: str | os.PathLike,
    *,
    std: Volume | None = None,
    geometry: Volume | None = None,
    label: Volume | None = None,
    coverage: float = 0.9,
    options: ExportOptions | None = None,
    about: Mapping[str, object] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, object]:
    """Writes top and base, bodies, polygons and tables of a predicted salt volume into a folder.

    Args:
        volume: probability of salt, or a mask of 0 and 1.
        folder: made if need be; files of the same names are replaced.
        std: standard deviation of the probability on the same grid, from which top and base get intervals.
        geometry: SEG-Y file of the same grid whose headers have the coordinates, and line numbers and samples for an
            array without; the volume itself by default.
        label: 1 where salt is known, on the same grid. It decides by what margins the intervals are wider than
            ``options.factor`` standard deviations, in place of ``options.margins``; what they hold is told of five
            parts of the survey, blocks of eight inlines in turns, each with what the four others decide.
        coverage: share of the labelled tops, and bases, that intervals shall hold.
        options: of what is written.
        about: what else the summary is to say, by name.
        progress: called with what is done, how far and out of how much.

    Returns:
        What ``summary.json`` holds.

    Raises:
        ValueError: if the grids differ, or a label is given without a standard deviation.
    """
    options = options or ExportOptions()
    if label is not None and std is None:
        raise ValueError('a label calibrates the intervals of a standard deviation: give std')
    for name, other in (('std', std), ('label', label), ('geometry', geometry)):
        if other is not None:
            check_grid(name, other, volume)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(volume, geometry or volume, std, folder, options, progress or (lambda *_: None))
    bodies, left_out = work.find_bodies()
    about = dict(about or {})
    if label is not None:
        about['calibration'] = _calibrate(work, label, coverage)
    summary = dict(
        input=volume.name,
        threshold=options.threshold,
        unit_of_x_and_y=work.units[0] or 'unknown',
        unit_of_z=work.units[1],
        z='positive downwards in horizons, tables, polygons and TSurf; upwards (minus) in OBJ, PLY and VTK',
        **about,
    )
    summary |= write_horizons(work)
    summary['bodies'] = write_bodies(work, bodies) | dict(left_out=left_out)
    summary['polygons'] = _write_sections(work)
    if work.survey is not None and work.survey.unit != 'lines':
        survey = work.survey
        summary['map'] = dict(
            origin=survey.origin.tolist(),
            per_inline=survey.per_iline.tolist(),
            per_crossline=survey.per_xline.tolist(),
            largest_distance_of_headers=survey.scatter,
        )
    summary['notes'] = work.notes
    write_whole(folder / 'summary.json', json.dumps(summary, indent=1, ensure_ascii=False) + '\n')
    return summary


def _calibrate(work: Work, label: Volume, coverage: float) -> dict[str, dict[str, object]]:
    """Sets the margins of top and base, and tells what intervals hold on lines that did not decide theirs."""
    readers = work.read, *(lambda start, stop, one=one: one.slab('iline', start, stop) for one in (work.std, label))
    lines = parts_of_lines(work.volume.shape[0])
    given = dict(threshold=work.options.threshold, most=_CALIBRATED // len(lines))
    parts = [
        labelled_traces(*readers, work.geometry.samples, some, seed=seed, **given) for seed, some in enumerate(lines)
    ]
    said, margins, factor = {}, [], work.options.factor
    for surface, before in zip(SURFACES, work.options.margins):
        try:
            margin, held = calibrate(parts, surface, factor, coverage)
        except ValueError as error:  # that is to be known, and no more
            work.note(f'{error}: its intervals are {factor:g} standard deviations wide on both sides')
            margins.append(before)
            continue
        margins.append(margin)
        said[surface] = dict(margin=margin, wanted=coverage)
        if held.traces:
            said[surface] |= dict(held=held.share, traces=held.traces, mean_width=held.width)
        else:
            work.note(
                f'{surface}: one part of the survey has all labelled traces: what its intervals hold is not known'
            )
    work.options = replace(work.options, margins=tuple(margins))
    return said


def _write_sections(work: Work) -> dict[str, int]:
    """``polygons_iline.csv`` and ``polygons_xline.csv``."""
    counts = {}
    for direction in work.options.polygons:
        if work.volume.is_2d and direction == 'xline':
            continue
        total = work.volume.shape[0 if direction == 'iline' else 1]
        sections = (
            (direction, position, work.section(direction, position)) for position in range(0, total, work.options.every)
        )
        path = work.folder / f'polygons_{direction}.csv'
        counts[path.name] = write_polygons(path, work.geometry, sections, work.places, threshold=work.options.threshold)
    return counts
