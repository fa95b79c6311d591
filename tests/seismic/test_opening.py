"""What opens as which kind of volume, and what other files are called."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.inference.outputs import write_zarr
from mmattn.seismic import ArrayVolume, SegyError, open_volume
from mmattn.seismic.opening import open_segy
from tests.seismic.segy_files import grid_file, make_cube

CUBE = make_cube((4, 5, 12))


@pytest.mark.parametrize('name', ['A.NPY', 'a.Npy', 'a.dat', 'noending'])
def test_numpy_files_open_by_any_name(tmp_path: Path, name: str):
    with (tmp_path / name).open('wb') as file:
        np.save(file, CUBE)
    with open_volume(tmp_path / name) as volume:
        assert_array_equal(volume.slab('iline', 0, 4), CUBE)


def written_zarr(folder: Path, arrays: dict) -> Path:
    """A group as a prediction writes it."""
    pytest.importorskip('zarr')
    source = open_volume(grid_file(CUBE, headers={-109: 100}).write(folder / 'in.sgy'))
    path = folder / 'Out.ZARR' if len(arrays) == 1 else folder / 'out.zarr'
    write_zarr(
        source,
        path,
        {name: lambda start, stop, values=values: values[start:stop] for name, values in arrays.items()},
        lines=2,
    )
    return path


def test_our_own_zarr_mask_opens_with_its_lines(tmp_path: Path):
    mask = (CUBE > 0).astype(np.float32)
    with open_volume(written_zarr(tmp_path, dict(mask=mask))) as volume:
        assert_array_equal(volume.slab('xline', 0, 5), mask.transpose(1, 0, 2))
        assert_array_equal(volume.ilines, np.arange(10, 14))
        assert_array_equal(volume.xlines, np.arange(300, 305))
        assert (volume.samples[0], volume.samples[-1], volume.sample_interval, volume.sample_unit) == (
            100,
            144,
            4,
            'ms',
        )
        assert (volume.delay, volume.is_numbered) == (100.0, True)
        assert volume.usable.all()


def test_a_group_of_several_volumes(tmp_path: Path):
    path = written_zarr(tmp_path, dict(probability=np.abs(CUBE), std=CUBE))
    assert_array_equal(open_volume(path).section('iline', 1), np.abs(CUBE[1]))
    other = open_volume(path / 'std')
    assert_array_equal(other.section('iline', 1), CUBE[1])
    assert other.ilines[0] == 10
    zarr = pytest.importorskip('zarr')
    group = zarr.open_group(str(tmp_path / 'other.zarr'), mode='w')
    for name in ('amp', 'salt'):
        group.create_array(name, data=CUBE)
    with pytest.raises(ValueError, match=r'a Zarr group with several volumes: amp, salt; name one, e.g. .*zarr/amp'):
        open_volume(tmp_path / 'other.zarr')
    assert open_volume(tmp_path / 'other.zarr' / 'salt').shape == (4, 5, 12)
    zarr.open_group(str(tmp_path / 'none.zarr'), mode='w').create_array('line', data=np.arange(3))
    with pytest.raises(ValueError, match='a Zarr group with no array of three dimensions'):
        open_volume(tmp_path / 'none.zarr')


def _zgy(path: Path) -> None:
    path.write_bytes(b'VBS\0' + bytes(5000))


def _gz(path: Path) -> None:
    path.write_bytes(gzip.compress(grid_file(CUBE).to_bytes()))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a.sgy', grid_file(CUBE).to_bytes())


def _mdio(path: Path) -> None:
    path.mkdir()
    (path / '.zattrs').write_text('{"api_version": "0.2", "mdio": 1}')
    (path / '.zgroup').write_text('{"zarr_format": 2}')


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(6000))


def _horizon(path: Path) -> None:
    path.write_text(''.join(f'{k} {300 + k} 1200.5\n' for k in range(900)))


@pytest.mark.parametrize(
    ('name', 'write', 'message'),
    [
        ('a.zgy', _zgy, r"a ZGY file \(Petrel's\): export SEG-Y from Petrel, or read it with pyzgy"),
        ('a.sgy', _zgy, 'a ZGY file'),
        ('a.ZGY', _zeros, 'is a ZGY file'),
        ('a.vds', _zeros, 'a VDS file: convert it with SEGYExport of OpenVDS'),
        ('a.sgz', _zeros, r'an SGZ file \(seismic-zfp\): convert it with seismic_zfp.conversion.SgzConverter'),
        ('renamed', _mdio, 'an MDIO store: open_volume reads it under a name that ends with .mdio'),
        ('a.sgy.gz', _gz, r'a compressed file: unpack it first \(gunzip\)'),
        ('a.sgy', _gz, r'a compressed file: unpack it first \(gunzip\)'),
        ('a.zip', _zip, 'a zip archive'),
        ('a.npz', lambda path: np.savez(path, a=CUBE), 'a zip archive'),
        ('a.su', _zeros, 'a Seismic Unix file'),
        ('horizon.dat', _horizon, r'a text file \(a horizon, points, a table\?\)'),
        ('a.segy', lambda path: path.write_text('<!DOCTYPE html><html>Sign in</html>'), 'an HTML page'),
        ('a.h5', lambda path: path.write_bytes(b'\x89HDF\r\n\x1a\n' + bytes(5000)), 'an HDF5 or NetCDF-4 file'),
        ('line.png', lambda path: path.write_bytes(b'\x89PNG' + bytes(5000)), 'a picture, not a volume'),
    ],
)
def test_other_formats_are_named(tmp_path: Path, name: str, write, message: str):
    write(tmp_path / name)
    for opened in (open_volume, open_segy):
        with pytest.raises(SegyError, match=message) as error:
            opened(tmp_path / name)
        assert name in str(error.value)


def test_an_ascii_header_is_no_text_file(tmp_path: Path):
    path = grid_file(CUBE, encoding='ascii').write(tmp_path / 'survey.zgy')  # an ending proves nothing
    assert open_volume(path).shape == (4, 5, 12)


def test_options_are_for_what_takes_them(tmp_path: Path):
    np.save(tmp_path / 'a.npy', CUBE)
    assert open_volume(tmp_path / 'a.npy', null_value=[1.5], endian='auto').null_value == (1.5,)
    with pytest.raises(ValueError, match='endian: options of SEG-Y files'):
        open_volume(tmp_path / 'a.npy', endian='big', null_value=0)
    assert isinstance(open_volume(tmp_path / 'a.npy'), ArrayVolume)
