"""The files of salt bodies: a table and closed meshes."""

import csv
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmattn.common.files import written_whole
from mmattn.seismic.export.mesh_files import MESH_FORMATS
from mmattn.seismic.export.meshes import Mesh, mesh_body
from mmattn.seismic.export.work import Work
from mmattn.seismic.salt.cleanup import Bodies, label_bodies
from mmattn.seismic.volumes.slice_picture import short

_MOST_CELLS = 64_000_000
"""Cells of a body's box; larger boxes are read every n-th line, trace and sample."""


def write_bodies(work: Work, bodies: Bodies) -> dict[str, int]:
    """Writes ``bodies.csv``, the largest first, and a mesh in each format of the largest of them.

    Returns:
        How many bodies and meshes there are.
    """
    volume, options = work.volume, work.options
    order = np.argsort(-bodies.voxels, kind='stable').tolist()
    with_mesh = options.meshes and work.survey is not None and min(volume.shape) > 1
    chosen = order[: options.most_meshes] if with_mesh else []
    meshes: dict[int, tuple[Mesh, int, list[str]]] = {}
    if chosen:
        (work.folder / 'bodies').mkdir(exist_ok=True)
    for body, mesh, coarse in _meshes(work, bodies, chosen):
        name = f'body_{order.index(body) + 1:03d}'
        files = []
        for form in options.meshes:
            path = work.folder / 'bodies' / f'{name}.{form}'
            MESH_FORMATS[form](mesh, path, name=name, units=work.units)
            files.append(f'bodies/{path.name}')
        meshes[body] = mesh, coarse, files
    _write_body_table(work, bodies, order, meshes)
    open_ones = sum(not mesh.is_closed for mesh, _, _ in meshes.values())
    if options.meshes and not with_mesh:
        work.note('a line has no bodies to be meshed')
    if len(order) > len(chosen) and with_mesh:
        work.note(f'{len(order)} bodies, the largest {len(chosen)} have meshes')
    if open_ones:
        work.note(f'{open_ones} meshes touch themselves along edges, see bodies.csv')
    if any(coarse > 1 for _, coarse, _ in meshes.values()):
        work.note('large bodies were meshed from every n-th line, trace and sample, see bodies.csv')
    return dict(number=len(order), meshes=len(meshes))


def _write_body_table(
    work: Work, bodies: Bodies, order: Sequence[int], meshes: Mapping[int, tuple[Mesh, int, list[str]]]
) -> None:
    grid, (horizontal, vertical) = work.geometry, work.units
    numbers = grid.ilines, grid.xlines, grid.samples
    header = ['body', 'cells', 'first_iline', 'last_iline', 'first_xline', 'last_xline', f'first_{vertical}']
    header += [f'last_{vertical}', 'reaches_edge', 'x_min', 'x_max', 'y_min', 'y_max', 'x_middle', 'y_middle']
    header += [f'mesh_volume_{horizontal or "xy"}2_{vertical}', 'triangles', 'closed', 'smoothing', 'every', 'file']
    with written_whole(work.folder / 'bodies.csv') as temporary, open(temporary, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        for rank, body in enumerate(order, 1):
            row: list[object] = [rank, int(bodies.voxels[body])]
            for axis, values in enumerate(numbers):
                row += [short(values[ends[body, axis]]) for ends in (bodies.first, bodies.last)]
            row.append('no' if bodies.inside[body] else 'yes')
            row += [f'{value:.3f}' for value in _corners(work, bodies, body)]
            if body in meshes:
                mesh, coarse, files = meshes[body]
                row += [f'{mesh.volume:.6g}', len(mesh.faces), 'yes' if mesh.is_closed else 'no']
                row += [f'{mesh.smoothing:g}', coarse, files[0].rpartition('.')[0]]
            else:
                row += [''] * 6
            writer.writerow(row)


def _corners(work: Work, bodies: Bodies, body: int) -> list[float]:
    """Least and largest X and Y of the box of a body, and their middle."""
    rows, columns = (np.array([bodies.first[body, axis], bodies.last[body, axis]], float) for axis in (0, 1))
    x, y = work.places(*(grid.ravel() for grid in np.meshgrid(rows, columns)))
    return [x.min(), x.max(), y.min(), y.max(), x.mean(), y.mean()]


def _meshes(work: Work, bodies: Bodies, chosen: Sequence[int]) -> Iterator[tuple[int, Mesh, int]]:
    """Reads the boxes of bodies, as many at a time as there is room for, and gives their meshes."""
    volume, grid, threshold = work.volume, work.geometry, work.options.threshold
    done = 0
    for group in _groups(bodies, chosen, volume.shape):
        boxes = {body: _box(bodies, body, volume.shape) for body in group}
        values = {body: np.full([len(range(*one)) for one in box], np.nan, np.float32) for body, box in boxes.items()}
        for start, numbers in label_bodies(work.mask, volume.shape, bodies):
            probability = None
            for body, box in boxes.items():
                lines = [line for line in range(*box[0]) if start <= line < start + len(numbers)]
                if not lines:
                    continue
                probability = work.read(start, start + len(numbers)) if probability is None else probability
                part = np.array(lines) - start, slice(*box[1]), slice(*box[2])
                here, found = numbers[part], probability[part]
                other = (here != body) & (found > threshold)
                found = np.where(other, 2 * threshold - found, found)  # salt that is not of this body
                first = (lines[0] - box[0][0]) // box[0][2]
                values[body][first : first + len(lines)] = found
        for body, box in boxes.items():
            axes = [axis[slice(*one)] for axis, one in zip((grid.ilines, grid.xlines, grid.samples), box)]
            done += 1
            work.progress('meshes', done, len(chosen))
            if (values[body] > threshold).any():
                yield body, mesh_body(values[body], threshold, *axes, work.survey), box[0][2]
            else:
                work.note('a thin body vanished between the lines that large bodies are read by: it has no mesh')


def _box(bodies: Bodies, body: int, shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Start, stop and step of a body's positions and those around it, along each axis."""
    ends = [
        (max(int(bodies.first[body, axis]) - 1, 0), min(int(bodies.last[body, axis]) + 2, shape[axis]))
        for axis in range(3)
    ]
    cells = np.prod([float(stop - start) for start, stop in ends])
    step = int(np.ceil((cells / _MOST_CELLS) ** (1 / 3)))
    return [(start, stop, step) for start, stop in ends]


def _groups(bodies: Bodies, chosen: Sequence[int], shape: tuple[int, int, int]) -> Iterator[list[int]]:
    group, cells = [], 0
    for body in chosen:
        own = int(np.prod([len(range(*one)) for one in _box(bodies, body, shape)]))
        if group and cells + own > _MOST_CELLS:
            yield group
            group, cells = [], 0
        group.append(body)
        cells += own
    if group:
        yield group
