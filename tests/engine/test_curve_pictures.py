"""Curves of a training."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmattn.engine.curve_pictures import Curve, _draw_curves, save_curves


def test_curves_mark_the_best_point(tmp_path):
    curves = [
        Curve('loss', range(1, 101), np.linspace(2, 0.5, 100), 'training loss'),
        Curve('salt_iou', [1, 2, 3], [0.2, 0.6, 0.4], 'scores', xlabel='epoch', best='max'),
        Curve('distance', [1, 2, 3], [9.0, float('nan'), 4.0], 'distance', xlabel='epoch', best='min'),
        Curve('nothing yet', [], [], 'empty'),
    ]
    path = save_curves(curves, tmp_path / 'new' / 'curves.png', title='run')
    image = np.asarray(Image.open(path).convert('L'))
    assert image.shape[1] == pytest.approx(2 * 5.6 * 120, abs=1)
    assert image.std() > 10


def test_legend_names_the_best_value(monkeypatch):
    figures = []
    monkeypatch.setattr('mmattn.engine.curve_pictures.save_figure', lambda figure, path, dpi: figures.append(figure))
    save_curves(
        [
            Curve('salt_iou', [1, 2, 3], [0.2, 0.6, 0.4], 'scores', xlabel='epoch', best='max'),
            Curve('distance', [1, 2, 3], [9.0, float('nan'), 4.0], 'distance', best='min'),
        ],
        'unused.png',
    )
    scores, distance = figures[0].axes
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ['salt_iou: best 0.6 at 2']
    assert [text.get_text() for text in distance.get_legend().get_texts()] == ['distance: best 4 at 3']
    assert (scores.get_xlabel(), distance.get_xlabel()) == ('epoch', 'iteration')


def test_errors(tmp_path):
    with pytest.raises(ValueError, match='save_curves needs at least one curve with a value'):
        save_curves([Curve('a', [], [], 'p')], tmp_path / 'a.png')
    with pytest.raises(ValueError, match='a: 2 steps but 1 values'):
        Curve('a', [1, 2], [0.5], 'p')
    with pytest.raises(ValueError, match="a: best must be 'max', 'min' or None, got 'high'"):
        Curve('a', [1], [0.5], 'p', best='high')


def test_more_curves_than_colours_are_told_apart_by_dashes():
    axes = Figure().subplots()
    _draw_curves(axes, 'a', [Curve(str(i), [0, 1], [0.0, i], 'a') for i in range(9)])
    styles = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(styles) == 9
