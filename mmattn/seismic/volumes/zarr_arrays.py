"""Zarr arrays, alone or in a group that a prediction wrote."""

import os
from pathlib import Path

import numpy as np

PREFERRED = ('mask', 'probability')
"""Which array of a group is taken where it has several of three dimensions."""


def in_zarr(path: str | os.PathLike) -> bool:
    """Whether a path is a .zarr folder or lies in one."""
    return bool(os.fspath(path)) and any(part.lower().endswith('.zarr') for part in Path(path).parts[-3:])


def open_zarr(path: Path):
    """Opens a Zarr array; of a group the array of its mask or probability, or the only volume that it has.

    Raises:
        ValueError: if there is none, or several and neither is called so.
    """
    node = _open_node(path)
    if not hasattr(node, 'array_keys'):
        return node
    return node[_chosen(path, node)]


def zarr_lines(path: Path, shape: tuple[int, int, int]) -> dict[str, object]:
    """Reads what a prediction writes beside its volumes.

    Args:
        path: as ``open_zarr`` takes it.
        shape: of the volume.

    Returns:
        ``iline`` (I,) int64, ``xline`` (X,) int64, ``sample`` (S,) float64, ``live`` (I, X) bool and ``sample_unit``;
        empty for an array that lies alone.

    Raises:
        ValueError: if their sizes are not the volume's.
    """
    node = _open_node(path)
    if not hasattr(node, 'array_keys'):
        if path.suffix.lower() == '.zarr' or not in_zarr(path.parent):
            return {}
        node = _open_node(path.parent)
    if not (hasattr(node, 'array_keys') and {'iline', 'xline', 'sample'} <= set(node.array_keys())):
        return {}
    kinds = dict(iline=np.int64, xline=np.int64, sample=np.float64)
    found: dict[str, object] = {name: np.asarray(node[name][...], kind) for name, kind in kinds.items()}
    found['live'] = np.asarray(node['live'][...], bool) if 'live' in node else np.ones(shape[:2], bool)
    sizes = *(len(found[name]) for name in kinds), *found['live'].shape
    if sizes != (*shape, *shape[:2]):
        raise ValueError(f'{path}: line numbers, samples and live traces {sizes} do not fit the volume {shape}')
    return found | dict(sample_unit=str(node.attrs.get('sample_unit', 'sample')))


def _open_node(path: Path):
    try:
        import zarr
    except ImportError as error:
        raise ValueError(f'{path}: reading Zarr arrays needs `pip install mmattn[zarr]`') from error
    try:
        return zarr.open(str(path), mode='r')
    except Exception as error:  # Zarr's errors have no common class
        raise ValueError(f'{path} is no readable Zarr array: {type(error).__name__}: {error}') from error


def _chosen(path: Path, group: object) -> str:
    volumes = sorted(name for name, array in group.arrays() if len(array.shape) == 3)
    for name in PREFERRED:
        if name in volumes:
            return name
    if len(volumes) == 1:
        return volumes[0]
    what = f'several volumes: {", ".join(volumes)}; name one' if volumes else 'no array of three dimensions'
    raise ValueError(f'{path} is a Zarr group with {what}{f", e.g. {path}/{volumes[0]}" if volumes else ""}')
