"""What a prediction writes, each file whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mmattn.common.checks import check_whole
from mmattn.common.files import written_whole
from mmattn.inference.ranks import on_first, rank_and_size, wait_for_all
from mmattn.inference.scratch import line_ranges
from mmattn.seismic import SegyVolume, Volume, copy_with_samples
from mmattn.seismic.salt.cleanup import check_thresholds
from mmattn.seismic.volumes.zarr_arrays import STORES, is_address

Slabs: TypeAlias = Iterable[tuple[int, np.ndarray]]
"""Adjacent inlines in order: first line, (num_lines, num_xlines, num_samples)."""
SEGY = '.sgy', '.segy'
_UNFINISHED = 'mmattn_unfinished'  # in a group that is being written


@dataclass(frozen=True)
class Outputs:
    """The files that a prediction writes.

    Files ending in .sgy or .segy are copies of the input with other samples, so the input must be SEG-Y; .npy, .zarr
    and .mdio hold arrays (num_ilines, num_xlines, num_samples), zero where a trace is missing or dead.

    Args:
        probability: probability of salt, 0 to 1.
        mask: 1 where the probability exceeds ``threshold``, after clean-up, else 0.
        std: standard deviation of the probability over directions and flips.
        zarr: probability, and the standard deviation if there are two predictions or more, as a Zarr group (.zarr) or
            an MDIO store (.mdio); also at an address that fsspec writes to, as ``s3://bucket/salt.zarr``.
        report: folder for tables and pictures.
        threshold: of the mask, 0 to 1.
        min_body: bodies of fewer voxels leave the mask.
        hysteresis: bodies whose probability is nowhere above this leave it too; None keeps them.
        fill_holes: whether cavities enclosed by salt become salt.

    Raises:
        ValueError: if an option is out of its range, or two outputs are one file.
    """

    probability: str | os.PathLike
    mask: str | os.PathLike | None = None
    std: str | os.PathLike | None = None
    zarr: str | os.PathLike | None = None
    report: str | os.PathLike | None = None
    threshold: float = 0.5
    min_body: int = 0
    hysteresis: float | None = None
    fill_holes: bool = False

    def __post_init__(self) -> None:
        check_thresholds(self.threshold, self.hysteresis)
        check_whole('min_body', self.min_body)
        if self.needs_mask is False and (self.min_body or self.fill_holes or self.hysteresis):
            raise ValueError(
                'min_body, hysteresis and fill_holes clean the mask: ask for a mask (--mask) or a report (--report)'
            )
        for name, path in self.files.items():
            allowed = STORES if name == 'zarr' else ('',) if name == 'report' else (*SEGY, '.npy', *STORES)
            if name != 'report' and path.suffix.lower() not in allowed:
                raise ValueError(f'{name} must end with {", ".join(allowed)}, got {str(path)!r}')
        for name in ('probability', 'mask', 'std', 'report'):
            if getattr(self, name) is not None and is_address(getattr(self, name)):
                raise ValueError(
                    f'{name} must be a file here, got {getattr(self, name)}; zarr (--zarr) may be an address'
                )
        if self.address is not None and not self.address.lower().rstrip('/').endswith(STORES):
            raise ValueError(f'zarr must end with {", ".join(STORES)}, got {self.address!r}')
        places = [path.resolve() for path in self.files.values()]
        if len(set(places)) < len(places):
            raise ValueError('two outputs have the same name: ' + ', '.join(map(str, self.files.values())))

    @property
    def files(self) -> dict[str, Path]:
        """The paths that are asked for, by output."""
        named = {name: getattr(self, name) for name in ('probability', 'mask', 'std', 'zarr', 'report')}
        return {name: Path(path) for name, path in named.items() if path is not None and not is_address(path)}

    @property
    def address(self) -> str | None:
        """Of the Zarr group, if it lies at one."""
        return str(self.zarr) if self.zarr is not None and is_address(self.zarr) else None

    @property
    def needs_mask(self) -> bool:
        """Whether a mask is computed."""
        return self.mask is not None or self.report is not None

    @property
    def needs_spread(self) -> bool:
        """Whether a standard deviation is computed, where there are several predictions."""
        return self.std is not None or self.zarr is not None

    @property
    def scratch(self) -> Path:
        """The folder of the unfinished prediction, beside the probability."""
        path = Path(self.probability)
        return path.with_name(f'{path.name}.partial')

    def check(self, volume: Volume) -> None:
        """Checks that the files can be written, before anything is computed.

        Args:
            volume: the input.

        Raises:
            ValueError: if SEG-Y is asked for and the input is none, or an output is the input, or Zarr is missing.
            FileNotFoundError: if a file's folder does not exist.
            PermissionError: if nothing can be written there.
            FileExistsError: if there is something at the address of the Zarr group, other than what an interrupted
                prediction left.
        """
        for name, path in self.files.items():
            if path.suffix.lower() in SEGY and not isinstance(volume, SegyVolume):
                raise ValueError(f'{name}: {path} would be a copy of a SEG-Y input, and the input is none; give .npy')
            if volume.path and '://' not in volume.path and path.resolve() == Path(volume.path).resolve():
                raise ValueError(f'{name}: {path} is the input itself')
            if not path.absolute().parent.is_dir():
                raise FileNotFoundError(f'{name}: folder {str(path.parent)!r} does not exist')
            _try_to_write(name, path.absolute().parent)
            if path.suffix.lower() in STORES:
                _import_zarr(path)
        if self.address is not None:
            _check_address(self.address)

    def existing(self) -> list[Path]:
        """Outputs that are there already."""
        return [path for path in self.files.values() if path.exists()]


def write_volume(volume: Volume, destination: Path, slabs: Slabs, *, text_line: str) -> list[str]:
    """Writes a volume of the shape of another as one file.

    Args:
        volume: the input.
        destination: .sgy, .segy or .npy; an existing one is replaced.
        slabs: all inlines in order; samples of traces that are not live must be 0.
        text_line: for the textual header of a SEG-Y file.

    Returns:
        How a SEG-Y file differs from the input, in words.
    """
    if destination.suffix.lower() in SEGY:
        return copy_with_samples(volume, destination, _trace_blocks(volume, slabs), text_line=text_line)
    _write_npy(destination, volume.shape, slabs)
    return []


def write_zarr(
    volume: Volume, destination: Path | str, arrays: dict[str, Callable[[int, int], np.ndarray]], *, lines: int
) -> None:
    """Writes float32 arrays as a Zarr group (format 3), with the line numbers and samples beside them.

    Dimensions are named as xarray reads them; a store that ends with .mdio follows the layout of MDIO 1. To be called
    by all processes of a prediction: each writes shards of its own.

    Args:
        volume: the input, of the same shape.
        destination: folder or address to write; an existing one is replaced.
        arrays: what gives inlines ``start`` to ``stop`` of each array, by its name.
        lines: inlines of a chunk and of a shard, which is one file of all its chunks.
    """
    first, stack = rank_and_size()[0] == 0, ExitStack()
    with stack:
        path = on_first(lambda: _begin_zarr(stack, volume, destination, list(arrays), lines))
        group, (rank, size) = _import_zarr(destination).open_group(path, mode='r+'), rank_and_size()
        for name, read in arrays.items():
            for start, stop in list(line_ranges(volume.shape[0], lines))[rank::size]:
                group[name][start:stop] = read(start, stop)
        wait_for_all()
        if first:
            del group.attrs[_UNFINISHED]


def _begin_zarr(stack: ExitStack, volume: Volume, destination: Path | str, names: list[str], lines: int) -> str:
    """Makes the group with its arrays still empty, and returns where it is until the stack is closed."""
    address = is_address(destination)
    temporary = str(destination if address else stack.enter_context(written_whole(destination)))
    group = _import_zarr(destination).open_group(temporary, mode='w', zarr_format=3)
    group.attrs[_UNFINISHED] = True
    chunks = tuple(min(most, size) for most, size in zip((lines, 128, 128), volume.shape))
    shards = tuple(-(-size // chunk) * chunk for size, chunk in zip((chunks[0], *volume.shape[1:]), chunks))
    is_mdio = str(destination).lower().rstrip('/').endswith('.mdio')
    dimensions, live = _mdio_names(volume) if is_mdio else (('iline', 'xline', 'sample'), 'live')
    for name in names:
        group.create_array(
            name, shape=volume.shape, chunks=chunks, shards=shards, dtype='float32', dimension_names=dimensions
        )
    for name, values in zip(dimensions, (volume.ilines, volume.xlines, volume.samples)):
        group.create_array(name, data=np.ascontiguousarray(values), dimension_names=[name])
    group.create_array(live, data=np.ascontiguousarray(volume.live), dimension_names=dimensions[:2])
    group.attrs['sample_unit'] = volume.sample_unit
    if is_mdio:
        kind = {'time': 'time', 'depth': 'length'}.get(dimensions[2])
        if kind is not None:
            group[dimensions[2]].attrs['unitsV1'] = {kind: volume.sample_unit}
        group.attrs.update(
            apiVersion='1.0.0',
            name=Path(str(destination)).stem,
            createdOn=datetime.now(timezone.utc).isoformat(),
            attributes=dict(defaultVariableName=names[0]),
        )
    return temporary


def _mdio_names(volume: Volume) -> tuple[tuple[str, str, str], str]:
    """What MDIO calls the dimensions of a stacked volume, and its mask of traces."""
    vertical = {'ms': 'time', 'm': 'depth', 'ft': 'depth'}.get(volume.sample_unit, 'sample')
    return ('inline', 'crossline', vertical), 'trace_mask'


def _trace_blocks(volume: Volume, slabs: Slabs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in the file and samples of the traces of each inline."""
    for start, slab in slabs:
        for iline, section in enumerate(slab, start):
            positions = volume.positions(iline, slice(None))
            here = positions >= 0
            yield positions[here], section[here]


def _write_npy(destination: Path, shape: tuple[int, int, int], slabs: Slabs) -> None:
    with written_whole(destination) as temporary, open(temporary, 'wb') as file:
        header = dict(descr='<f4', fortran_order=False, shape=tuple(shape))
        np.lib.format.write_array_header_1_0(file, header)
        for _, slab in slabs:
            file.write(np.ascontiguousarray(slab, '<f4').data)


def _try_to_write(name: str, folder: Path) -> None:
    """Raises if no file can be made in a folder."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PermissionError(f'{name}: nothing can be written into {str(folder)!r} ({error.strerror})') from error


def _check_address(address: str) -> None:
    """Raises if something whole is at an address, or nothing can be read there."""
    zarr = _import_zarr(address)
    try:
        group = zarr.open_group(address, mode='r')
    except FileNotFoundError:  # Zarr's own for no group derives from it
        return
    except Exception as error:
        raise ValueError(f'zarr: {address} cannot be used: {type(error).__name__}: {error}') from error
    if not group.attrs.get(_UNFINISHED):
        raise FileExistsError(f'{address} exists; give another name or remove it')


def _import_zarr(path: Path | str):
    try:
        import zarr
    except ImportError as error:
        raise ValueError(f'{path}: writing Zarr needs `pip install mmattn[zarr]`') from error
    return zarr
