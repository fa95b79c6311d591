"""The page, driven by its widgets: what Bokeh is given to draw is what the files hold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.viewer.colours import amplitude_levels, amplitude_palette, label_levels, probability_levels
from mmattn.viewer.survey import open_survey
from tests.seismic.segy_files import make_cube
from tests.viewer.surveys import SHAPE, write_survey

pytest.importorskip('panel')
from bokeh.document import Document
from bokeh.events import MouseMove, RangesUpdate, Tap
from bokeh.server.callbacks import TimeoutCallback

from mmattn.viewer.page import Page

CUBE = make_cube(SHAPE)


@pytest.fixture
def page(tmp_path):
    with open_survey(**write_survey(tmp_path), clip=2.0) as survey:
        yield Page(survey)


def image(page: Page, name: str = 'amplitude') -> np.ndarray:
    return page.sources[name].data['image'][0]


def levels(section: np.ndarray, gain: float = 0) -> np.ndarray:
    return amplitude_levels(section, np.ones(section.shape, bool), 2.0, gain)


def test_first_picture(page: Page):
    assert_array_equal(image(page), levels(CUBE[3].T))
    assert page.figure.title.text == 'survey.sgy: inline 13'
    assert (page.slider.value, page.number.value) == (13, '13')
    assert (page.figure.y_range.start, page.figure.y_range.end) == (19.5, -0.5)
    data = page.sources['amplitude'].data
    assert [data[name][0] for name in ('x', 'y', 'dw', 'dh')] == [-0.5, -0.5, 7, 20]


def test_a_click_explains_the_network(tmp_path):
    asked = []

    def explain(direction: str, index: int, row: int, column: int) -> bytes:
        asked.append((direction, index, row, column))
        if row == 3:
            raise ValueError('the network has no attention layer of mmattn')
        return b'PNG'

    with open_survey(**write_survey(tmp_path), clip=2.0) as survey:
        page = Page(survey, explain)
        page.pick(12.4, 2.2)
        page.pick(12.4, 20.0)  # beside the section
        assert (asked, page.attention.object) == ([('iline', 3, 12, 2)], b'PNG')
        page.pick(3.0, 2.0)
        assert page.message.object == 'the network has no attention layer of mmattn'
        page.choice.value = 'time'
        page.pick(1.0, 1.0)
        assert len(asked) == 2
        assert page.attention in page.layout()[1]
        other = Page(survey)
        assert other.attention not in other.layout()[1]


def test_every_direction_by_slider_and_by_number(page: Page):
    page.slider.value = 11
    assert_array_equal(image(page), levels(CUBE[1].T))
    assert page.number.value == '11'
    page.choice.value = 'xline'
    page.number.value = '302'
    assert_array_equal(image(page), levels(CUBE[:, 1].T))
    assert page.slider.value == 302
    page.choice.value = 'time'
    page.number.value = '13'
    assert_array_equal(image(page), levels(CUBE[..., 3]))
    assert page.figure.title.text == 'survey.sgy: time 12 ms'
    assert page.number.value == '12'
    page.choice.value = 'iline'
    assert_array_equal(image(page), levels(CUBE[1].T))


def test_a_wrong_number_is_said_and_changes_nothing(page: Page, capsys):
    before = image(page)
    page.number.value = '99'
    assert page.message.object == "inline must be a number from 10 to 15, got '99'"
    assert capsys.readouterr().err == f'error: {page.message.object}\n'
    assert image(page) is before
    page.number.value = '14'
    assert page.message.object == ''


def test_colours_and_gain(page: Page):
    page.gain.value = 6
    assert_array_equal(image(page), levels(CUBE[3].T, 6))
    page.colours.value = 'seismic'
    assert page.mapper.palette == amplitude_palette('seismic')


def test_overlay_outline_and_label(page: Page):
    assert_array_equal(image(page, 'probability'), probability_levels(np.load(page.survey.probability.path)[3].T))
    page.opacity.value, page.label_opacity.value = 0.2, 0.7
    assert page.images['probability'].glyph.global_alpha == 0.2
    assert page.images['label'].glyph.global_alpha == 0.7
    page.threshold.value = 0.3
    low = np.concatenate(page.sources['outline'].data['across'])
    assert_allclose([low.min(), low.max()], [1.25, 4.75], atol=1e-5)
    page.threshold.value = 0.95
    assert page.sources['outline'].data['across'] == []
    page.number.value = '12'
    assert_array_equal(image(page, 'label'), label_levels(np.load(page.survey.label.path)[2].T))
    assert image(page, 'label').max() == 2


def test_zoom_reads_what_is_in_sight(page: Page):
    page.figure.x_range.update(start=1.6, end=4.2)
    page.figure.y_range.update(start=9.4, end=2.0)
    page.figure._trigger_event(RangesUpdate(page.figure))
    assert_array_equal(image(page), levels(CUBE[3].T[2:10, 2:5]))
    page.number.value = '10'
    assert_array_equal(image(page), levels(CUBE[0].T[2:10, 2:5]))
    page.look_at((-0.5, 19.5), (-0.5, 6.5))
    assert_array_equal(image(page), levels(CUBE[0].T))


def test_cursor_and_click(page: Page):
    page.number.value = '12'
    page.figure._trigger_event(MouseMove(page.figure, x=3.2, y=6.1))
    assert page.reading.object.startswith('inline 12 · crossline 306 · time 24 ms · X 1075.00 · Y 5100.00 · amplitude ')
    assert page.reading.object.endswith('probability 0.900 · label salt')
    page.figure._trigger_event(Tap(page.figure, x=1, y=4))
    page.choice.value = 'time'
    assert page.figure.title.text == 'survey.sgy: time 16 ms'
    page.choice.value = 'xline'
    assert page.number.value == '302'


def test_a_file_that_was_cut_is_said(page: Page, capsys):
    with open(page.survey.volume.path, 'r+b') as file:
        file.truncate(4000)
    page.number.value = '15'
    assert 'it was cut while it was open' in page.message.object
    assert page.message.object in capsys.readouterr().err


def test_thinning_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr('mmattn.viewer.sections.MOST_SCATTERED', 3)
    with open_survey(write_survey(tmp_path)['path']) as survey:
        page = Page(survey)
        page.choice.value = 'time'
        assert page.figure.title.text == 'survey.sgy: time 40 ms (1 of 3 columns and 1 of 2 rows; zoom in for all)'
        assert [len(column) for column in page.layout()] == [9, 3]


def test_a_slice_comes_coarsely_first_in_a_browser(page: Page, monkeypatch):
    monkeypatch.setattr('mmattn.viewer.page.COARSE', (3, 3))
    document = Document()
    document.add_root(page.figure)
    page.choice.value = 'time'  # answered at the document's next turn
    document.session_callbacks[0].callback()
    assert image(page).shape == (3, 2)
    assert 'of 3 columns' in page.figure.title.text
    assert_array_equal(image(page), levels(CUBE[:, :, 10])[::2, 1::3])
    (later,) = [one for one in document.session_callbacks if isinstance(one, TimeoutCallback)]
    later.callback()
    assert_array_equal(image(page), levels(CUBE[:, :, 10]))
    assert page.figure.title.text == 'survey.sgy: time 40 ms'
    count = len(document.session_callbacks)
    page._read()
    assert len(document.session_callbacks) == count  # nothing is left to read


def test_controls_are_those_of_what_is_shown(page: Page, tmp_path):
    assert len(page.layout()[0]) == 18
    np.save(tmp_path / 'line.npy', CUBE[0])
    with open_survey(tmp_path / 'line.npy') as survey:
        line = Page(survey)
        assert line.choice.options == {'line': 'iline'}
        assert_array_equal(image(line), amplitude_levels(CUBE[0].T, np.ones((20, 7), bool), survey.clip))
        beside = list(line.layout()[0])
        assert not {line.choice, line.slider, line.number} & set(beside)  # of one line there is nothing to choose


def test_what_is_odd_about_the_survey_is_on_the_page(tmp_path):
    path = write_survey(tmp_path)['path']
    with open_survey(path, geometry='2d') as survey:
        page = Page(survey)
        assert page.figure.title.text == 'survey.sgy: line 1'
        assert page.notes in list(page.layout()[0])
        assert page.notes.object == 'taken as a 2-D line, as asked'


def test_wiggles_take_the_place_of_colours(page: Page):
    page.wiggles.value = True
    curves = page.sources['curves'].data
    assert len(curves['across']) == len(page.sources['filled'].data['across']) == 7
    assert_allclose(curves['across'][4], 4 + 0.9 * np.clip(CUBE[3, 4] / 2.0, -1, 1), atol=1e-6)
    assert page.images['amplitude'].glyph.global_alpha == 0
    page.choice.value = 'time'  # which has no traces
    assert page.sources['curves'].data['across'] == []
    assert page.images['amplitude'].glyph.global_alpha == 1
    page.choice.value = 'iline'
    page.wiggles.value = False
    assert page.sources['filled'].data['across'] == []


def test_two_predictions_side_by_side(tmp_path):
    paths = write_survey(tmp_path)
    second = np.roll(np.load(paths['probability']), 1, axis=2)
    np.save(tmp_path / 'second.npy', second)
    with open_survey(**paths, compare=tmp_path / 'second.npy', clip=2.0) as survey:
        page = Page(survey)
        assert_array_equal(image(page, 'compare'), probability_levels(second[3].T))
        assert page.other.figure.x_range is page.figure.x_range
        assert page.other.figure.title.text == 'second.npy: inline 13'
        assert not np.array_equal(image(page, 'compare'), image(page, 'probability'))
        page.number.value = '11'
        page.opacity.value = 0.3
        assert_array_equal(image(page, 'compare'), probability_levels(second[1].T))
        assert page.other.images['compare'].glyph.global_alpha == 0.3
        low = np.concatenate(page.sources['compare_outline'].data['down'])
        assert_allclose([low.min(), low.max()], [5.5, 10.5], atol=1e-5)
        page.other.figure._trigger_event(MouseMove(page.other.figure, x=3, y=10))
        assert 'probability 0.100 · second.npy 0.900' in page.reading.object
        page.wiggles.value = True
        assert page.other.images['amplitude'].glyph.global_alpha == 0
    np.save(tmp_path / 'second.npy', 2 * second)
    with pytest.raises(ValueError, match=r'compare .*second.npy. must hold values from 0 to 1'):
        open_survey(**paths, compare=tmp_path / 'second.npy')


def test_a_line_across_the_survey(page: Page):
    page.line.value = True
    assert page.choice.value == 'time'
    for across, down in ((1, 0), (1, 3), (5.2, 4.9)):
        page.figure._trigger_event(Tap(page.figure, x=across, y=down))
    rows, columns = page.way.rows, page.way.columns
    assert list(zip(rows, columns)) == [(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (4, 3), (5, 4), (5, 5)]
    assert_array_equal(page.way.sources['amplitude'].data['image'][0], levels(CUBE[rows, columns].T))
    probability = np.load(page.survey.probability.path)[rows, columns].T
    assert_array_equal(page.way.sources['probability'].data['image'][0], probability_levels(probability))
    label = np.load(page.survey.label.path)[rows, columns].T
    assert_array_equal(page.way.sources['label'].data['image'][0], label_levels(label))
    assert page.way.figure.visible
    assert page.way.figure.title.text == 'survey.sgy: along the line, 8 traces'
    assert page.way.drawn.data == dict(across=[1, 1, 5.2], down=[0, 3, 4.9])
    page.gain.value = 6
    assert_array_equal(page.way.sources['amplitude'].data['image'][0], levels(CUBE[rows, columns].T, 6))
    page.choice.value = 'iline'
    assert page.way.drawn.data == dict(across=[], down=[])
    page.figure._trigger_event(Tap(page.figure, x=1, y=1))
    assert page.message.object == 'choose time, and click the corners of the line on a slice'
    assert len(page.way.corners) == 3
    page.line.value = False
    assert (page.way.figure.visible, page.way.corners) == (False, [])
