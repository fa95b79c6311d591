"""What a training on a few lines starts from, and its study."""

from itertools import count

import numpy as np
import pytest
import torch
from PIL import Image

from mmattn.common.errors import InputError
from mmattn.inference import SaltPredictor
from mmattn.seismic.synthetic import make_volume
from mmattn.studies.few_lines import Lines, find_lines, train_on_lines
from mmattn.studies.few_lines_study import (
    EVEN,
    SUGGESTED,
    Measured,
    Watch,
    even_lines,
    made_up,
    measure,
    read_rows,
    table,
    tiles_of,
    write_rows,
)
from mmattn.studies.starts import choose_start, mix_in, weights_of

TINY = {'model.backbone.base_channels': 2, 'model.decode_head.in_channels': 2}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr('mmattn.studies.starts._SMALL', ('attention_unet_salt', TINY))


def test_starts(tmp_path):
    assert choose_start(None, None, None).words == 'the shipped network salt-synthetic'
    start = choose_start('random', None, None)
    assert start.words == 'random weights of a small attention_unet_salt'
    SaltPredictor(start.segmentor).save(tmp_path / 'network')
    again = choose_start(str(tmp_path / 'network'), None, None)
    assert (again.words, again.learning_rate < start.learning_rate) == (str(tmp_path / 'network'), True)
    assert (again.keep, start.keep) == (0.5, 0.0)
    again.segmentor.init_weights()  # as a training does
    for one, other in zip(start.segmentor.parameters(), again.segmentor.parameters()):
        np.testing.assert_array_equal(one.detach(), other.detach())
    assert choose_start(None, 'attention_unet_salt', None, TINY).words == 'random weights of attention_unet_salt'


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (('gone', None, None), "--start 'gone': "),
        (('a', 'ccnet_salt', None), '--start and --config say the same: give one'),
        ((None, None, 'a.pth'), '--checkpoint needs --config'),
        ((None, None, None, dict(a=1)), '--cfg-options override settings of --config'),
    ],
)
def test_wrong_starts(given: tuple, message: str):
    with pytest.raises(InputError, match=message):
        choose_start(*given)


def test_no_line_is_labelled(tmp_path):
    np.save(tmp_path / 'a.npy', np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32))
    np.save(tmp_path / 'l.npy', np.full((5, 6, 7), 255, np.uint8))
    with pytest.raises(InputError, match=r'l.npy has no labelled line: paint salt and not salt on some \(mmattn view'):
        find_lines(Lines(str(tmp_path / 'a.npy'), str(tmp_path / 'l.npy')))
    np.save(tmp_path / 'l.npy', np.full((5, 6, 8), 255, np.uint8))
    with pytest.raises(ValueError, match='the label is on another grid'):
        find_lines(Lines(str(tmp_path / 'a.npy'), str(tmp_path / 'l.npy')))


def test_weights_are_mixed():
    start = choose_start('random', None, None).segmentor
    before = weights_of(start)
    with torch.no_grad():
        for value in start.parameters():
            value += 4
    mix_in(start, before, 0.25)
    for name, value in start.named_parameters():
        torch.testing.assert_close(value.detach(), before[name] + 3)


def test_a_training_keeps_a_share_of_its_start(tmp_path):
    amplitude, truth = make_volume((2, 40, 40), seed=0)
    np.save(tmp_path / 'a.npy', amplitude)
    np.save(tmp_path / 'l.npy', truth)
    lines = Lines(str(tmp_path / 'a.npy'), str(tmp_path / 'l.npy'), clip=1.0)
    ends = []
    for keep in (0.0, 0.5):
        torch.manual_seed(0)
        start = choose_start('random', None, None)
        before = weights_of(start.segmentor)
        given = dict(
            minutes=0.01, work_dir=tmp_path / 'log', learning_rate=1e-3, keep=keep, clock=count(0, 0.1).__next__
        )
        assert train_on_lines(start.segmentor, lines, dict(iline=np.array([0])), **given).iterations == 3
        ends.append(weights_of(start.segmentor))
    for name, value in ends[0].items():
        if value.is_floating_point():
            torch.testing.assert_close(ends[1][name], (before[name] + value) / 2)
    assert any((ends[0][name] - before[name]).abs().max() > 0 for name, _ in start.segmentor.named_parameters())


def test_the_study(tmp_path):
    assert even_lines(200, 4).tolist() == [25, 75, 125, 175]
    given = dict(seed=0, minutes=(1e-7, 1e-6), counts=(1, 2), every=3, start='random')
    rows = list(measure(tmp_path, made_up((12, 16, 32), 0), **given))
    assert [(row.chosen, row.lines, row.iterations) for row in rows] == [
        (chosen, lines, 1) for chosen, lines in ((EVEN, 1), (EVEN, 2), (SUGGESTED, 2)) for _ in range(2)
    ]
    assert [row.minutes for row in rows] == 3 * [1e-7, 1e-6]
    with pytest.raises(ValueError, match='3 inlines would be suggested of the 4 that are predicted'):
        next(measure(tmp_path, made_up((12, 16, 32), 0), **given | dict(counts=(1, 4))))
    write_rows(tmp_path / 'rows.csv', rows)
    read = read_rows(tmp_path / 'rows.csv')
    assert [row.minutes for row in read] == [row.minutes for row in rows]
    assert (read[0].survey, read[0].start) == ('synthetic:0', 'random')
    rows = [Measured(f'synthetic:{seed}', 'a', seed, 1.0, EVEN, 2, 9, iou) for seed, iou in ((0, 0.5), (1, 0.7))]
    assert table(rows).splitlines()[-1] == '| 2 | 0.600 ± 0.141 |  |'
    assert table(rows).splitlines()[0] == 'synthetic, from a:'
    (tmp_path / 'rows.csv').write_text('a,b\n')
    with pytest.raises(ValueError, match='has columns'):
        read_rows(tmp_path / 'rows.csv')


def test_a_watch_stands_still_while_it_looks():
    now, looked = [100.0], []

    def look(mark: float, iterations: int) -> None:
        looked.append((mark, iterations))
        now[0] += 500

    watch = Watch((1, 2, 4), look, lambda: now[0])
    start = watch()
    for _ in range(4):
        now[0] += 59
        watch.step()
    assert looked == [(1, 2), (2, 3)]
    assert watch() - start == 4 * 59
    watch.finish()
    assert looked[2:] == [(4, 4)]


def test_tiles_as_lines(tmp_path):
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
    for number, name in enumerate('abc'):
        Image.fromarray(np.full((5, 4), 100 + number, np.uint8)).save(tmp_path / 'images' / f'{name}.png')
        if name != 'c':
            mask = np.zeros((5, 4), np.uint8)
            mask[3:] = 255
            Image.fromarray(mask).save(tmp_path / 'masks' / f'{name}.png')
    (tmp_path / 'folds.csv').write_text('id,group,fold,coverage\na,mosaic_2,0,0.4\nb,mosaic_1,0,0.4\n')
    known = tiles_of(tmp_path)
    assert known.amplitude.shape == known.truth.shape == (2, 4, 5)
    assert known.amplitude[:, 0, 0].tolist() == [101 - 128, 100 - 128]
    assert known.truth[0, 0].tolist() == [0, 0, 0, 1, 1]
