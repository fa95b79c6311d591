"""The page is found under its token alone, and answers what a browser sends."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.viewer.colours import amplitude_levels
from mmattn.viewer.survey import open_survey
from tests.seismic.segy_files import make_cube
from tests.viewer.surveys import SHAPE, write_survey

pytest.importorskip('panel')
from mmattn.viewer.page import Page
from mmattn.viewer.server import make_server

TOKEN = '0123456789abcdef'


def ask(work, survey):
    """Runs ``work(port)`` in a thread while a server runs in this one."""
    server = make_server(survey, TOKEN)
    server.start()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, server.port)
        done.add_done_callback(lambda _: server.io_loop.add_callback(server.io_loop.stop))
        timer = threading.Timer(60, lambda: server.io_loop.add_callback(server.io_loop.stop))
        timer.start()
        server.io_loop.start()
        timer.cancel()
        result = done.result(timeout=1)
    server.stop()
    return result


def status(port: int, path: str) -> int:
    try:
        with urlopen(f'http://127.0.0.1:{port}{path}', timeout=20) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_nothing_is_found_without_the_token(tmp_path):
    paths = [
        '/favicon.ico',
        '/',
        '/ws',
        '/static/js/bokeh.min.js',
        '/autoload.js',
        f'/{TOKEN[:-1]}/',
        f'/{TOKEN}x/',
        '/x/',
        '/metadata',
    ]

    def work(port: int) -> tuple:
        with urlopen(f'http://127.0.0.1:{port}/{TOKEN}/', timeout=20) as answer:
            text = answer.read().decode()
        scripts = re.findall(r'src="([^"]+)"', text)
        found = [status(port, f'/{TOKEN}/{script}') for script in scripts]
        return text, found, [status(port, path) for path in paths]

    with open_survey(write_survey(tmp_path)['path']) as survey:
        text, found, refused = ask(work, survey)
    assert refused == [404] * len(paths)
    assert found == [200] * len(found)
    assert len(found) > 2
    assert 'mmattn: survey.sgy' in text
    assert '://' not in text  # nothing comes from elsewhere


def test_pages_of_other_hosts_are_refused(tmp_path):
    def work(port: int) -> list[int]:
        answers = []
        for origin in (f'http://127.0.0.1:{port}', 'http://example.org'):
            headers = {
                'Origin': origin, 'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
                'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            }  # fmt: skip
            connection = HTTPConnection('127.0.0.1', port, timeout=20)
            connection.request('GET', f'/{TOKEN}/ws', headers=headers)
            answers.append(connection.getresponse().status)
            connection.close()
        return answers

    with open_survey(write_survey(tmp_path)['path']) as survey:
        own, other = ask(work, survey)
    assert own != 403
    assert other == 403


def test_moves_over_the_connection_of_a_browser(tmp_path, monkeypatch):
    from bokeh.client import pull_session
    from bokeh.models import TextInput

    pages = []

    def make(survey, explain) -> Page:
        pages.append(Page(survey, explain))
        return pages[-1]

    def work(port: int) -> np.ndarray:
        with pull_session(url=f'http://127.0.0.1:{port}/{TOKEN}/') as session:
            session.document.select_one(dict(type=TextInput)).value = '11'
            end = time.monotonic() + 20
            while pages[-1].slider.value != 11 and time.monotonic() < end:
                session.force_roundtrip()
                time.sleep(0.02)
            session.force_roundtrip()
            return pages[-1].sources['amplitude'].data['image'][0].copy()  # later Bokeh may have emptied it

    monkeypatch.setattr('mmattn.viewer.server.Page', make)
    section = make_cube(SHAPE)[1].T
    with open_survey(write_survey(tmp_path)['path'], clip=2.0) as survey:
        shown = ask(work, survey)
    assert len(pages) == 1
    assert_array_equal(shown, amplitude_levels(section, np.ones(section.shape, bool), 2.0))
