"""Volumes in Zarr stores, formats 2 and 3, on this disk or at an address that fsspec reads; MDIO stores are such.

A store is an array, or a group: of our own predictions, of MDIO from version 0.2 on, of xarray. The volume's lines and
samples are what lies beside it under the names of its dimensions.
"""

import os
from collections.abc import Mapping

import numpy as np

PREFERRED = 'mask', 'probability', 'amplitude', 'seismic', 'data/chunked_012'
"""Which array of a group is taken where it has several of three dimensions."""
STORES = '.zarr', '.mdio'
_LINES = {
    'iline': ('iline', 'inline', 'inlines', 'il'),
    'xline': ('xline', 'crossline', 'crosslines', 'xl'),
    'sample': ('sample', 'time', 'twt', 'depth', 'z'),
}
_LIVE = 'live', 'trace_mask', 'metadata/live_mask'
_KINDS = dict(iline=np.int64, xline=np.int64, sample=np.float64)


def is_address(path: str | os.PathLike) -> bool:
    """Whether a path is an address, as ``s3://bucket/a.zarr``, and no file of this machine's."""
    return '://' in os.fspath(path)


def in_zarr(path: str | os.PathLike) -> bool:
    """Whether a path is a .zarr or .mdio store or lies in one."""
    return any(part.lower().endswith(STORES) for part in os.fspath(path).rstrip('/').split('/')[-4:])


def open_zarr(path: str | os.PathLike, mode: str = 'r'):
    """Opens a Zarr array; of a group the array of its mask, probability or amplitude, or the only volume that it has.

    Args:
        path: of the array or the group.
        mode: 'r', or 'r+' to change samples in place.

    Raises:
        ValueError: if there is none, or several and none is called so.
    """
    node = _open_node(path, mode)
    if not hasattr(node, 'array_keys'):
        return node
    return node[_chosen(path, node)]


def zarr_lines(path: str | os.PathLike, shape: tuple[int, int, int]) -> dict[str, object]:
    """Reads what lies beside a volume.

    Args:
        path: as ``open_zarr`` takes it.
        shape: of the volume.

    Returns:
        ``iline`` (I,) int64, ``xline`` (X,) int64, ``sample`` (S,) float64, ``live`` (I, X) bool and ``sample_unit``;
        empty for an array that lies alone.

    Raises:
        ValueError: if their sizes are not the volume's, or its dimensions are in another order.
    """
    node = _open_node(path)
    if hasattr(node, 'array_keys'):
        group, array = node, node[_chosen(path, node)]
    else:
        above = os.fspath(path).rstrip('/').rpartition('/')[0]
        if os.fspath(path).rstrip('/').lower().endswith(STORES) or not in_zarr(above):
            return {}
        group, array = _open_node(above), node
        if not hasattr(group, 'array_keys'):
            return {}
    first_mdio = group.attrs.get('dimension')
    found = _of_first_mdio(first_mdio) if first_mdio else _beside(path, group, _dimensions(array))
    if found is None:
        return {}
    live = next((name for name in _LIVE if name in group), None)
    found['live'] = np.ones(shape[:2], bool) if live is None else np.asarray(group[live][...], bool)
    sizes = *(len(found[name]) for name in _KINDS), *found['live'].shape
    if sizes != (*shape, *shape[:2]):
        raise ValueError(f'{path}: line numbers, samples and live traces {sizes} do not fit the volume {shape}')
    return found


def _dimensions(array: object) -> tuple[str, ...]:
    """Names of an array's dimensions, as Zarr 3, xarray in Zarr 2 and our own predictions give them."""
    for names in (
        getattr(array.metadata, 'dimension_names', None),
        array.attrs.get('_ARRAY_DIMENSIONS'),
        array.attrs.get('dimensions'),
    ):
        if names and all(isinstance(name, str) for name in names):
            return tuple(names)
    return ()


def _beside(path: str | os.PathLike, group: object, names: tuple[str, ...]) -> dict[str, object] | None:
    """Lines and samples under the names of the dimensions, or under those that they usually have."""
    found: dict[str, object] = {}
    for place, (kind, usual) in enumerate(_LINES.items()):
        here = names[place] if len(names) == 3 else next((name for name in usual if name in group), None)
        if here is not None and any(here.lower() in others for key, others in _LINES.items() if key != kind):
            raise ValueError(f'{path}: dimensions must be inline, crossline and sample in this order, got {names}')
        if here is None or here not in group or len(group[here].shape) != 1:
            return None
        found[kind] = np.asarray(group[here][...], _KINDS[kind])
        if kind == 'sample':
            found['sample_unit'], scale = _unit(group, group[here], here)
            found[kind] *= scale
    return found


def _unit(group: object, array: object, name: str) -> tuple[str, float]:
    """The unit of samples, and what turns them into it."""
    stated = group.attrs.get('sample_unit') or array.attrs.get('unitsV1') or array.attrs.get('units')
    if isinstance(stated, Mapping):
        stated = next(iter(stated.values()), None)
    usual = {'time': 'ms', 'twt': 'ms', 'depth': 'm'}.get(name.lower(), 'sample')
    unit = str(stated or usual)
    return ('ms', 1000.0) if unit in ('s', 'second', 'seconds') else (unit, 1.0)


def _of_first_mdio(dimensions: list[dict]) -> dict[str, object] | None:
    """Lines and samples of MDIO before version 1, which are attributes of the group."""
    if len(dimensions) != 3:
        return None
    found = {kind: np.asarray(one['coords'], _KINDS[kind]) for kind, one in zip(_KINDS, dimensions)}
    return found | dict(sample_unit='m' if dimensions[2].get('name') == 'depth' else 'ms')


def _open_node(path: str | os.PathLike, mode: str = 'r'):
    try:
        import zarr
    except ImportError as error:
        raise ValueError(f'{path}: reading Zarr arrays needs `pip install mmattn[zarr]`') from error
    try:
        return zarr.open(os.fspath(path), mode=mode)
    except ImportError as error:
        raise ValueError(f'{path}: {error}; fsspec needs it for addresses of this kind') from error
    except Exception as error:  # Zarr's errors have no common class
        raise ValueError(f'{path} is no readable Zarr array: {type(error).__name__}: {error}') from error


def _chosen(path: str | os.PathLike, group: object) -> str:
    members = group.members(max_depth=1)
    volumes = sorted(name for name, one in members if len(getattr(one, 'shape', ())) == 3 and one.dtype.kind in 'biuf')
    for name in PREFERRED:
        if name in volumes:
            return name
    if len(volumes) == 1:
        return volumes[0]
    what = f'several volumes: {", ".join(volumes)}; name one' if volumes else 'no array of three dimensions'
    raise ValueError(f'{path} is a Zarr group with {what}{f", e.g. {path}/{volumes[0]}" if volumes else ""}')
