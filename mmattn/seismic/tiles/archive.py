"""The tiles and tables of the TGS competition wherever they lie: in zips, in zips within a zip, or unpacked."""

import hashlib
import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType

from mmattn.common.files import check_growth
from mmattn.seismic.foreign import foreign_format

# What to open for tiles that do not lie unpacked, in this order; competition_data.zip holds what the two others hold.
_INNER_ZIPS = ('train.zip', 'competition_data.zip', 'test.zip')
_TABLES = ('train.csv', 'depths.csv')
_ID = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]*')
_MAX_TILE_BYTES = 2**24
_MAX_INNER_BYTES = 2**30
_MOST_LEVELS = 8  # folders within folders, and of zips within zips 2
_PICTURES = ('.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.gif', '.webp', '.npy')
_WHY_NOT = {
    '.jpg': 'JPEG changes values at the edges of salt, so such masks are not taken; save them as PNG from the source',
    '.npy': 'save them as PNG',
}

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip

Reader = Callable[[], bytes]


class TgsSource:
    """What Kaggle serves, read in place: nothing is unpacked to disk.

    Use it as a context manager. Accepts one zip that holds train.zip, test.zip, train.csv and depths.csv (or the tiles
    themselves); a folder that holds the same; an unpacked folder with images/ and masks/, train/images and
    train/masks, test/images; or train.zip with the csv files beside it. All of it may lie in further folders; names may
    have backslashes, and endings and folders any case. What macOS adds (__MACOSX, ._files) is left aside. There may
    be no depths.csv.

    Args:
        path: The archive or folder.

    Attributes:
        images: Reader of each labelled tile's image file, by id.
        masks: Reader of each mask file, by id.
        test_images: Reader of each image without mask, by id.
        tables: Reader of train.csv and, where there is one, depths.csv, by file name.

    Raises:
        FileNotFoundError: There is no such path, no tiles in it, or train.csv is missing; says what was found.
        ValueError: A zip is broken or encrypted, would grow far beyond its size, a member is a link or named
            outside, or masks are no PNG files.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.images: dict[str, Reader] = {}
        self.masks: dict[str, Reader] = {}
        self.test_images: dict[str, Reader] = {}
        self.tables: dict[str, Reader] = {}
        self._open_zips: list[zipfile.ZipFile] = []
        self._others: Counter = Counter()  # what is no tile, by folder and ending
        try:
            self._collect()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> 'TgsSource':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the zips."""
        for archive in self._open_zips:
            archive.close()

    def digest(self) -> str:
        """SHA-256 that tells two sources apart: over the labels, the depths and the ids of all tiles."""
        whole = hashlib.sha256()
        for name in _TABLES:
            whole.update(self.tables[name]() if name in self.tables else b'')
        for tiles in (self.images, self.masks, self.test_images):
            whole.update('\n'.join(sorted(tiles)).encode() + b'\0')
        return whole.hexdigest()

    def _collect(self) -> None:
        """Fills the four tables of readers."""
        if self.path.is_dir():
            self._add(_walk_folder(self.path))
        elif self.path.is_file():
            self._add(self._walk_zip(self.path, prefix=''))
        else:
            raise FileNotFoundError(f'{self.path} not found: expected the archive or folder that Kaggle serves')
        if self.images:
            beside = {name: self.path.parent / name for name in _TABLES if name not in self.tables}
            self.tables |= {name: file.read_bytes for name, file in beside.items() if file.is_file()}
        else:
            raise FileNotFoundError(
                f'{self.path} holds no tiles: looked for images/*.png, train/images/*.png, train.zip and '
                f'competition_data.zip; found {self._found()}'
            )
        if self.images.keys() - self.masks.keys():
            self._explain_masks()
        if 'train.csv' not in self.tables:
            missing = ' and '.join(name for name in _TABLES if name not in self.tables)
            raise FileNotFoundError(f'{missing} not found in {self.path} nor beside it; found {self._found()}')

    def _found(self) -> str:
        """What there is, in words."""
        tiles = dict(images=self.images, masks=self.masks, tiles_without_masks=self.test_images)
        words = [f'{len(readers)} {name.replace("_", " ")}' for name, readers in tiles.items() if readers]
        words += sorted(self.tables)
        words += [f'{kind} ({count})' for kind, count in self._others.most_common(8)]
        return ', '.join(words) or 'nothing'

    def _explain_masks(self) -> None:
        """Raises if masks are missing and lie there as files of another kind."""
        kinds = {kind: count for kind, count in self._others.items() if kind.startswith('masks/')}
        for suffix in _PICTURES:
            if count := kinds.get(f'masks/*{suffix}'):
                why = _WHY_NOT.get('.jpg' if suffix == '.jpeg' else suffix, 'save them as PNG, without loss')
                raise ValueError(
                    f'{self.path}: {len(self.images.keys() - self.masks.keys())} images without a PNG mask; '
                    f'masks/*{suffix} were found ({count}): {why}'
                )

    def _add(self, members: Iterator[tuple[str, Reader]], *, level: int = 0) -> None:
        """Sorts members into the tables, then opens inner zips for what is still missing."""
        inner: dict[str, tuple[str, Reader]] = {}
        others: list[tuple[str, Reader]] = []
        for name, read in members:
            path = PurePosixPath(name)
            file = path.name.lower()
            if _is_clutter(path):
                continue
            if file in _INNER_ZIPS:
                inner.setdefault(file, (name, read))
            elif file.endswith('.zip'):
                others.append((name, read))
            else:
                self._place(name, read)
        for name, read in others if not (inner or self.images or level) else ():
            self._add(self._walk_zip(io.BytesIO(read()), prefix=f'{name}/'), level=1)
        self._others.update(f'*{PurePosixPath(name).suffix}' for name, _ in others if not self.images)
        for file in _INNER_ZIPS:
            if file not in inner or (self.test_images if file == 'test.zip' else self.images):
                continue
            name, read = inner[file]
            for member, read_member in self._walk_zip(io.BytesIO(read()), prefix=f'{name}/'):
                self._place(member, read_member)

    def _place(self, name: str, read: Reader) -> None:
        """Puts one member into the table that its path names; others are left aside."""
        path = PurePosixPath(name)
        if _is_clutter(path):
            return
        if path.name.lower() in _TABLES:
            self.tables.setdefault(path.name.lower(), read)
            return
        folders = [part.lower() for part in (self.path.name, *path.parts[:-1])]
        kind = next((part for part in reversed(folders) if part in ('images', 'masks')), None)
        if path.suffix.lower() != '.png' or kind is None:
            self._others[f'{kind}/*{path.suffix.lower()}' if kind else f'*{path.suffix.lower() or path.name}'] += 1
            return
        if not _ID.fullmatch(path.stem):
            raise ValueError(f'{self.path}: {name!r} is not a tile id made of letters, digits, _ and -')
        parts = ('test', 'test.zip', 'train', 'train.zip')
        above = folders if folders[0] == 'test.zip' else folders[1:]
        held_out = next((part for part in reversed(above) if part in parts), '').startswith('test')
        tiles = self.masks if kind == 'masks' else self.test_images if held_out else self.images
        if path.stem in tiles:
            raise ValueError(f'{self.path} holds tile {path.stem} twice, the second time as {name}')
        tiles[path.stem] = read

    def _walk_zip(self, file: Path | io.BytesIO, *, prefix: str) -> Iterator[tuple[str, Reader]]:
        """Name and reader of each member of a zip."""
        label = f'{self.path}{"/" if prefix else ""}{prefix.rstrip("/")}'
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            what = None if prefix or isinstance(error, NotImplementedError) else foreign_format(file)
            raise ValueError(f'{label} is not a readable zip archive: {f"it is {what}" if what else error}') from error
        self._open_zips.append(archive)
        check_growth(archive, _size(file), label)
        for info in archive.infolist():
            name = info.filename.replace('\\', '/')  # Windows programs write backslashes
            if name.endswith('/'):
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise ValueError(f'{label}: member {info.filename!r} is a link; refused')
            if name.startswith('/') or '..' in PurePosixPath(name).parts or ':' in name:
                raise ValueError(f'{label}: member {info.filename!r} points outside of the archive; refused')
            yield prefix + name, _zip_reader(archive, info, label)


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> Reader:
    def read() -> bytes:
        if info.flag_bits & 1:
            raise ValueError(f'{label}: member {info.filename} is encrypted')
        limit = _MAX_INNER_BYTES if info.filename.lower().endswith(('.zip', '.csv')) else _MAX_TILE_BYTES
        if info.file_size > limit:
            raise ValueError(f'{label}: member {info.filename} has {info.file_size} bytes, more than {limit}')
        try:
            return archive.read(info)
        except _UNREADABLE as error:
            raise ValueError(
                f'{label}: member {info.filename} cannot be read ({error}); is the download complete?'
            ) from error

    return read


def _size(file: Path | io.BytesIO) -> int:
    return file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes


def _walk_folder(folder: Path) -> Iterator[tuple[str, Reader]]:
    """Name (with /) and reader of each file below a folder, at most eight levels deep."""
    for root, folders, files in os.walk(folder):
        relative = Path(root).relative_to(folder)
        if len(relative.parts) >= _MOST_LEVELS:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        for name in sorted(files):
            if not Path(root, name).is_file():  # a pipe, a device, a link to nowhere
                continue
            yield (relative / name).as_posix(), Path(root, name).read_bytes


def _is_clutter(path: PurePosixPath) -> bool:
    """Files that macOS and others add, and hidden ones."""
    return '__MACOSX' in path.parts or path.name.startswith('.') or path.name.lower() in ('thumbs.db', 'desktop.ini')
