"""Preparing a made-up competition archive: what is written, resumed and refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmattn.common.files import hold_folder
from mmattn.seismic.tiles import prepare
from mmattn.seismic.tiles.prepare import MARKER, prepare_tgs
from mmattn.seismic.tiles.tgs import list_tiles, read_folds, read_mask
from tests.seismic.tgs_files import competition_files, cut, png, table, texture, write_files, zipped

FILES = competition_files()


@pytest.fixture
def source(tmp_path) -> Path:
    return write_files(tmp_path / 'source', FILES)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


def test_a_second_process_is_kept_out(source, tmp_path):
    target = tmp_path / 'salt'
    target.mkdir()
    lock = hold_folder(target, MARKER)
    with pytest.raises(FileExistsError, match=r"salt' is in use by another process: process \d+"):
        prepare_tgs(source, target, num_folds=4)
    os.close(lock)
    prepare_tgs(source, target, num_folds=4)
    assert not (target / MARKER).exists()


def test_what_is_written(source, tmp_path):
    target = tmp_path / 'salt'
    survey, already = prepare_tgs(source, target, num_folds=4)
    assert not already
    assert sorted(os.listdir(target)) == [
        'depths.csv', 'folds.csv', 'images', 'masks', 'survey.json', 'test', 'train.csv'
    ]  # fmt: skip
    assert survey == json.loads((target / 'survey.json').read_text())
    assert survey['counts'] == dict(
        tiles=20,
        empty_masks=2,
        constant_images=1,
        tiny_masks=1,
        full_masks=0,
        vertical_edge_only_masks=1,
        without_depth=1,
        test_tiles=3,
    )
    assert survey['constant_ids'] == ['t00']
    assert [row['tiles'] for row in survey['folds']] == [5, 5, 5, 5]
    assert len(survey['split_sha256']) == 64
    assert (target / 'images/t05.png').read_bytes() == FILES['train/images/t05.png']
    assert list(list_tiles(target / 'test/images')) == ['h00', 'h01', 'h02']
    folds = read_folds(target / 'folds.csv')
    assert list(folds) == sorted(f't{k:02}' for k in range(20))
    for tile, row in folds.items():
        assert row.coverage == pytest.approx(read_mask(target / f'masks/{tile}.png').mean(), abs=1e-6)


def test_a_zip_gives_the_same_folder(source, tmp_path):
    (tmp_path / 'all.zip').write_bytes(zipped(FILES))
    prepare_tgs(source, tmp_path / 'a')
    prepare_tgs(tmp_path / 'all.zip', tmp_path / 'b')
    assert _contents(tmp_path / 'a') == _contents(tmp_path / 'b')


def test_tiles_of_one_picture_share_a_fold(tmp_path):
    files = competition_files()
    for k, tile in enumerate(cut(texture((64, 96), 7), 32)):
        files[f'train/images/t{10 + k}.png'] = png(tile)
    prepare_tgs(write_files(tmp_path / 'source', files), tmp_path / 'salt', num_folds=3)
    folds = read_folds(tmp_path / 'salt/folds.csv')
    assert {folds[f't{k}'].group for k in range(10, 16)} == {'mosaic_t10'}
    assert len({folds[f't{k}'].fold for k in range(10, 16)}) == 1
    assert len({row.group for row in folds.values()}) == 15


def test_given_groups_replace_matching(source, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, 'find_mosaics', lambda *a, **k: pytest.fail('borders were matched'))
    groups = {f't{k:02}': f'g{k // 4}' for k in range(20)}
    (tmp_path / 'groups.csv').write_bytes(table('id,group', list(groups.items())))
    survey, _ = prepare_tgs(source, tmp_path / 'salt', groups=tmp_path / 'groups.csv')
    folds = read_folds(tmp_path / 'salt/folds.csv')
    assert {tile: row.group for tile, row in folds.items()} == groups
    assert survey['grouping'] == 'given'
    assert prepare_tgs(source, tmp_path / 'salt', groups=tmp_path / 'groups.csv')[1]
    (tmp_path / 'other.csv').write_bytes(table('id,group', [(tile, tile) for tile in groups]))
    with pytest.raises(ValueError, match="finished already, with t00 in group 'g0' where 't00' is given"):
        prepare_tgs(source, tmp_path / 'salt', groups=tmp_path / 'other.csv')


def test_finished_folder_is_left_alone(source, tmp_path, monkeypatch):
    first, _ = prepare_tgs(source, tmp_path / 'salt')
    monkeypatch.setattr(prepare, '_write', lambda *a: pytest.fail('something was written'))
    second, already = prepare_tgs(source, tmp_path / 'salt')
    assert already
    assert second == first
    with pytest.raises(ValueError, match='finished already, with num_folds=5 where 4 is asked for'):
        prepare_tgs(source, tmp_path / 'salt', num_folds=4)
    other = write_files(tmp_path / 'other', competition_files(count=12))
    with pytest.raises(ValueError, match='finished already, from another source'):
        prepare_tgs(other, tmp_path / 'salt')


class _Stopped(BaseException):
    """Stands for a key press or a kill."""


@pytest.mark.parametrize('after', [0, 1, 5, 22, 30, 42, 44, 45, 46])
def test_stopped_at_any_file_it_goes_on(after, source, tmp_path, monkeypatch):
    """Half of a file is on disk when the machine goes down at the given write; then the call is repeated."""
    whole, target = tmp_path / 'whole', tmp_path / 'salt'
    prepare_tgs(source, whole)
    count, write_bytes = 0, Path.write_bytes

    def stop(self: Path, content: bytes) -> int:
        nonlocal count
        if count == after:
            write_bytes(self, content[: len(content) // 2])
            raise _Stopped
        count += 1
        return write_bytes(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'write_bytes', stop)
        patch.setattr(Path, 'unlink', lambda self, missing_ok=False: None)
        with pytest.raises(_Stopped):
            prepare_tgs(source, target)
    assert MARKER in os.listdir(target)
    assert any('.tmp-' in name for name in _contents(target))
    complete = _contents(whole)
    assert all(content == complete[name] for name, content in _contents(target).items() if Path(name).name[0] != '.')
    _, already = prepare_tgs(source, target)
    assert not already
    assert _contents(target) == complete


def test_lost_files_of_a_finished_folder_are_put_back(source, tmp_path):
    prepare_tgs(source, tmp_path / 'salt')
    complete = _contents(tmp_path / 'salt')
    (tmp_path / 'salt/masks/t07.png').unlink()
    assert not prepare_tgs(source, tmp_path / 'salt')[1]
    assert _contents(tmp_path / 'salt') == complete


def _changed(name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    assert old in FILES[name]
    return FILES | {name: FILES[name].replace(old, new, 1)}


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        (_changed('train.csv', b't02,132 1 164 1', b't02,132 2 164 1'), '1 masks that differ from their .* t02'),
        (_changed('train.csv', b't02,132 1', b't02,9999 1'), 'train.csv, tile t02: run 9999 1 leaves the mask'),
        (_changed('train.csv', b't02,132 1 164 1\n', b''), '1 .* images without a line in train.csv: t02'),
        (_changed('train.csv', b't00,', b't00,\nt99,'), '1 .* lines of train.csv without an image: t99'),
        ({k: v for k, v in FILES.items() if 'masks/t1' not in k}, '10 .* images without a mask: t10, t11'),
        (FILES | {'train/masks/t05.png': png(np.zeros((9, 9), np.uint8))}, r'mask of tile t05 has the size \(9, 9\)'),
        (FILES | {'train/images/t05.png': b'broken'}, r't05.png is not a readable image'),
        (FILES | {'test/images/h01.png': png(np.zeros((9, 9), np.uint8))}, 'needs tiles of one size'),
        (_changed('depths.csv', b't00,100', b't00,deep'), "depths.csv: depth of t00 is 'deep'"),
    ],
)
def test_refused_sources_leave_nothing_finished(files, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        prepare_tgs(write_files(tmp_path / 'source', files), tmp_path / 'salt')
    assert not (tmp_path / 'salt/survey.json').exists()
    assert not (tmp_path / 'salt/folds.csv').exists()


def test_refused_targets(source, tmp_path):
    write_files(tmp_path / 'thesis', {'chapter1.txt': b'precious'})
    with pytest.raises(ValueError, match=r'holds something else \(chapter1.txt\)'):
        prepare_tgs(source, tmp_path / 'thesis')
    assert _contents(tmp_path / 'thesis') == {'chapter1.txt': b'precious'}
    with pytest.raises(ValueError, match='is a file; name a folder'):
        prepare_tgs(source, tmp_path / 'thesis/chapter1.txt')
    for target in (source, source / 'salt'):
        (source / 'salt').mkdir(exist_ok=True)
        with pytest.raises(ValueError, match='lies in the source'):
            prepare_tgs(source, target)
    write_files(tmp_path / 'begun', {MARKER: b'', 'images/x99.png': b'of another source'})
    with pytest.raises(ValueError, match=r'1 tiles in .*images are not in the source, name another folder: x99'):
        prepare_tgs(source, tmp_path / 'begun')
    assert (tmp_path / 'begun/images/x99.png').is_file()


def test_refused_options(source, tmp_path):
    with pytest.raises(ValueError, match='got num_folds=1, seed=0'):
        prepare_tgs(source, tmp_path / 'salt', num_folds=1)
    with pytest.raises(ValueError, match='got num_folds=5, seed=-1'):
        prepare_tgs(source, tmp_path / 'salt', seed=-1)
    (tmp_path / 'groups.csv').write_bytes(table('id,group', [('t00', 'a')]))
    with pytest.raises(ValueError, match='19 tiles without a line in the groups csv: t01'):
        prepare_tgs(source, tmp_path / 'salt', groups=tmp_path / 'groups.csv')
    assert not (tmp_path / 'salt').exists()


@pytest.mark.slow
def test_command_line(root, source, tmp_path):
    groups = table('id,group', [(f't{k:02}', f'g{k}') for k in range(20)])
    (tmp_path / 'groups.csv').write_bytes(groups)
    target = tmp_path / 'salt'

    def run(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(root / 'tools/prepare_tgs.py'), str(source), *options]
        environment = os.environ | {'PYTHONPATH': str(root)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    done = run(str(target), '--check-groups', 'groups.csv')
    assert done.returncode == 0, done.stderr
    assert f'{target} is ready' in done.stdout
    assert 'constant images                 1' in done.stdout
    assert 'precision                  1.0000' in done.stdout
    again = run(str(target))
    assert again.returncode == 0
    assert 'already prepared; nothing to do' in again.stdout
    wrong = run(str(target), '--num-folds', '3')
    assert wrong.returncode == 2
    errors = [line for line in wrong.stderr.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert 'num_folds=5 where 3 is asked for' in errors[0]
    assert 'Traceback' not in wrong.stderr


def test_without_depths_the_tiles_have_none(tmp_path):
    files = {name: content for name, content in FILES.items() if name != 'depths.csv'}
    survey, _ = prepare_tgs(write_files(tmp_path / 'source', files), tmp_path / 'salt', num_folds=4)
    assert survey['counts']['without_depth'] == 20
    assert not (tmp_path / 'salt/depths.csv').exists()
    assert prepare_tgs(tmp_path / 'source', tmp_path / 'salt', num_folds=4) == (survey, True)
