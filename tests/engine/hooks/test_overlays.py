"""OverlayHook through the Runner, and its selection against plain sorting."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from PIL import Image

from mmattn.engine.hooks import OverlayHook, TileSelection, overlays
from mmattn.models.segmentors import SaltTTAModel
from mmattn.seismic.salt.overlays import OverlayPanel

SECTION = np.zeros((3, 3))


def names(panels: list[OverlayPanel]) -> list[str]:
    return [panel.title.split()[0] for panel in panels]


@pytest.fixture
def drawn(monkeypatch) -> list[dict[str, list[OverlayPanel]]]:
    """Keeps what is drawn, and draws it."""
    kept, draw = [], overlays.save_overlay_grid

    def keep(groups, path, **options):
        kept.append(groups)
        return draw(groups, path, **options)

    monkeypatch.setattr(overlays, 'save_overlay_grid', keep)
    return kept


def test_selection_equals_sorting():
    ious = np.random.default_rng(0).permutation(100) / 100
    selection = TileSelection(num_best=5, num_worst=3, num_random=4, seed=0)
    for index, iou in enumerate(ious):
        selection.add(OverlayPanel(SECTION, title=str(index)), iou=iou, union=9)
    groups = selection.chosen()
    order = np.argsort(ious)
    assert [int(name) for name in names(groups['best IoU'])] == order[::-1][:5].tolist()
    assert [int(name) for name in names(groups['worst IoU'])] == order[:3].tolist()
    shown = [name for group in groups.values() for name in names(group)]
    assert len(set(shown)) == len(shown) == 12
    assert len(selection._random) == 12


def test_selection_keeps_to_tiles_with_salt_and_prefers_large_ones():
    selection = TileSelection(num_best=2, num_worst=2, num_random=0, seed=0)
    for name, iou, union in [
        ('empty', 1.0, 0),
        ('a', 1.0, 5),
        ('b', 1.0, 50),
        ('c', 0.0, 7),
        ('d', 0.0, 70),
        ('e', None, 9),
    ]:
        selection.add(OverlayPanel(SECTION, title=name), iou=iou, union=union)
    groups = {heading: names(group) for heading, group in selection.chosen().items()}
    assert groups == {'best IoU': ['b', 'a'], 'worst IoU': ['d', 'c']}


def test_random_tiles_are_fair_and_repeatable():
    counts = np.zeros(20)
    for seed in range(400):
        draws = []
        for _ in range(2):
            selection = TileSelection(num_best=0, num_worst=0, num_random=3, seed=seed)
            for index in range(20):
                selection.add(OverlayPanel(SECTION, title=str(index)), iou=None, union=1)
            draws.append(names(selection.chosen()['random']))
        assert draws[0] == draws[1]
        counts[[int(name) for name in draws[0]]] += 1
    assert counts.sum() == 1200
    assert 30 < counts.min() <= counts.max() < 95  # 60 expected, standard deviation 7


@pytest.mark.parametrize('channels', [1, 2])
def test_test_leaves_a_picture(make_runner, tmp_path, tiles, toy, drawn, channels):
    hook = HOOKS.build(dict(type='OverlayHook', num_best=2, num_worst=2, num_random=1))
    dataset = tiles(empty=(3,))
    runner = make_runner(hook, model=toy(channels), dataset=dataset)
    runner.test()
    path = tmp_path / 'run' / 'overlays.png'
    assert Image.open(path).width > 1000
    assert np.asarray(Image.open(path).convert('L')).std() > 20
    assert f'are drawn in {path}' in next((tmp_path / 'run').glob('*/*.log')).read_text()

    predictions = [dataset[index]['inputs'][0].numpy() > 128 for index in range(8)]
    pairs = [(p, t == 1) for p, t in zip(predictions, dataset.truths)]
    ious = {f'tile{i}': (p & t).sum() / (p | t).sum() for i, (p, t) in enumerate(pairs) if (p | t).any()}
    ranked = sorted(ious, key=ious.get)
    assert names(drawn[0]['best IoU']) == ranked[::-1][:2]
    assert names(drawn[0]['worst IoU']) == ranked[:2]
    assert len(drawn[0]['random']) == 1
    worst = drawn[0]['worst IoU'][0]
    assert worst.title.startswith(f'{ranked[0]}   IoU {ious[ranked[0]]:.2f}   salt ')
    index = int(ranked[0].removeprefix('tile'))
    np.testing.assert_array_equal(worst.section, dataset[index]['inputs'][0])
    np.testing.assert_array_equal(worst.prediction, predictions[index])
    np.testing.assert_array_equal(worst.truth, dataset.truths[index])
    expected = 1 / (1 + np.exp(-0.02 * (worst.section.astype(float) - 128)))
    np.testing.assert_allclose(worst.probability, expected, rtol=1e-5)


def test_tiles_without_truth_are_drawn_at_random(make_runner, tmp_path, tiles, drawn):
    make_runner(OverlayHook(num_random=3), dataset=tiles(truth=False)).test()
    assert drawn[0].keys() == {'random'}
    assert len(drawn[0]['random']) == 3
    assert drawn[0]['random'][0].truth is None
    assert (tmp_path / 'run' / 'overlays.png').stat().st_size > 10_000


def test_validation_only_if_wanted(make_runner, tmp_path):
    make_runner(OverlayHook()).val()
    assert not list((tmp_path / 'run').glob('*.png'))
    make_runner(OverlayHook(during_val=True)).val()
    assert [path.name for path in (tmp_path / 'run').glob('*.png')] == ['val_overlays.png']


class TwoViews(torch.utils.data.Dataset):
    """The flipped view first, then the plain one, as TestTimeAug packs them."""

    def __init__(self, tiles, *, flips: tuple[bool, ...] = (True, False)) -> None:
        self.tiles, self.flips = tiles, flips

    def __len__(self) -> int:
        return len(self.tiles)

    def __getitem__(self, index: int) -> dict:
        plain = self.tiles[index]
        inputs, samples = [], []
        for flip in self.flips:
            inputs.append(plain['inputs'].flip(dims=(2,)) if flip else plain['inputs'])
            samples.append(plain['data_samples'].clone())
            samples[-1].set_metainfo(dict(flip=flip, flip_direction='horizontal' if flip else None))
        return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('channels', [1, 2])
@pytest.mark.parametrize('flips', [(True, False), (False, True), (True,)])
def test_test_time_augmentation(make_runner, tiles, toy, drawn, channels, flips):
    plain = tiles()
    runner = make_runner(
        OverlayHook(num_best=8), model=SaltTTAModel(module=toy(channels)), dataset=TwoViews(plain, flips=flips)
    )
    runner.test()
    assert len(drawn[0]['best IoU']) == 8
    for panel in drawn[0]['best IoU']:
        index = int(panel.title.split()[0].removeprefix('tile'))
        np.testing.assert_array_equal(panel.section, plain[index]['inputs'][0])
        np.testing.assert_array_equal(panel.prediction, panel.section > 128)


def test_resized_inputs_are_drawn_at_the_size_of_the_output():
    sample = SegDataSample(metainfo=dict(img_path='folder/tile7.png'))
    batch = pseudo_collate([dict(inputs=torch.full((2, 20, 10), 3.0), data_samples=sample)])
    output = SegDataSample(metainfo=sample.metainfo)
    output.seg_logits = PixelData(data=torch.zeros(2, 8, 6))
    output.pred_sem_seg = PixelData(data=torch.ones(8, 6, dtype=torch.int64)[None])
    panel, iou, union = overlays._panel(output, overlays._section(batch, 0))
    assert panel.title == 'tile7   salt 100% predicted'
    assert (iou, union) == (None, 48)
    np.testing.assert_array_equal(panel.section, np.full((8, 6), 3.0))
    np.testing.assert_array_equal(panel.probability, np.full((8, 6), 0.5))


def test_ignored_pixels_do_not_count():
    output = SegDataSample(metainfo=dict(img_id='a'))
    output.seg_logits = PixelData(data=torch.ones(1, 4, 4))
    output.pred_sem_seg = PixelData(data=torch.ones(1, 4, 4))
    output.gt_sem_seg = PixelData(data=torch.tensor([1, 0, 255, 255]).repeat(4, 1)[None])
    panel, iou, union = overlays._panel(output, torch.zeros(4, 4))
    assert (iou, union) == (0.5, 8)
    assert panel.title == 'a   IoU 0.50   salt 25% true, 100% predicted'


def test_errors_are_logged_once_and_do_not_end_the_test(make_runner, tmp_path, toy):
    runner = make_runner(OverlayHook(), model=toy())
    runner.model.encode_decode = lambda inputs, samples=None: torch.zeros(len(inputs), 3, 24, 20)
    metrics = runner.test()
    assert 'salt_iou' in metrics
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count('OverlayHook: no picture of this test: ValueError') == 1
    assert 'got (3, 24, 20)' in log
    assert not (tmp_path / 'run' / 'overlays.png').exists()


def test_errors_in_drawing_are_logged(make_runner, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError('disk full')

    monkeypatch.setattr(overlays, 'save_overlay_grid', fail)
    assert 'salt_iou' in make_runner(OverlayHook()).test()
    assert "overlays.png was not drawn: OSError('disk full')" in next((tmp_path / 'run').glob('*/*.log')).read_text()


def test_only_the_first_process_draws(monkeypatch):
    hook = OverlayHook()
    monkeypatch.setattr(overlays, 'is_main_process', lambda: False)
    hook.before_test_epoch(SimpleNamespace())
    assert hook._selection is None
    hook.after_test_iter(SimpleNamespace(), 0, data_batch={}, outputs=[SegDataSample()])
    hook.after_test_epoch(SimpleNamespace(work_dir='never written'))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_best=-1), 'num_best must be at least 0, got -1'),
        (dict(num_best=0, num_worst=0, num_random=0), 'one of num_best, num_worst and num_random must be above 0'),
        (dict(filename='overlays'), r"filename must end with \.png, got 'overlays'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        OverlayHook(**options)
