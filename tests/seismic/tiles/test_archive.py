"""Every form in which the competition's data comes, and archives that must be refused."""

import io
import os
import zipfile

import pytest

from mmattn.seismic.tiles.archive import TgsSource
from tests.seismic.tgs_files import below, competition_files, write_files, zipped

FILES = competition_files(count=4, held_out=2)
TABLES = {name: FILES[name] for name in ('train.csv', 'depths.csv')}
INNER = {'train.zip': zipped(below(FILES, 'train/')), 'test.zip': zipped(below(FILES, 'test/'))} | TABLES
FORMS = {
    'one zip of zips': {'all.zip': zipped(INNER | {'sample_submission.csv': b'id,rle_mask\n'})},
    'one zip of tiles': {'all.zip': zipped(FILES)},
    'zips and csv side by side': INNER,
    'all in one beside the csv': {'competition_data.zip': zipped(FILES)} | TABLES,
    'everything twice': INNER | {'competition_data.zip': zipped(FILES)},
    'unpacked': FILES | {'.DS_Store': b'x', 'train/images/._t00.png': b'x'},
    'unpacked, zips left': FILES | INNER,
    'written on Windows': {'all.zip': zipped({name.replace('/', '\\'): FILES[name] for name in FILES})},
    'Windows, zip of zips': {'all.zip': zipped({f'a\\{name}': content for name, content in INNER.items()})},
    'nested folders': {f'a/test/b c/d/e/{name}': content for name, content in FILES.items()},
    'nested in a zip': {'all.zip': zipped({f'tgs/data/{name}': content for name, content in FILES.items()})},
    'the zip in a zip': {'all.zip': zipped({'tgs-salt.zip': zipped(INNER)})},
    'batches': {name.replace('images/', 'images/part 1/'): content for name, content in FILES.items()},
    'capitals': {name.replace('.png', '.PNG').replace('images', 'Images'): FILES[name] for name in FILES},
    'capital tables': {name.replace('.csv', '.CSV').replace('train.', 'Train.'): FILES[name] for name in FILES},
    'zipped on a Mac': {
        'all.zip': zipped(
            FILES | {f'__MACOSX/{name.replace("t0", "._t0")}': b'x' for name in FILES} | {'.DS_Store': b''}
        )
    },
    'clutter': FILES | {'__MACOSX/train/images/t00.png': b'x', 'train/images/Thumbs.db': b'x'},
    'previews beside the masks': FILES | {'train/masks/t00.jpg': b'x'},
    'bare folder': below(FILES, 'train/') | {k: v for k, v in FILES.items() if not k.startswith('train/')},
}


@pytest.mark.parametrize('form', FORMS)
def test_every_form_gives_the_same_tiles(form, tmp_path):
    write_files(tmp_path, FORMS[form])
    path = tmp_path / 'all.zip' if 'all.zip' in FORMS[form] else tmp_path
    with TgsSource(path) as source:
        assert sorted(source.images) == sorted(source.masks) == ['t00', 't01', 't02', 't03']
        assert sorted(source.test_images) == ['h00', 'h01']
        for tile in source.images:
            assert source.images[tile]() == FILES[f'train/images/{tile}.png']
            assert source.masks[tile]() == FILES[f'train/masks/{tile}.png']
        assert source.test_images['h01']() == FILES['test/images/h01.png']
        assert {name: read() for name, read in source.tables.items()} == TABLES


def test_train_zip_alone_finds_the_tables_beside_it(tmp_path):
    write_files(tmp_path, INNER)
    with TgsSource(tmp_path / 'train.zip') as source:
        assert len(source.images) == len(source.masks) == 4
        assert source.test_images == {}
        assert source.tables['depths.csv']() == FILES['depths.csv']


def test_an_unpacked_train_folder_finds_the_tables_beside_it(tmp_path):
    write_files(tmp_path, FILES)
    with TgsSource(tmp_path / 'train') as source:
        assert len(source.images) == len(source.masks) == 4
        assert sorted(source.tables) == ['depths.csv', 'train.csv']


def test_digest_tells_sources_apart_but_not_their_forms(tmp_path):
    digests = []
    for name, files in dict(zips=INNER, plain=FILES, fewer=FORMS['unpacked'] | {'train.csv': b'id,rle_mask\n'}).items():
        with TgsSource(write_files(tmp_path / name, files)) as source:
            digests.append(source.digest())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ({'train.zip': INNER['train.zip'][:-500]} | TABLES, 'train.zip is not a readable zip archive'),
        ({'train.zip': b''} | TABLES, 'train.zip is not a readable zip archive'),
        ({'train.zip': zipped({'images/../../a.png': b''})} | TABLES, "'images/../../a.png' points outside"),
        ({'train.zip': zipped({'/images/a.png': b''})} | TABLES, "'/images/a.png' points outside"),
        ({'train.zip': zipped({'C:/images/a.png': b''})} | TABLES, "'C:/images/a.png' points outside"),
        ({'train.zip': zipped({'images/a b.png': b''})} | TABLES, "'train.zip/images/a b.png' is not a tile id"),
        ({'train.zip': zipped({'images\\..\\..\\a.png': b''})} | TABLES, 'points outside'),
        ({'train.zip': zipped({'C:\\images\\a.png': b''})} | TABLES, 'points outside'),
        (
            {name.replace('.png', '.jpg' if '/masks/' in name else '.png'): FILES[name] for name in FILES},
            r'4 images without a PNG mask; masks/\*\.jpg were found \(4\): JPEG changes values',
        ),
        (
            {name.replace('.png', '.TIF' if '/masks/' in name else '.png'): FILES[name] for name in FILES},
            r'masks/\*\.tif were found \(4\): save them as PNG',
        ),
        ({'images/a.png': b'', 'train/images/a.png': b''} | TABLES, 'holds tile a twice'),
    ],
)
def test_refused_archives(files, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        TgsSource(write_files(tmp_path, files))


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ({'readme.txt': b''}, 'holds no tiles: looked for images'),
        ({'a/photo.jpg': b'', 'b.txt': b''}, r'found \*\.txt \(1\), \*\.jpg \(1\)'),
        (
            FILES | {'train.csv': None},
            'train.csv not found in .*; found 4 images, 4 masks, 2 tiles without masks, depths',
        ),
        ({k: v for k, v in FILES.items() if k not in TABLES}, 'train.csv and depths.csv not found in'),
    ],
)
def test_missing_parts(files, message, tmp_path):
    write_files(tmp_path, {name: content for name, content in files.items() if content is not None})
    with pytest.raises(FileNotFoundError, match=message):
        TgsSource(tmp_path)


def test_a_missing_table_of_depths_leaves_tiles_without_depth(tmp_path):
    files = {name: content for name, content in FILES.items() if name != 'depths.csv'}
    with TgsSource(write_files(tmp_path, files)) as source:
        assert list(source.tables) == ['train.csv']
        assert len(source.digest()) == 64
        assert len(source.images) == 4


def test_another_archive_is_named(tmp_path):
    (tmp_path / 'all.zip').write_bytes(b'7z\xbc\xaf\x27\x1c' + bytes(100))
    with pytest.raises(
        ValueError, match=r'is not a readable zip archive: it is a compressed file: unpack it first \(7z'
    ):
        TgsSource(tmp_path / 'all.zip')


def test_missing_source(tmp_path):
    with pytest.raises(FileNotFoundError, match='expected the archive or folder that Kaggle serves'):
        TgsSource(tmp_path / 'all.zip')


def test_damaged_member_is_named(tmp_path):
    content = bytearray(zipped(FILES))
    with zipfile.ZipFile(write_files(tmp_path, {'all.zip': bytes(content)}) / 'all.zip') as archive:
        start = archive.getinfo('train/images/t02.png').header_offset + 80
    content[start] ^= 255
    write_files(tmp_path, {'all.zip': bytes(content)})
    with (
        TgsSource(tmp_path / 'all.zip') as source,
        pytest.raises(ValueError, match=r'member train/images/t02.png cannot be read \(Bad CRC-32'),
    ):
        source.images['t02']()


def bomb(levels: int) -> bytes:
    """A zip of zeros, or of zips of them: a few kB that grow a thousandfold a level."""
    content = bytes(2**27) if levels == 1 else bomb(levels - 1)
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for number in range(1 if levels == 1 else 20):
            archive.writestr(f'train{number or ""}.zip', content)
    return file.getvalue()


@pytest.mark.parametrize('levels', [1, 2])
def test_archives_that_grow_are_refused(tmp_path, levels: int):
    (tmp_path / 'all.zip').write_bytes(bomb(levels))
    with pytest.raises(ValueError, match=r'all\.zip.* has [\d,]+ bytes and would grow to [\d,]+; it is not unpacked'):
        TgsSource(tmp_path / 'all.zip')


def test_links_in_an_archive_are_refused(tmp_path):
    info = zipfile.ZipInfo('images/t00.png')
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w') as archive:
        archive.writestr(info, '/etc/passwd')
    with pytest.raises(ValueError, match=r"member 'images/t00.png' is a link; refused"):
        TgsSource(tmp_path / 'all.zip')


def test_a_zip_of_a_later_version_is_named(tmp_path):
    content = bytearray(zipped(FILES))
    content[content.index(b'PK\x01\x02') + 6] = 99
    (tmp_path / 'all.zip').write_bytes(content)
    with pytest.raises(ValueError, match=r'all\.zip is not a readable zip archive: zip file version 9\.9'):
        TgsSource(tmp_path / 'all.zip')


def test_pipes_in_a_folder_are_left_aside(tmp_path):
    """Reading one would wait for ever."""
    write_files(tmp_path, FILES)
    os.mkfifo(tmp_path / 'train/images/t99.png')
    with TgsSource(tmp_path) as source:
        assert 't99' not in source.images
