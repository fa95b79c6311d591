"""The page that is there before Panel: its picture, its token, and how it gives its port away."""

import base64
import io
import re
import socket
from http.client import HTTPConnection

import numpy as np
import pytest
from PIL import Image

from mmattn.viewer.colours import amplitude_levels
from mmattn.viewer.first_page import FirstPage
from mmattn.viewer.glance import glance
from tests.seismic.segy_files import grid_file, make_cube

TOKEN = '0123456789abcdef'


@pytest.fixture
def page(tmp_path):
    page = FirstPage(glance(grid_file(make_cube((5, 7, 20))).write(tmp_path / 'a<b>.sgy')), TOKEN)
    yield page
    page.close()


def ask(port: int, path: str) -> tuple[int, str, dict]:
    connection = HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request('GET', path)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def test_shows_the_traces_in_grey(page, tmp_path):
    assert not page.was_seen
    status, text, _ = ask(page.port, f'/{TOKEN}/')
    assert status == 200
    assert page.was_seen
    assert 'a&lt;b&gt;.sgy: traces 15 to 21 of 35 in the file, inline number' in text
    assert 'samples 0 to 19 downwards' in text
    picture = Image.open(io.BytesIO(base64.b64decode(re.search(r'base64,([^"]+)"', text)[1])))
    shown = glance(tmp_path / 'a<b>.sgy')
    expected = amplitude_levels(shown.view.values, shown.view.present, shown.clip)
    grey = np.asarray(picture.convert('L')).astype(int)
    np.testing.assert_array_equal(grey, np.rint(expected.astype(float) * 255 / 254))


def test_runs_its_own_script_alone(page):
    _, text, headers = ask(page.port, f'/{TOKEN}/')
    nonce = re.search(r'<script nonce="(\w+)">', text)[1]
    rules = headers['Content-Security-Policy']
    assert rules.startswith("default-src 'none'; ")
    assert f"script-src 'nonce-{nonce}'" in rules
    assert headers['Cache-Control'] == 'no-store'
    assert '://' not in text


@pytest.mark.parametrize('path', ['/', '/first', f'/{TOKEN[:-1]}/', f'/{TOKEN}x/', f'/{TOKEN}/../', '/favicon.ico'])
def test_nothing_is_found_without_the_token(page, path):
    assert ask(page.port, path)[:2] == (404, '')
    assert not page.was_seen


def test_addresses_below_the_token(page):
    assert ask(page.port, f'/{TOKEN}/first')[:2] == (200, '')
    status, _, headers = ask(page.port, f'/{TOKEN}')
    assert (status, headers['Location']) == (301, f'/{TOKEN}/')


def test_gives_its_port_away(tmp_path):
    page = FirstPage(glance(grid_file(make_cube((5, 7, 20))).write(tmp_path / 'a.sgy')), TOKEN)
    ask(page.port, f'/{TOKEN}/')
    page.close()
    with pytest.raises(ConnectionRefusedError):
        ask(page.port, f'/{TOKEN}/')
    with socket.socket() as other:  # as a server binds
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', page.port))


def test_a_port_that_is_taken(page, tmp_path):
    with pytest.raises(ValueError, match=rf"--host '127.0.0.1' and --port {page.port} must be an interface of this"):
        FirstPage(glance(tmp_path / 'a<b>.sgy'), TOKEN, port=page.port)
