"""SaltMetric through mmengine's Evaluator: scores, files, and results that travel."""

import csv
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmattn.evaluation import SaltMetric, salt_metric
from mmattn.evaluation.salt_metric import TileResult
from mmattn.seismic.tiles.rle import decode_rle

KEYS = {'salt_iou', 'salt_dice', 'pixel_accuracy', 'boundary_f1', 'boundary_distance', 'mean_precision'}


def masks(count: int, shape: tuple[int, int] = (40, 31), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    fields = np.stack([gaussian_filter(rng.standard_normal(shape), 4) for _ in range(count)])
    noise = np.stack([gaussian_filter(rng.standard_normal(shape), 2) for _ in range(count)])
    return (fields + 0.5 * noise > 0.05).astype(np.uint8), (fields > 0.03).astype(np.uint8)


def sample(prediction: np.ndarray, truth: np.ndarray | None = None, dtype=torch.int64, **meta) -> SegDataSample:
    result = SegDataSample(metainfo=meta)
    result.pred_sem_seg = PixelData(data=torch.from_numpy(prediction).to(dtype)[None])
    if truth is not None:
        result.gt_sem_seg = PixelData(data=torch.from_numpy(truth).long()[None])
    return result


def evaluate(metric: SaltMetric, samples: list[SegDataSample]) -> dict[str, float]:
    evaluator = Evaluator(metric)
    for start in range(0, len(samples), 3):
        evaluator.process(samples[start : start + 3])
    return evaluator.evaluate(len(samples))


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('dtype', [torch.int64, torch.float32, torch.bfloat16])
def test_overlap_equals_mmseg(dtype):
    predictions, truths = masks(10)
    truths[3, 5:15, :8] = 255
    samples = [sample(p, t, dtype, img_path=f'{i}.png') for i, (p, t) in enumerate(zip(predictions, truths))]
    ours = evaluate(METRICS.build(dict(type='SaltMetric')), samples)
    areas = [
        IoUMetric.intersect_and_union(
            s.pred_sem_seg.data[0].long(), s.gt_sem_seg.data[0], num_classes=2, ignore_index=255
        )
        for s in samples
    ]
    theirs = IoUMetric.total_area_to_metrics(*[sum(area) for area in zip(*areas)], metrics=['mIoU', 'mDice'])
    assert ours.keys() == KEYS
    assert ours['salt_iou'] == pytest.approx(float(theirs['IoU'][1]), abs=1e-6)
    assert ours['salt_dice'] == pytest.approx(float(theirs['Dice'][1]), abs=1e-6)
    assert ours['pixel_accuracy'] == pytest.approx(float(theirs['aAcc']), abs=1e-6)
    assert 0.5 < ours['salt_iou'] < 0.95
    assert 0.5 < ours['boundary_f1'] < 1
    assert 0.2 < ours['boundary_distance'] < 5
    assert 0 < ours['mean_precision'] < 1


def test_planes_and_tensors_with_one_channel_are_alike():
    predictions, truths = masks(4)
    flat = [sample(p, t, img_id=str(i)) for i, (p, t) in enumerate(zip(predictions, truths))]
    expected = evaluate(SaltMetric(), [s.clone() for s in flat])
    metric = SaltMetric()
    for s in flat:
        entry = s.to_dict()
        entry['pred_sem_seg'] = {'data': s.pred_sem_seg.data[0].float()}
        metric.process(None, [entry])
    assert metric.evaluate(4) == expected


def test_files_of_out(tmp_path):
    predictions, truths = masks(3)
    samples = [sample(p, t, img_path=f'/data/tile_{i}.png') for i, (p, t) in enumerate(zip(predictions[:2], truths))]
    samples.append(sample(predictions[2], img_path='/data/tile_2.png', img_id='line/7'))
    metrics = evaluate(SaltMetric(output_dir=str(tmp_path / 'out'), keep_results=True), samples)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'line_7.png',
        'submission.csv',
        'tile_0.png',
        'tile_1.png',
        'tiles.csv',
    ]
    for name, prediction in zip(('tile_0', 'tile_1', 'line_7'), predictions):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'out' / f'{name}.png')), 255 * prediction)
    rows = read(tmp_path / 'out' / 'tiles.csv')
    assert [row['id'] for row in rows] == ['tile_0', 'tile_1', 'line/7']
    union, intersection = (predictions[0] | truths[0]).sum(), (predictions[0] & truths[0]).sum()
    assert float(rows[0]['iou']) == pytest.approx(intersection / union, abs=1e-5)
    assert set(rows[2].values()) == {'line/7', ''}
    assert metrics['boundary_f1'] == pytest.approx(np.mean([float(row['boundary_f1']) for row in rows[:2]]), abs=1e-5)
    assert [row['id'] for row in read(tmp_path / 'out' / 'submission.csv')] == ['line/7']


def test_submission_of_tiles_without_truth(tmp_path, monkeypatch):
    lines = collect_log(monkeypatch)
    predictions, _ = masks(5)
    predictions[4] = 0
    samples = [sample(p, dtype=torch.float32, img_path=f'{i}.png') for i, p in enumerate(predictions)]
    assert evaluate(SaltMetric(submission=str(tmp_path / 'deep' / 'hand_in.csv')), samples) == {}
    rows = read(tmp_path / 'deep' / 'hand_in.csv')
    assert [row['id'] for row in rows] == list('01234')
    assert rows[4]['rle_mask'] == ''
    for row, prediction in zip(rows, predictions):
        np.testing.assert_array_equal(decode_rle(row['rle_mask'], prediction.shape), prediction)
    assert 'submission of 5 tiles without truth is in ' + str(tmp_path / 'deep' / 'hand_in.csv') in lines[0]
    assert 'none of the 5 tiles has truth' in lines[1]


def test_tiles_without_truth_and_nowhere_to_go_are_said(monkeypatch):
    lines = collect_log(monkeypatch)
    predictions, truths = masks(2)
    metrics = evaluate(
        SaltMetric(), [sample(predictions[0], img_id='a'), sample(predictions[1], truths[1], img_id='b')]
    )
    assert metrics.keys() == KEYS
    assert '1 tiles without truth were not written: set submission or output_dir' in lines[0]
    assert 'salt_iou' in lines[1]
    assert 'boundary_distance' in lines[1]


def test_format_only_disregards_truth(tmp_path):
    predictions, truths = masks(2)
    samples = [sample(p, t, img_id=str(i)) for i, (p, t) in enumerate(zip(predictions, truths))]
    assert evaluate(SaltMetric(format_only=True, submission=str(tmp_path / 's.csv')), samples) == {}
    assert len(read(tmp_path / 's.csv')) == 2


def test_repeated_ids_are_said(monkeypatch):
    lines = collect_log(monkeypatch)
    predictions, truths = masks(2)
    evaluate(SaltMetric(), [sample(p, t, img_id='same') for p, t in zip(predictions, truths)])
    assert "1 tile ids occur repeatedly, such as 'same'" in lines[0]


def test_results_are_small_and_keep_the_order_of_two_processes():
    predictions, truths = masks(7, shape=(101, 101))
    samples = [sample(p, t, img_id=str(i)) for i, (p, t) in enumerate(zip(predictions, truths))]
    parts = []
    for rank in (0, 1):
        metric = SaltMetric()
        for index in (rank, rank + 2, rank + 4, (rank + 6) % 7):  # what DefaultSampler gives, padded to equal lengths
            metric.process(None, [samples[index].to_dict()])
        parts.append(pickle.loads(pickle.dumps(metric.results)))
        assert len(pickle.dumps(metric.results)) < 4 * 400
    collected = [result for pair in zip(*parts) for result in pair][:7]
    assert [result.tile_id for result in collected] == list('0123456')
    assert all(isinstance(result, TileResult) for result in collected)
    assert SaltMetric().compute_metrics(collected) == evaluate(SaltMetric(), samples)


def test_prefix():
    predictions, truths = masks(1)
    assert evaluate(SaltMetric(prefix='salt'), [sample(predictions[0], truths[0], img_id='a')]).keys() == {
        f'salt/{key}' for key in KEYS
    }


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ignore_index=1), r'ignore_index must not be 0 \(background\) or 1 \(salt\), got 1'),
        (dict(boundary_tolerance=-1), 'boundary_tolerance must be at least 0, got -1'),
        (dict(keep_results=True), 'keep_results=True needs output_dir'),
        (dict(submission='s.txt'), r"submission must be a path that ends with \.csv, got 's\.txt'"),
        (dict(format_only=True), 'format_only=True needs output_dir or submission'),
        (dict(collect_device='tpu'), "collect_device must be 'cpu' or 'gpu', got 'tpu'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        SaltMetric(**options)


def test_wrong_samples():
    predictions, truths = masks(1)
    with pytest.raises(KeyError, match="needs 'img_id' or 'img_path'"):
        SaltMetric().process(None, [sample(predictions[0], truths[0]).to_dict()])
    with pytest.raises(ValueError, match='prediction may hold 0'):
        SaltMetric(submission='s.csv').process(None, [sample(predictions[0] * 2, img_id='a').to_dict()])
    entry = dict(img_id='a', pred_sem_seg=dict(data=torch.zeros(2, 40, 31)))
    with pytest.raises(ValueError, match=r'a mask must be .* got \(2, 40, 31\)'):
        SaltMetric().process(None, [entry])


def collect_log(monkeypatch) -> list[str]:
    """Catches what SaltMetric says."""
    lines: list[str] = []
    log = SimpleNamespace(info=lines.append, warning=lines.append)
    monkeypatch.setattr(salt_metric, 'MMLogger', SimpleNamespace(get_current_instance=lambda: log))
    return lines


def test_small_bodies_do_not_count_and_are_not_written(tmp_path: Path):
    prediction, truth = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    prediction[0, 0] = 1
    prediction[4:, 4:] = truth[4:, 4:] = 1
    seen = sample(prediction, truth, img_id='a')
    assert evaluate(SaltMetric(), [seen])['salt_iou'] == pytest.approx(16 / 17)
    assert evaluate(SaltMetric(min_body=2, output_dir=str(tmp_path)), [seen])['salt_iou'] == 1
    with Image.open(tmp_path / 'a.png') as written:
        np.testing.assert_array_equal(np.asarray(written), 255 * truth)
    with pytest.raises(ValueError, match='min_body must be at least 0, got -1'):
        SaltMetric(min_body=-1)


@pytest.mark.parametrize('outputs', [1, 2])
def test_bodies_that_are_nowhere_sure_do_not_count(outputs: int):
    truth, probability = np.zeros((8, 8), np.uint8), np.full((8, 8), 0.1, np.float32)
    truth[4:, 4:] = 1
    probability[4:, 4:], probability[4, 4], probability[:2, :2] = 0.6, 0.9, 0.7
    seen = sample((probability > 0.5).astype(np.uint8), truth, img_id='a')
    scores = torch.from_numpy(probability)[None]
    logit = scores.logit()
    seen.seg_logits = PixelData(data=scores if outputs == 1 else torch.cat([torch.zeros_like(logit), logit]))
    assert evaluate(SaltMetric(), [seen])['salt_iou'] == pytest.approx(16 / 20)
    assert evaluate(SaltMetric(hysteresis=0.8), [seen])['salt_iou'] == 1
    assert evaluate(SaltMetric(hysteresis=0.95), [seen])['salt_iou'] == 0
    assert evaluate(SaltMetric(hysteresis=0.8, min_body=17), [seen])['salt_iou'] == 0


def test_a_metric_that_lacks_probabilities_says_so():
    with pytest.raises(KeyError, match=r"hysteresis=0\.7 needs 'seg_logits'"):
        evaluate(SaltMetric(hysteresis=0.7), [sample(*np.zeros((2, 4, 4), np.uint8), img_id='a')])
    with pytest.raises(ValueError, match='hysteresis must lie between 0 and 1, got 1'):
        SaltMetric(hysteresis=1)


@pytest.mark.parametrize('classes', [('salt', 'background'), ('salt',)])
def test_a_dataset_of_another_order_is_refused(classes: tuple[str, ...]):
    evaluator = Evaluator(SaltMetric())
    with pytest.raises(ValueError, match=r'SaltMetric: metainfo classes must be .*label 1 is salt'):
        evaluator.dataset_meta = dict(classes=classes)


def test_labels_for_other_tools(tmp_path: Path):
    predictions, truths = masks(3)
    metric = SaltMetric(output_dir=str(tmp_path / 'a'), label_dir=str(tmp_path / 'b'), keep_results=True)
    evaluate(metric, [sample(p, t, img_id=f't{i}') for i, (p, t) in enumerate(zip(predictions, truths))])
    assert sorted(path.name for path in (tmp_path / 'b').iterdir()) == ['t0.png', 't1.png', 't2.png']
    for index, prediction in enumerate(predictions):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'b' / f't{index}.png')), prediction)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'a' / f't{index}.png')), 255 * prediction)
    with pytest.raises(ValueError, match='label_dir and output_dir must differ'):
        SaltMetric(output_dir=str(tmp_path), label_dir=str(tmp_path))
