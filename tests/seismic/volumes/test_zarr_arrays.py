"""Zarr stores of both formats and of MDIO, on the disk, in memory and at an address on this machine."""

from pathlib import Path

import numpy as np
import pytest

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.inference.plan import make_plan
from mmattn.seismic import open_volume
from mmattn.seismic.volumes.zarr_arrays import in_zarr
from tests.checkpoints.test_reading import served
from tests.inference.models import GreyModel

zarr = pytest.importorskip('zarr')
CUBE = np.random.default_rng(0).normal(size=(6, 7, 40)).astype(np.float32)
LINES = dict(inline=np.arange(10, 16), crossline=np.arange(300, 314, 2), time=np.arange(40) * 4.0 + 100)


def write_group(path: str, format_: int, *, mask: bool = True) -> str:
    """A group as MDIO 1 and xarray lay it out."""
    group = zarr.open_group(path, mode='w', zarr_format=format_)
    more = dict(dimension_names=tuple(LINES)) if format_ == 3 else {}
    array = group.create_array('amplitude', shape=CUBE.shape, chunks=(4, 4, 16), dtype='float32', **more)
    array[...] = CUBE
    if format_ == 2:
        array.attrs['_ARRAY_DIMENSIONS'] = list(LINES)
    for name, values in LINES.items():
        one = group.create_array(name, shape=values.shape, dtype=values.dtype)
        one[...] = values
        one.attrs['unitsV1' if format_ == 3 else 'units'] = {'time': 'ms'} if format_ == 3 else 'ms'
    if mask:
        live = np.ones(CUBE.shape[:2], bool)
        live[0, 0] = False
        group.create_array('trace_mask', data=live)
    zarr.consolidate_metadata(path)
    return path


def check(path: str) -> None:
    """Everything about the volume at a path."""
    with open_volume(path) as volume:
        assert volume.shape == CUBE.shape
        assert (volume.ilines[0], volume.xlines[1], volume.samples[1]) == (10, 302, 104.0)
        assert (volume.sample_unit, volume.sample_interval) == ('ms', 4.0)
        assert volume.chunks == (4, 4, 16)
        assert not volume.usable[0, 0]
        np.testing.assert_array_equal(volume.section('xline', 3), CUBE[:, 3])


@pytest.mark.filterwarnings('ignore:Consolidated')
@pytest.mark.parametrize('format_', [2, 3])
@pytest.mark.parametrize('place', ['disk.zarr', 'disk.mdio', 'memory', 'file.zarr'])
def test_groups_of_both_formats_are_read(tmp_path: Path, format_: int, place: str):
    pytest.importorskip('fsspec')
    address = f'memory://{tmp_path.name}.zarr' if place == 'memory' else str(tmp_path / place)
    write_group(address, format_)
    check(f'file://{address}' if place == 'file.zarr' else address)


@pytest.mark.filterwarnings('ignore:Consolidated')
def test_a_store_is_read_over_http(tmp_path: Path):
    pytest.importorskip('aiohttp')
    write_group(str(tmp_path / 'a.zarr'), 3)
    with served(tmp_path) as address:
        check(f'{address}/a.zarr')


def test_the_first_mdio_is_read(tmp_path: Path):
    group = zarr.open_group(str(tmp_path / 'a.mdio'), mode='w', zarr_format=2)
    group.attrs['dimension'] = [dict(name=name, coords=values.tolist()) for name, values in LINES.items()]
    group.create_group('data').create_array('chunked_012', data=CUBE, chunks=(4, 4, 16))
    live = np.ones(CUBE.shape[:2], bool)
    live[0, 0] = False
    group.create_group('metadata').create_array('live_mask', data=live)
    check(str(tmp_path / 'a.mdio'))


def test_other_orders_and_sizes_are_refused(tmp_path: Path):
    group = zarr.open_group(str(tmp_path / 'a.zarr'), mode='w')
    group.create_array('a', data=CUBE, dimension_names=('crossline', 'inline', 'time'))
    for name, values in LINES.items():
        group.create_array(name, data=values)
    with pytest.raises(ValueError, match='dimensions must be inline, crossline and sample in this order'):
        open_volume(tmp_path / 'a.zarr')
    group = zarr.open_group(str(tmp_path / 'b.zarr'), mode='w')
    group.create_array('a', data=CUBE)
    for name, values in LINES.items():
        group.create_array(name, data=values[:-1])
    with pytest.raises(ValueError, match='do not fit the volume'):
        open_volume(tmp_path / 'b.zarr')


def test_blocks_keep_to_chunks():
    def lines(chunks: tuple[int, ...], memory: float = 512) -> dict[str, int]:
        options = VolumeOptions(window=(32, 32), memory=memory)
        return make_plan(GreyModel(), (100, 200, 300), options, clip=1.0, keep_spread=False, chunks=chunks).block_lines

    assert lines(()) == dict(iline=16, xline=16)
    assert lines((64, 6, 128)) == dict(iline=64, xline=12)
    assert lines((64, 6, 128), memory=20) == dict(iline=16, xline=12)


def test_predictions_are_sharded_and_read_back(tmp_path: Path):
    cube = np.random.default_rng(1).normal(size=(20, 150, 140)).astype(np.float32)
    np.save(tmp_path / 'in.npy', cube)
    options = VolumeOptions(window=(64, 64), clip=2.0)
    with open_volume(tmp_path / 'in.npy') as volume:
        predict_volume(GreyModel(), volume, Outputs(tmp_path / 'p.zarr'), options=options)
        predict_volume(GreyModel(), volume, Outputs(tmp_path / 'p.npy'), options=options)
    array = zarr.open(str(tmp_path / 'p.zarr/probability'), mode='r')
    assert (array.chunks, array.shards) == ((16, 128, 128), (16, 256, 256))
    assert (
        len(
            [
                path
                for path in (tmp_path / 'p.zarr/probability').rglob('*')
                if path.name != 'zarr.json' and path.is_file()
            ]
        )
        == 2
    )
    np.testing.assert_array_equal(array[...], np.load(tmp_path / 'p.npy'))


@pytest.mark.parametrize(
    ('path', 'inside'), [('a.zarr', True), ('s3://b/a.mdio/x', True), ('a.zarr.sgy', False), ('', False)]
)
def test_stores_are_told_by_their_names(path: str, inside: bool):
    assert in_zarr(path) is inside


def test_predictions_go_to_an_address(tmp_path: Path):
    pytest.importorskip('fsspec')
    np.save(tmp_path / 'in.npy', CUBE)
    address, options = f'memory://{tmp_path.name}/p.zarr', VolumeOptions(window=(32, 32), clip=2.0)
    outputs = Outputs(tmp_path / 'p.npy', zarr=address)
    with open_volume(tmp_path / 'in.npy') as volume:
        predict_volume(GreyModel(), volume, outputs, options=options)
        with open_volume(f'{address}/probability') as probability:
            np.testing.assert_array_equal(probability.slab('iline', 0, 6), np.load(tmp_path / 'p.npy'))
        (tmp_path / 'p.npy').unlink()
        with pytest.raises(FileExistsError, match=r'p\.zarr exists; give another name'):
            predict_volume(GreyModel(), volume, outputs, options=options)
        zarr.open_group(address, mode='a').attrs['mmattn_unfinished'] = True  # as a kill leaves it
        predict_volume(GreyModel(), volume, outputs, options=options)
    with pytest.raises(ValueError, match='mask must be a file here'):
        Outputs(tmp_path / 'p.npy', mask=address)
