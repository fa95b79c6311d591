"""Volumes with labels as a dataset: splits, labels, clips, workers."""

import os
import pickle
from functools import partial
from pathlib import Path

import cv2
import mmcv
import mmengine.fileio as fileio
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, TRANSFORMS
from numpy.testing import assert_allclose, assert_array_equal
from torch.utils.data import DataLoader

from mmattn.datasets import LoadSegySection
from mmattn.datasets import SegySaltDataset as Dataset
from mmattn.datasets.segy_sections import SectionAddress
from mmattn.seismic import SegyError, estimate_clip, open_volume
from tests.seismic.segy_files import grid_file, make_cube

salt_dataset = partial(Dataset, serialize_data=False)  # serialising collects garbage, half a second each time
SHAPE = (30, 26, 40)
PIPELINE = [dict(type='LoadSegySection'), dict(type='PackSegInputs', meta_keys=('img_id', 'img_path', 'ori_shape'))]


def survey(folder: Path, **options) -> dict:
    """Random amplitudes as SEG-Y, and labels that are salt where the amplitude is above 0.5."""
    cube = make_cube(SHAPE, seed=4)
    amplitude = grid_file(cube, **options).write(folder / 'survey.sgy')
    label = grid_file((cube > 0.5).astype(np.float32), **options | dict(format=8)).write(folder / 'salt.sgy')
    return dict(amplitude=str(amplitude), label=str(label))


def test_a_section_is_a_picture_with_time_down(tmp_path: Path):
    dataset = DATASETS.build(
        dict(type='SegySaltDataset', volumes=[survey(tmp_path)], pipeline=PIPELINE, test_mode=True)
    )
    cube, clip = make_cube(SHAPE, seed=4), dataset.metainfo['amplitude_clip']['survey']
    assert len(dataset) == 30
    sample = dataset[7]
    assert sample['inputs'].shape == (1, 40, 26)
    assert sample['inputs'].dtype == torch.float32
    assert_allclose(sample['inputs'][0], 128 + 127 * np.clip(cube[7].T / clip, -1, 1), rtol=1e-5)
    assert_array_equal(sample['data_samples'].gt_sem_seg.data[0], cube[7].T > 0.5)
    assert sample['data_samples'].img_id == 'survey_iline_17_0_0'


def test_directions_windows_and_lines(tmp_path: Path):
    cube = make_cube(SHAPE, seed=4)
    volumes = [survey(tmp_path) | dict(direction=['iline', 'xline'], lines=(12, 16))]
    dataset = salt_dataset(volumes, window=(16, 10), stride=(12, 8), pipeline=PIPELINE, test_mode=True)
    lefts, tops = (0, 8, 16), (0, 12, 24)
    assert len(dataset) == 5 * len(lefts) * len(tops) + 26 * len(tops)
    by_id = {dataset.get_data_info(index)['img_id']: index for index in range(len(dataset))}
    assert len(by_id) == len(dataset)
    inline = dataset[by_id['survey_iline_14_12_16']]['data_samples'].gt_sem_seg.data[0]
    assert_array_equal(inline, cube[4, 16:26, 12:28].T > 0.5)
    crossline = dataset[by_id['survey_xline_303_24_2']]['data_samples'].gt_sem_seg.data[0]
    assert_array_equal(crossline, cube[2:7, 3, 24:40].T > 0.5)
    assert len(salt_dataset(volumes, line_stride=2)) == 3 + 13


@pytest.mark.parametrize('direction', ['iline', 'xline', ['iline', 'xline']])
@pytest.mark.parametrize('num_blocks', [1, 2])
def test_splits_share_no_line(tmp_path: Path, direction, num_blocks: int):
    volumes = [survey(tmp_path) | dict(direction=direction)]
    axis = 1 if direction == 'xline' else 0
    used = {}
    for split in ('train', 'val'):
        dataset = salt_dataset(volumes, split=split, guard=2, num_blocks=num_blocks, window=(40, 6))
        used[split] = np.zeros(SHAPE[:2], bool)
        for index in range(len(dataset)):
            address = SectionAddress.parse(dataset.get_data_info(index)['img_path'])
            traces = slice(*address.traces)
            where = (address.index, traces) if address.direction == 'iline' else (traces, address.index)
            used[split][where] = True
    lines = {split: np.flatnonzero(mask.any(axis=1 - axis)) for split, mask in used.items()}
    assert np.abs(lines['train'][:, None] - lines['val']).min() == 3
    assert all(mask.any(axis=axis).all() for mask in used.values())
    assert len(lines['val']) == pytest.approx(0.2 * SHAPE[axis], abs=1)


def test_missing_and_dead_traces_are_ignored(tmp_path: Path):
    cube, missing = make_cube(SHAPE, seed=4), np.zeros(SHAPE[:2], bool)
    missing[5, 3:6] = True
    missing[6] = True
    missing[6, 0] = False
    cube[5, 9] = 0
    marks = np.ones(SHAPE[:2], int)
    marks[5, 11] = 2
    amplitude = grid_file(cube, missing=missing, headers={-29: marks}).write(tmp_path / 'a.sgy')
    holes = np.zeros(SHAPE[:2], bool)
    holes[5, 20] = True
    label = grid_file(np.ones(SHAPE), missing=holes, format=8).write(tmp_path / 'l.sgy')
    volumes = [dict(amplitude=str(amplitude), label=str(label))]
    dataset = salt_dataset(volumes, pipeline=PIPELINE, test_mode=True)
    mask = dataset[5]['data_samples'].gt_sem_seg.data[0].numpy()
    ignored = np.zeros(26, bool)
    ignored[[3, 4, 5, 9, 11, 20]] = True
    assert (mask[:, ignored] == 255).all()
    assert (mask[:, ~ignored] == 1).all()
    assert (dataset[5]['inputs'][0][:, 3:6] == 128).all()
    windows = salt_dataset(volumes, window=(40, 13))
    assert len(windows) == 2 * 30 - 1  # the second half of line 6 has no trace at all


@pytest.mark.parametrize('kind', ['npy', 'zarr'])
def test_arrays_as_labels(tmp_path: Path, kind: str):
    given = survey(tmp_path, bytes=(9, 21))
    label = make_cube(SHAPE, seed=4) > 0.5
    if kind == 'npy':
        np.save(tmp_path / 'salt.npy', label)
    else:
        zarr = pytest.importorskip('zarr')
        zarr.create_array(str(tmp_path / 'salt.zarr'), shape=SHAPE, chunks=(8, 8, 8), dtype='uint8')[...] = label
    volumes = [given | dict(label=str(tmp_path / f'salt.{kind}'), iline=9, xline=21)]
    dataset = salt_dataset(volumes, pipeline=PIPELINE, test_mode=True)
    assert_array_equal(dataset[3]['data_samples'].gt_sem_seg.data[0], label[3].T)


def test_2d_lines_are_split_by_traces(tmp_path: Path):
    np.save(tmp_path / 'a.npy', make_cube((50, 1, 30))[:, 0])
    np.save(tmp_path / 'l.npy', np.zeros((50, 30), np.uint8))
    volumes = [dict(amplitude=str(tmp_path / 'a.npy'), label=str(tmp_path / 'l.npy'))]
    shapes = [salt_dataset(volumes, split=split, pipeline=PIPELINE)[0]['inputs'].shape for split in ('train', 'val')]
    assert shapes == [(1, 30, 36), (1, 30, 10)]


def test_clips_are_the_surveys_and_travel_with_the_metainfo(tmp_path: Path):
    (tmp_path / 'b').mkdir()
    first, second = survey(tmp_path), survey(tmp_path / 'b', format=1) | dict(name='other', clip=2.5)
    dataset = salt_dataset([first, second], split='train')
    expected = estimate_clip(open_volume(first['amplitude']))
    assert dataset.metainfo['amplitude_clip'] == {'survey': expected, 'other': 2.5}
    assert salt_dataset([first, second], split='val').metainfo == dataset.metainfo
    assert dataset.metainfo['classes'] == ('background', 'salt')
    with pytest.raises(ValueError, match=r"volumes must have different names, got \['survey', 'survey'\]"):
        salt_dataset([first, dict(second, name='survey')])


def test_workers_read_without_a_copy_of_the_volume(tmp_path: Path):
    dataset = salt_dataset([survey(tmp_path)], pipeline=PIPELINE, split='train')
    here = [dataset[index]['inputs'] for index in range(8)]
    loader = DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=pseudo_collate)
    for number, batch in enumerate(loader):
        if number < 2:
            assert all(torch.equal(*pair) for pair in zip(batch['inputs'], here[4 * number :]))
    assert number == 4
    copied = pickle.dumps(Dataset([survey(tmp_path)], pipeline=PIPELINE, split='train'))
    assert len(copied) < make_cube(SHAPE).nbytes / 4
    assert torch.equal(pickle.loads(copied)[2]['inputs'], here[2])


def test_a_file_written_anew_is_opened_anew(tmp_path: Path):
    before = salt_dataset([survey(tmp_path)], pipeline=PIPELINE)[0]['inputs']
    grid_file(make_cube(SHAPE, seed=9)).write(tmp_path / 'survey.sgy')
    os.utime(tmp_path / 'survey.sgy', ns=(1, 1))
    assert not torch.equal(
        salt_dataset([dict(amplitude=tmp_path / 'survey.sgy')], pipeline=PIPELINE)[0]['inputs'], before
    )


def test_an_address_is_an_image_to_anything_that_reads_images(tmp_path: Path):
    dataset = salt_dataset([survey(tmp_path, bytes=(9, 21)) | dict(iline=9, xline=21)], pipeline=PIPELINE)
    path = dataset.get_data_info(3)['img_path']
    assert path.endswith('/survey_iline_13_0_0.png')
    image = mmcv.imfrombytes(fileio.get(path), flag='unchanged')
    assert_allclose(image, dataset[3]['inputs'][0], atol=0.51)
    assert cv2.IMREAD_UNCHANGED == -1
    with pytest.raises(ValueError, match=r"'segy://nothing/a\.png' is no section of a volume"):
        fileio.get('segy://nothing/a.png')


def test_the_usual_transforms_work_on_float_sections(tmp_path: Path):
    config = Config.fromfile(Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets' / 'segy.py')
    dataset = salt_dataset([survey(tmp_path)], pipeline=config.train_pipeline, split='train')
    np.random.seed(0)
    samples = [dataset[index] for index in range(6)]
    assert all(sample['inputs'].dtype == torch.float32 for sample in samples)
    assert any(sample['data_samples'].flip for sample in samples)
    assert all(sample['inputs'].shape[1:] == sample['data_samples'].gt_sem_seg.shape for sample in samples)
    assert {int(v) for sample in samples for v in sample['data_samples'].gt_sem_seg.data.unique()} == {0, 1}
    views = salt_dataset([survey(tmp_path)], pipeline=config.tta_pipeline, test_mode=True)[0]
    assert torch.equal(views['inputs'][0], views['inputs'][1].flip(-1))


def test_the_config_names_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    for name in ('SEGY_AMPLITUDE', 'SEGY_LABEL', 'SEGY_OPTIONS'):
        monkeypatch.delenv(name, raising=False)
    path = Path(__file__).resolve().parents[2] / 'configs' / 'ccnet_segy.py'
    with pytest.raises(ValueError, match=r'amplitude must be the path of a volume, got None.*SEGY_AMPLITUDE and SEGY'):
        DATASETS.build(Config.fromfile(path).train_dataloader.dataset)
    monkeypatch.setenv('SEGY_AMPLITUDE', 'a.sgy')
    monkeypatch.setenv('SEGY_OPTIONS', '{"iline": 9, "direction": "xline"}')
    config = Config.fromfile(path)
    assert dict(config.volume) == dict(amplitude='a.sgy', label=None, direction='xline', iline=9)
    with pytest.raises(ValueError, match=r"label must be the path of a label volume for split='train', got None"):
        DATASETS.build(config.train_dataloader.dataset)


@pytest.mark.parametrize(
    ('volume', 'options', 'message'),
    [
        (dict(direction='time'), {}, r"volumes\[0\]\.direction must be 'iline', 'xline' or a list of both, got 'time'"),
        (dict(lines=(90, 99)), {}, r'volumes\[0\]\.lines=\[90, 99\] holds no line; there are 10 to 39'),
        (dict(direction=5), {}, r'direction must be .*, got 5'),
        (dict(label_options=5), {}, r'volumes\[0\]\.label_options must be a dict, got 5'),
        (dict(lines=('a', 'b')), {}, r'lines must be None or the first and last line number'),
        (dict(lines='10'), {}, r'lines must be None or the first and last line number'),
        (dict(clip=-1), {}, r'volumes\[0\]\.clip must be None or a positive number, got -1'),
        (dict(inline=5), {}, r"volumes\[0\]: unknown options \['inline'\]; known are \['amplitude'"),
        ({}, dict(split='test'), "split must be 'train', 'val' or 'all', got 'test'"),
        ({}, dict(split_along='time'), "split_along must be None, 'iline' or 'xline', got 'time'"),
        ({}, dict(window=5), r'window must be None or \(samples, traces\), got 5'),
        ({}, dict(window=(5, 0)), 'window must be at least 1, got 0'),
        ({}, dict(stride=(5, 5)), r'stride=\(5, 5\) needs a window'),
        ({}, dict(line_stride=0), 'line_stride must be at least 1, got 0'),
        ({}, dict(split='train', guard=40), r'volume survey, split along iline: .*guard=40 leave none of 30 lines'),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, volume: dict, options: dict, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        salt_dataset([survey(tmp_path) | volume], **options)


def test_wrong_volumes_are_named(tmp_path: Path):
    given = survey(tmp_path)
    with pytest.raises(ValueError, match='volumes must be a list of dicts with at least one'):
        salt_dataset([])
    with pytest.raises(FileNotFoundError, match=r"none\.sgy' does not exist"):
        salt_dataset([given | dict(amplitude='none.sgy')])
    np.save(tmp_path / 'l.npy', np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match=r'the label is on another grid: l\.npy \(3, 4, 5\).*survey\.sgy \(30, '):
        salt_dataset([given | dict(label=str(tmp_path / 'l.npy'))])
    shifted = grid_file(make_cube(SHAPE), ilines=np.arange(50, 80)).write(tmp_path / 'shifted.sgy')
    with pytest.raises(ValueError, match=r'shifted\.sgy .* of inlines 50 to 79'):
        salt_dataset([given | dict(label=str(shifted))])
    with pytest.raises(SegyError, match='form a grid: iline=9, xline=21'):
        salt_dataset([survey(tmp_path, bytes=(9, 21))])


def test_a_label_map_is_applied(tmp_path: Path):
    options = dict(pipeline=PIPELINE, test_mode=True)
    dataset = salt_dataset([survey(tmp_path)], **options)
    info = dataset.get_data_info(0)
    plain, mapped = (LoadSegySection()({**info, 'label_map': one})['gt_seg_map'] for one in (None, {0: 1, 1: 0}))
    assert 0 < plain.sum() < plain.size
    assert np.array_equal(mapped, 1 - plain)
    assert TRANSFORMS.get('LoadSegySection') is LoadSegySection


def test_image_files_are_grey_values_for_inference_model(tmp_path: Path):
    grey = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'section.png'), grey)
    cv2.imwrite(str(tmp_path / 'colour.png'), np.repeat(grey[..., None], 3, axis=2))
    for name in ('section.png', 'colour.png'):
        loaded = LoadSegySection().transform(dict(img_path=str(tmp_path / name)))
        assert loaded['img'].dtype == np.float32
        assert np.array_equal(loaded['img'], grey)
        assert loaded['ori_shape'] == (20, 30)
    with pytest.raises(FileNotFoundError, match=r"image 'gone\.png' does not exist"):
        LoadSegySection().transform(dict(img_path='gone.png'))
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(
        ValueError, match=r"text\.png' is no image; LoadSegySection reads sections of SegySaltDataset and"
    ):
        LoadSegySection().transform(dict(img_path=str(tmp_path / 'text.png')))


def test_windows_without_a_label_can_be_left_out(tmp_path: Path):
    label = np.full(SHAPE, 255, np.uint8)
    label[7, :10, 5:9] = 1
    np.save(tmp_path / 'label.npy', label)
    volumes = [survey(tmp_path) | dict(label=str(tmp_path / 'label.npy'), ignore_value=255, yes=True)]
    given = dict(window=(20, 13), pipeline=PIPELINE, test_mode=True)
    assert len(salt_dataset(volumes, **given)) == 30 * 2 * 2
    dataset = salt_dataset(volumes, skip_unlabelled=True, **given)
    assert [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))] == ['survey_iline_17_0_0']
    with pytest.raises(TypeError, match='skip_unlabelled must be True or False'):
        salt_dataset(volumes, skip_unlabelled=1, pipeline=PIPELINE)
