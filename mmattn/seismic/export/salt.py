"""Writes everything that an interpretation system takes of a predicted salt volume."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from mmattn.common.files import write_whole
from mmattn.seismic.export.bodies import write_bodies
from mmattn.seismic.export.horizon_tables import write_horizons
from mmattn.seismic.export.polygons import write_polygons
from mmattn.seismic.export.work import ExportOptions, Work, check_grid
from mmattn.seismic.volumes.volume import Volume


def export_salt(
    volume: Volume,
    folder: str | os.PathLike,
    *,
    std: Volume | None = None,
    geometry: Volume | None = None,
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
        options: of what is written.
        about: what else the summary is to say, by name.
        progress: called with what is done, how far and out of how much.

    Returns:
        What ``summary.json`` holds.

    Raises:
        ValueError: if the grids differ.
    """
    options = options or ExportOptions()
    for name, other in (('std', std), ('geometry', geometry)):
        if other is not None:
            check_grid(name, other, volume)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(volume, geometry or volume, std, folder, options, progress or (lambda *_: None))
    bodies, left_out = work.find_bodies()
    summary = dict(
        input=volume.name,
        threshold=options.threshold,
        unit_of_x_and_y=work.units[0] or 'unknown',
        unit_of_z=work.units[1],
        z='positive downwards in horizons, tables, polygons and TSurf; upwards (minus) in OBJ, PLY and VTK',
        **(about or {}),
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
