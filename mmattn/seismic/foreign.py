"""Names files that are neither SEG-Y nor arrays, and what converts them."""

import os
from pathlib import Path

_UNPACK = 'a compressed file: unpack it first'
_PICTURE = 'a picture, not a volume'
_HDF5 = 'an HDF5 or NetCDF-4 file: save its volume with numpy.save as .npy, or export SEG-Y'
_ZGY = "a ZGY file (Petrel's): export SEG-Y from Petrel, or read it with pyzgy and save .npy"
_VDS = 'a VDS file: convert it with SEGYExport of OpenVDS'
_MDIO = 'an MDIO store: open_volume reads it under a name that ends with .mdio'
_MAGIC = (
    (0, b'\x1f\x8b', f'{_UNPACK} (gunzip)'),
    (0, b'PK\x03\x04', 'a zip archive (or .npz): unpack it, a volume of an .npz saved with numpy.save'),
    (0, b'PK\x05\x06', 'an empty zip archive'),
    (0, b'BZh', f'{_UNPACK} (bunzip2)'),
    (0, b'\xfd7zXZ\x00', f'{_UNPACK} (unxz)'),
    (0, b'\x28\xb5\x2f\xfd', f'{_UNPACK} (unzstd)'),
    (0, b'\x04\x22\x4d\x18', f'{_UNPACK} (unlz4)'),
    (0, b"7z\xbc\xaf'\x1c", f'{_UNPACK} (7z x)'),
    (0, b'Rar!\x1a\x07', f'{_UNPACK} (unrar)'),
    (257, b'ustar', 'a tar archive: unpack it first'),
    (0, b'VBS\x00', _ZGY),
    (0, b'\x89HDF\r\n\x1a\n', _HDF5),
    (0, b'CDF\x01', 'a NetCDF file: save its volume with numpy.save as .npy, or export SEG-Y'),
    (0, b'CDF\x02', 'a NetCDF file: save its volume with numpy.save as .npy, or export SEG-Y'),
    (0, b'MATLAB 5.0', 'a MATLAB file: read it with scipy.io.loadmat and save the volume with numpy.save as .npy'),
    (0, b'\x89PNG', _PICTURE),
    (0, b'\xff\xd8\xff', _PICTURE),
    (0, b'II*\x00', _PICTURE),
    (0, b'MM\x00*', _PICTURE),
    (0, b'%PDF', 'a PDF document'),
    (0, b'dGB', 'an OpendTect volume (CBVS): export SEG-Y from OpendTect'),
    (0, b'version https://git-lfs', 'a Git LFS pointer, not the file itself: git lfs pull fetches it'),
)
_SUFFIXES = {
    '.zgy': _ZGY,
    '.vds': _VDS,
    '.ovds': _VDS,
    '.sgz': 'an SGZ file (seismic-zfp): convert it with seismic_zfp.conversion.SgzConverter(...).convert_to_segy(...)',
    '.mdio': _MDIO,
    '.seisnc': _HDF5,
    '.nc': _HDF5,
    '.h5': _HDF5,
    '.hdf5': _HDF5,
    '.su': 'a Seismic Unix file, which lacks the file headers: convert it with segywrite of Seismic Unix',
    '.segd': 'a SEG-D file (field records): volumes are stacked SEG-Y',
    '.sgd': 'a SEG-D file (field records): volumes are stacked SEG-Y',
    '.sg2': 'a SEG-2 file: convert it to SEG-Y',
    '.cbvs': 'an OpendTect volume (CBVS): export SEG-Y from OpendTect',
    '.mat': 'a MATLAB file: save the volume with numpy.save as .npy',
    '.pt': 'a PyTorch file: save the volume with numpy.save as .npy',
    '.pth': 'a PyTorch file: save the volume with numpy.save as .npy',
    '.pkl': 'a pickle, which is not read: save the volume with numpy.save as .npy',
    '.npz': 'an .npz archive: save one volume of it with numpy.save as .npy',
    '.gz': f'{_UNPACK} (gunzip)',
    '.zip': 'a zip archive: unpack it first',
    '.tar': 'a tar archive: unpack it first',
    '.tgz': 'a tar archive: unpack it first',
    '.tif': _PICTURE,
    '.tiff': _PICTURE,
}
_HEAD = 4096


def foreign_format(path: str | os.PathLike) -> str | None:
    """Says what a file is by its first bytes, in words for people, with the way out.

    Returns:
        None for a file that may be SEG-Y, and where there is none.
    """
    path = Path(path)
    if path.is_dir():
        return _folder_format(path)
    if not path.is_file():
        return None
    with path.open('rb') as file:
        head = file.read(_HEAD)
    for start, magic, words in _MAGIC:
        if head[start : start + len(magic)] == magic:
            return words
    return _text_format(head)


def by_suffix(path: str | os.PathLike) -> str | None:
    """Says what a file that is no SEG-Y may be by its name; None where the name says nothing."""
    path = Path(path)
    return _SUFFIXES.get(path.suffix.lower())


def _folder_format(path: Path) -> str:
    if path.suffix.lower() == '.mdio' or any((path / name).exists() for name in ('chunked_012', 'data/chunked_012')):
        return _MDIO
    if any((path / name).is_file() for name in ('zarr.json', '.zarray', '.zgroup', '.zmetadata')):
        text = b''.join(
            (path / name).read_bytes()[: 1 << 20] for name in ('zarr.json', '.zattrs') if (path / name).is_file()
        )
        if b'mdio' in text.lower() or b'apiVersion' in text:
            return _MDIO
        return 'a Zarr folder: rename it to end with .zarr'
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    inside = sorted(one.name for one in path.iterdir())
    shown = ', '.join(inside[:3]) + (', …' if len(inside) > 3 else '')
    return f'not a file but a folder ({shown or "empty"}): name one file'


def _text_format(head: bytes) -> str | None:
    """Text from the first byte on: a SEG-Y file has a binary header behind 3200 bytes, and traces behind that."""
    beginning = head.lstrip()[:15].lower()
    if beginning.startswith((b'<!doctype html', b'<html')):
        return 'an HTML page, as a failed download leaves it'
    printable = bytes(range(32, 127)) + b'\t\r\n\f'
    if head and not head.translate(None, printable) and (len(head) < 3200 or b'\n' in head[:400]):
        return 'a text file (a horizon, points, a table?): amplitudes and labels must be volumes'
    return None
