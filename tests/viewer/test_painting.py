"""Painting on the page: what is drawn is in the file, and what is in the file is on the page."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.viewer.colours import label_levels, label_palette
from mmattn.viewer.survey import open_survey
from tests.viewer.surveys import write_survey

pytest.importorskip('panel')
from bokeh.events import DoubleTap, Tap

from mmattn.viewer.page import Page


@pytest.fixture
def page(tmp_path):
    paths = write_survey(tmp_path)
    with open_survey(paths['path'], label=tmp_path / 'new.npy') as survey:
        page = Page(survey)
        page.painter.tall.value = page.painter.wide.value = 3
        yield page


def section(page: Page) -> np.ndarray:
    """Of the inline that is shown, (samples, traces)."""
    return np.load(page.survey.label.path)[page.positions['iline']].T


def shown(page: Page) -> np.ndarray:
    return page.sources['label'].data['image'][0]


def test_strokes_of_the_brush_and_the_eraser(page: Page):
    assert page.survey.is_sparse
    page.painter.hand.value = 'brush'
    page.painter.strokes.data = dict(xs=[[2, 4]], ys=[[5, 5]])
    assert_array_equal(np.argwhere(section(page)[5] == 1).ravel(), [1, 2, 3, 4, 5])
    assert (section(page) == 1).sum() == 15
    assert_array_equal(shown(page), label_levels(section(page)))
    assert page.painter.strokes.data == dict(xs=[], ys=[])
    assert page.painter.status.object.startswith('salt: 15 samples changed, saved in ')
    page.painter.kind.value = 'not salt'
    page.figure._trigger_event(Tap(page.figure, x=3, y=15))
    assert section(page)[15, 3] == 0
    page.painter.hand.value = 'eraser'
    page.painter.strokes.data = dict(xs=[[2, 4]], ys=[[5, 5]])
    assert (section(page) == 1).sum() == 0
    page.painter.undo()
    assert (section(page) == 1).sum() == 15
    assert_array_equal(shown(page), label_levels(section(page)))


def test_a_polygon_by_clicks(page: Page):
    page.painter.hand.value = 'polygon'
    for across, down in ((1.5, 3.5), (5.5, 3.5), (5.5, 9.5), (1.5, 9.5), (1.5, 9.5)):
        page.figure._trigger_event(Tap(page.figure, x=across, y=down))
    page.figure._trigger_event(DoubleTap(page.figure, x=1.5, y=9.5))
    expected = np.full((20, 7), 255)
    expected[4:10, 2:6] = 1
    assert_array_equal(section(page), expected)
    assert page.painter.corners == []
    page.figure._trigger_event(Tap(page.figure, x=1, y=1))
    page.painter.finish()
    assert page.message.object.startswith('a polygon has three corners or more')
    page.figure._trigger_event(Tap(page.figure, x=1, y=1))
    page.number.value = '10'
    assert page.painter.corners == []


def test_undo_goes_back_to_the_section(page: Page):
    page.painter.undo()
    assert page.painter.status.object == 'nothing to take back'
    page.painter.hand.value = 'brush'
    page.painter.tap(4.0, 3.0)
    page.number.value = '10'
    page.painter.undo()
    assert page.number.value == '13'
    assert_array_equal(section(page), 255)


def test_looking_paints_nothing(page: Page):
    page.figure._trigger_event(Tap(page.figure, x=3, y=15))
    page.painter.strokes.data = dict(xs=[[2, 4]], ys=[[5, 5]])
    assert_array_equal(section(page), 255)


def test_time_slices_and_crosslines(page: Page):
    page.painter.hand.value = 'brush'
    page.choice.value = 'time'
    page.painter.tap(2.0, 3.0)
    label = np.load(page.survey.label.path)
    assert_array_equal(np.argwhere(label == 1)[:, 2], 10)
    assert_array_equal(shown(page), label_levels(label[..., 10]))
    page.choice.value = 'xline'
    page.painter.tap(4.0, 5.0)
    assert np.load(page.survey.label.path)[5, 3, 4] == 1


def test_labels_that_are_only_shown_say_so(tmp_path):
    paths = write_survey(tmp_path)
    np.save(tmp_path / 'bool.npy', np.load(paths['label']) == 1)
    with open_survey(paths['path'], label=tmp_path / 'bool.npy') as survey:
        page = Page(survey)
        assert page.painter is None
        assert 'do not hold 255 (unknown)' in page.message.object
        assert not survey.is_sparse


def test_a_file_that_cannot_be_written(page: Page, monkeypatch, capsys):
    def refuse(*arguments: object) -> None:
        raise OSError(30, 'Read-only file system', page.survey.label.path)

    monkeypatch.setattr('mmattn.viewer.label_file._open', refuse)
    page.painter.hand.value = 'brush'
    page.painter.tap(4.0, 3.0)
    assert 'Read-only file system' in page.message.object
    assert 'Read-only file system' in capsys.readouterr().err
    assert page.painter.label.steps == 0


def test_colours_of_a_label_that_is_mostly_unknown():
    assert label_palette(sparse=True)[2] == label_palette()[0]
    assert label_palette(sparse=True)[1] == label_palette()[1]
