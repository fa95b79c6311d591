"""SaltDataset over a prepared folder, the competition's own folder, and folders that lack something."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmseg.registry import DATASETS

from mmattn.datasets import SaltDataset
from mmattn.seismic.tiles.prepare import prepare_tgs
from mmattn.seismic.tiles.tgs import read_folds
from tests.seismic.tgs_files import below, competition_files, png, write_files

FILES = competition_files()
LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadSaltAnnotations')]


@pytest.fixture(scope='module')
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('salt')
    prepare_tgs(write_files(folder / 'source', FILES), folder / 'data', num_folds=4)
    return folder / 'data'


@pytest.fixture
def copy(prepared, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(prepared, tmp_path / 'data'))


@pytest.fixture
def bare(tmp_path) -> Path:
    """The competition's training folder: images, masks, train.csv, depths.csv."""
    tables = {name: FILES[name] for name in ('train.csv', 'depths.csv')}
    return write_files(tmp_path / 'bare', below(FILES, 'train/') | tables)


def _ids(dataset: SaltDataset) -> list[str]:
    return [dataset.get_data_info(k)['img_id'] for k in range(len(dataset))]


def _dataset(root: Path, **options: object) -> SaltDataset:
    return SaltDataset(root, **(dict(num_folds=4) | options))


def test_folds_divide_the_tiles(prepared):
    everything = _ids(_dataset(prepared, split='all'))
    assert everything == [f't{k:02}' for k in range(20)]
    assert _ids(_dataset(prepared, fold=None)) == everything
    held_out = []
    for fold in range(4):
        train, val = (_ids(_dataset(prepared, fold=fold, split=split)) for split in ('train', 'val'))
        assert sorted(train + val) == everything
        assert val == sorted(tile for tile, row in read_folds(prepared / 'folds.csv').items() if row.fold == fold)
        held_out += val
    assert sorted(held_out) == everything


def test_sample_from_the_registry(prepared):
    dataset = DATASETS.build(dict(type='SaltDataset', data_root=str(prepared), num_folds=4, split='all', pipeline=LOAD))
    assert dataset.metainfo['classes'] == ('background', 'salt')
    assert dataset.metainfo['palette'] == [[70, 130, 180], [255, 140, 0]]
    info = dataset.get_data_info(5)
    assert info.pop('sample_idx') == 5
    assert info == dict(
        img_path=str(prepared / 'images/t05.png'),
        seg_map_path=str(prepared / 'masks/t05.png'),
        img_id='t05',
        depth=105.0,
        group='mosaic_t05',
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
        test_mode=False,
    )
    assert dataset.get_data_info(19)['depth'] is None
    sample = dataset[5]
    assert sample['img'].shape == (32, 32, 3)
    expected = (np.add.outer(np.arange(32), np.arange(32) / 4) > 11).astype(np.uint8)
    np.testing.assert_array_equal(sample['gt_seg_map'], expected)


def test_masks_from_png_and_run_lengths_are_equal(prepared):
    png, rle = (_dataset(prepared, split='all', mask_source=source, pipeline=LOAD) for source in ('png', 'rle'))
    assert 'seg_map_path' not in rle.get_data_info(5)
    for k in range(20):
        np.testing.assert_array_equal(png[k]['gt_seg_map'], rle[k]['gt_seg_map'])


def test_test_tiles_have_no_label(prepared):
    dataset = _dataset(prepared, split='test', pipeline=LOAD, test_mode=True)
    assert _ids(dataset) == ['h00', 'h01', 'h02']
    assert dataset.get_data_info(1)['depth'] == 501.0
    assert 'gt_seg_map' not in dataset[1]


def test_constant_tiles_can_be_dropped_from_training(prepared, bare):
    held_out = read_folds(prepared / 'folds.csv')['t00'].fold
    fold = (held_out + 1) % 4
    kept = _ids(_dataset(prepared, fold=fold))
    assert 't00' in kept
    assert _ids(_dataset(prepared, fold=fold, drop_constant=True)) == [tile for tile in kept if tile != 't00']
    assert 't00' in _ids(_dataset(prepared, fold=held_out, split='val'))
    assert len(_dataset(bare, fold=None, drop_constant=True)) == 19


def test_bare_competition_folder(bare):
    dataset = _dataset(bare, fold=None, pipeline=LOAD)
    assert len(dataset) == 20
    assert dataset.get_data_info(4)['group'] is None
    mask = dataset[4]['gt_seg_map']
    assert mask.max() == 1
    shutil.rmtree(bare / 'masks')
    (bare / 'depths.csv').unlink()
    without = _dataset(bare, fold=None, pipeline=LOAD)
    assert without.get_data_info(4)['depth'] is None
    np.testing.assert_array_equal(without[4]['gt_seg_map'], mask)


def test_base_class_options(prepared):
    dataset = _dataset(prepared, split='all', indices=3, metainfo=dict(source='a'), lazy_init=True)
    assert not dataset._fully_initialized
    dataset.full_init()
    assert _ids(dataset) == ['t00', 't01', 't02']
    assert dataset.metainfo['source'] == 'a'
    assert dataset.get_data_info(0)['label_map'] is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(split='valid'), r"split must be one of \('train', 'val', 'all', 'test'\), got 'valid'"),
        (dict(mask_source='csv'), r"mask_source must be one of \('auto', 'png', 'rle'\), got 'csv'"),
        (dict(fold=4), r'fold must be None or 0 to 3 \(num_folds=4\), got 4'),
        (dict(fold=-1), 'fold must be None or 0 to 3'),
        (dict(fold='0'), "fold must be None or 0 to 3 .* got '0'"),
        (dict(fold=True), 'fold must be None or 0 to 3 .* got True'),
        (dict(num_folds=1), 'num_folds must be at least 2, got 1'),
        (dict(num_folds=5), r'num_folds is 5, but .*folds.csv holds 4 folds'),
        (dict(fold=None, split='val'), "fold=None holds nothing out, so split='val' is empty"),
        (dict(split='val', drop_constant=True), "drop_constant=True is for split='train' only, got split='val'"),
    ],
)
def test_refused_options(options, message, prepared):
    with pytest.raises(ValueError, match=message):
        _dataset(prepared, **options)


@pytest.mark.parametrize(
    ('root', 'message'),
    [
        ('', "data_root is ''; expected a folder with images/"),
        (None, 'data_root is None; expected a folder with images/'),
        ('no/such/folder', "data_root='no/such/folder' is not a folder; looked for images/, masks/, train.csv"),
    ],
)
def test_refused_roots(root, message):
    with pytest.raises(FileNotFoundError, match=message) as caught:
        SaltDataset(root)
    assert 'python tools/prepare_tgs.py ARCHIVE data/salt' in str(caught.value)


@pytest.mark.parametrize(
    ('lost', 'options', 'message'),
    [
        ('folds.csv', {}, r'folds.csv and found no such file.* Or set fold=None'),
        ('train.csv', {}, r'train.csv and found no such file'),
        ('images', {}, r'looked for PNG files in .*images and found none'),
        ('test/images', dict(split='test'), r'looked for PNG files in .*images and found none'),
        ('images/t07.png', {}, r'train.csv names 1 ids without image in .*images: t07'),
        ('masks/t07.png', {}, r"train.csv names 1 ids without mask in .*masks \(mask_source='rle' needs none\): t07"),
        ('masks', dict(mask_source='png'), r'looked for PNG files in .*masks and found none'),
    ],
)
def test_incomplete_folders(lost, options, message, copy):
    path = copy / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=message) as caught:
        _dataset(copy, **options)
    assert 'python tools/prepare_tgs.py ARCHIVE data/salt' in str(caught.value)


def test_many_missing_ids_are_counted_and_a_few_named(copy):
    for k in range(10, 20):
        (copy / f'images/t{k}.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'train.csv names 10 ids without image in .*: t10, t11, t12, …'):
        _dataset(copy)


def test_tiles_without_a_fold(copy):
    text = (copy / 'folds.csv').read_text().splitlines(keepends=True)
    (copy / 'folds.csv').write_text(''.join(line for line in text if not line.startswith('t08')))
    with pytest.raises(FileNotFoundError, match=r'1 ids without line in .*folds.csv: t08'):
        _dataset(copy)


def test_tiles_in_memory_are_those_of_the_files(prepared, bare):
    pipeline = [dict(type='LoadSaltSection'), dict(type='LoadSaltAnnotations')]
    for root, options in ((prepared, dict(split='all')), (bare, dict(fold=None, mask_source='rle'))):
        on_disk = _dataset(root, pipeline=pipeline, **options)
        kept = _dataset(root, pipeline=pipeline, in_memory=True, **options)
        for index in (0, 5):
            expected, got = on_disk[index], kept[index]
            for name in ('img', 'gt_seg_map'):
                np.testing.assert_array_equal(got[name], expected[name])
                got[name][:] = 7  # a copy: later epochs see the tile as it was
                np.testing.assert_array_equal(kept[index][name], expected[name])
            for name in ('img_shape', 'ori_shape', 'seg_fields', 'img_id'):
                assert got[name] == expected[name]
    held_out = _dataset(prepared, split='test', pipeline=pipeline, in_memory=True)[0]
    assert held_out['img'].shape == (32, 32)
    assert 'gt_seg_map' not in held_out


@pytest.fixture
def predicted(tmp_path) -> Path:
    """Masks of two of the three unlabelled tiles, as tools/ensemble.py writes them."""
    masks = {f'{tile}.png': png(np.full((32, 32), value, np.uint8)) for tile, value in (('h00', 0), ('h02', 255))}
    return write_files(tmp_path / 'predicted', masks)


@pytest.mark.parametrize('in_memory', [False, True])
def test_predicted_masks_make_unlabelled_tiles_fit_for_training(in_memory: bool, prepared, predicted):
    pipeline = [dict(type='LoadSaltSection'), dict(type='LoadSaltAnnotations')]
    options = dict(pipeline=pipeline, in_memory=in_memory)
    labelled = _dataset(prepared, fold=1, **options)
    both = _dataset(prepared, fold=1, pseudo_masks=predicted, **options)
    assert _ids(both) == [*_ids(labelled), 'h00', 'h02']
    alone = _dataset(prepared, split='test', pseudo_masks=str(predicted), **options)
    assert _ids(alone) == ['h00', 'h02']
    for dataset in (both, alone):
        empty, full = (dataset[len(dataset) - k] for k in (2, 1))
        assert empty['gt_seg_map'].max() == 0
        assert full['gt_seg_map'].min() == 1
        assert full['depth'] == 502.0
    joined = ConcatDataset([labelled, alone])
    assert len(joined) == len(both)
    assert joined[len(labelled)]['img_id'] == 'h00'


def test_refused_predicted_masks(prepared, predicted, tmp_path):
    for split in ('val', 'all'):
        with pytest.raises(ValueError, match=f"pseudo_masks is for split='train' and 'test', got split='{split}'"):
            _dataset(prepared, split=split, pseudo_masks=predicted)
    for missing in (tmp_path / 'none', tmp_path):
        with pytest.raises(FileNotFoundError, match=r'holds no PNG files; tools/ensemble.py --split test writes masks'):
            _dataset(prepared, pseudo_masks=missing)
    (predicted / 't05.png').write_bytes((predicted / 'h00.png').read_bytes())
    with pytest.raises(ValueError, match=r'has 1 masks without image in .*test/images: t05'):
        _dataset(prepared, pseudo_masks=predicted)
