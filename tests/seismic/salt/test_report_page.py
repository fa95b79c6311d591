"""The page of a report: whole in itself, readable, and nothing in it runs."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import ArrayVolume
from mmattn.seismic.salt.report import write_salt_report
from mmattn.seismic.salt.report_page import MOST_ROWS, ReportPage, readable
from tests.seismic.segy_files import make_cube

SHAPE = (6, 8, 20)


class Page(HTMLParser):
    """Tags with their attributes, headings, and the cells of all tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.setdefault(self.tags[-1][0], []).append(data.strip())


def write(folder: Path, probability: np.ndarray, **options) -> Page:
    mask = (probability > 0.5).astype(np.uint8)
    write_salt_report(
        folder,
        ArrayVolume(make_cube(SHAPE)),
        live=np.ones(SHAPE[:2], bool),
        read_probability=lambda start, stop: probability[start:stop],
        read_mask=lambda start, stop: mask[start:stop],
        **options,
    )
    return Page((folder / 'report.html').read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp('page')


@pytest.fixture(scope='module')
def page(folder: Path) -> Page:
    probability = np.full(SHAPE, 0.05, np.float32)
    probability[1:3, 2:5, 5:9] = 0.95
    sections = dict(Model=dict(config='<script>alert(1)</script>', parameters=1234567), Settings={'flipped too': False})
    return write(folder, probability, sections=sections, warnings=['1 & 2 < 3'])


def test_everything_is_on_it(page: Page):
    assert page.texts['h1'] == ['Predicted salt: array']
    wanted = ['Survey', 'Result', 'Through the middle of the salt', 'Salt from above', 'Probability', 'Bodies']
    assert page.texts['h2'] == [*wanted, 'Model', 'Settings']
    assert page.texts['li'] == ['1 & 2 < 3']
    assert 'grid          6 x 8' in page.texts['pre'][0] or '6' in page.texts['pre'][0]
    cells = page.texts['td']
    assert '1,234,567' in cells
    assert 'no' in cells
    assert '24' in cells


def test_it_needs_nothing_else(page: Page, folder: Path):
    pictures = [attributes['src'] for tag, attributes in page.tags if tag == 'img']
    assert len(pictures) == 3
    found = [base64.b64decode(source.removeprefix('data:image/png;base64,')) for source in pictures]
    assert found == [(folder / name).read_bytes() for name in ('slices.png', 'map.png', 'histogram.png')]
    assert not {'script', 'link', 'iframe', 'object'} & {tag for tag, _ in page.tags}
    text = re.sub(r'base64,[^"]+', '', (folder / 'report.html').read_text())
    assert 'http' not in re.sub('http-equiv', '', text)
    assert '<script' not in text
    assert "default-src 'none'" in text


def test_warnings_come_first_and_are_in_the_summary(tmp_path):
    probability = np.random.default_rng(0).normal(0.48, 0.03, SHAPE).astype(np.float32)
    page = write(tmp_path, probability)
    assert page.texts['strong'] == ['Read this first']
    assert page.texts['li'][0].startswith('probabilities hardly leave the threshold 0.5')
    assert '- **probabilities hardly leave the threshold 0.5' in (tmp_path / 'summary.md').read_text()


def test_long_tables_are_cut(tmp_path):
    (tmp_path / 'a.csv').write_text('n\n' + ''.join(f'{number}\n' for number in range(MOST_ROWS + 7)))
    page = ReportPage('t', 's', [], [], {}, {'gone': tmp_path / 'gone.png'}, dict(Numbers=tmp_path / 'a.csv'))
    page.write(tmp_path / 'a.html')
    text = (tmp_path / 'a.html').read_text()
    assert '7 more in a.csv.' in text
    assert 'Nothing odd was noticed.' in text
    assert text.count('<td>') == MOST_ROWS


@pytest.mark.parametrize(
    ('value', 'words'),
    [
        (True, 'yes'),
        (1234567, '1,234,567'),
        (0.1234567, '0.123457'),
        ([6, 8, 20], '6 x 8 x 20'),
        (['a', 'b'], 'a, b'),
        (None, 'none'),
        ('x', 'x'),
    ],
)
def test_values_as_people_read_them(value, words: str):
    assert readable(value) == words
