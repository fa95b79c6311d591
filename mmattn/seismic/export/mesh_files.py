"""Meshes as files: OBJ, PLY, VTK (legacy) and GOCAD TSurf, all as text.

Z grows upwards in all but TSurf, which says so itself (``ZPOSITIVE Depth``) and has it growing downwards. Coordinates
have three decimals: those of surveys are too large for single precision.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mmattn.common.files import write_whole
from mmattn.common.tables import format_rows
from mmattn.seismic.export.meshes import Mesh


def write_obj(mesh: Mesh, path: Path, *, name: str, units: tuple[str, str]) -> None:
    """Writes Wavefront OBJ, whose vertices count from 1."""
    head = f'# {_about(name, units)}\no {name}\n'
    write_whole(path, head + format_rows(mesh.vertices, 'v %.3f %.3f %.3f') + format_rows(mesh.faces + 1, 'f %d %d %d'))


def write_ply(mesh: Mesh, path: Path, *, name: str, units: tuple[str, str]) -> None:
    """Writes PLY."""
    head = [
        'ply', 'format ascii 1.0', f'comment {_about(name, units)}',
        f'element vertex {len(mesh.vertices)}', *(f'property double {axis}' for axis in 'xyz'),
        f'element face {len(mesh.faces)}', 'property list uchar int vertex_indices', 'end_header',
    ]  # fmt: skip
    body = format_rows(mesh.vertices, '%.3f %.3f %.3f') + format_rows(mesh.faces, '3 %d %d %d')
    write_whole(path, '\n'.join(head) + '\n' + body)


def write_vtk(mesh: Mesh, path: Path, *, name: str, units: tuple[str, str]) -> None:
    """Writes a legacy VTK file: an unstructured grid of triangles, which most readers take."""
    head = f'# vtk DataFile Version 3.0\n{_about(name, units)[:255]}\nASCII\nDATASET UNSTRUCTURED_GRID\n'
    points = f'POINTS {len(mesh.vertices)} double\n' + format_rows(mesh.vertices, '%.3f %.3f %.3f')
    cells = f'CELLS {len(mesh.faces)} {4 * len(mesh.faces)}\n' + format_rows(mesh.faces, '3 %d %d %d')
    write_whole(path, head + points + cells + f'CELL_TYPES {len(mesh.faces)}\n' + '5\n' * len(mesh.faces))


def write_tsurf(mesh: Mesh, path: Path, *, name: str, units: tuple[str, str]) -> None:
    """Writes a GOCAD TSurf, whose vertices count from 1 and whose Z grows downwards."""
    horizontal, vertical = (unit or 'unknown' for unit in units)
    head = [
        'GOCAD TSurf 1', 'HEADER {', f'name:{name}', '}', 'GOCAD_ORIGINAL_COORDINATE_SYSTEM', 'NAME Default',
        'AXIS_NAME "X" "Y" "Z"', f'AXIS_UNIT "{horizontal}" "{horizontal}" "{vertical}"', 'ZPOSITIVE Depth',
        'END_ORIGINAL_COORDINATE_SYSTEM', 'TFACE',
    ]  # fmt: skip
    down = mesh.vertices * np.array([1, 1, -1]) + 0.0
    numbered = np.column_stack([np.arange(1, 1 + len(down)), down])
    vertices = format_rows(numbered, 'VRTX %d %.3f %.3f %.3f')
    write_whole(path, '\n'.join(head) + '\n' + vertices + format_rows(mesh.faces + 1, 'TRGL %d %d %d') + 'END\n')


MESH_FORMATS: Mapping[str, Callable[..., None]] = MappingProxyType(
    dict(obj=write_obj, ply=write_ply, vtk=write_vtk, ts=write_tsurf)
)
"""Writers by suffix."""


def _about(name: str, units: tuple[str, str]) -> str:
    horizontal, vertical = units
    return f'{name}: X and Y in {horizontal or "unknown units"}, Z upwards, minus {vertical}'
