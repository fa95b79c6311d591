"""tools/view.py prints the address of its page; what is wrong is one line."""

import os
import re
import runpy
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from mmattn.viewer.survey import open_survey
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here
from tests.tools.run_tools import ROOT
from tests.viewer.surveys import write_survey


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['none.sgy'], "SEG-Y file 'none.sgy' does not exist"),
        (['{path}', 'none.npy'], "array 'none.npy' does not exist"),
        (['{path}', '{path}'], "probability '{path}' must hold values from 0 to 1, got -"),
        (['{path}', '--label', '{probability}'], "label '{probability}' must hold values 0 (background), 1 (salt) and"),
        (['{path}', '--label', 'none.sgy'], "label 'none.sgy' does not exist; a new one must end with .npy or .zarr"),
        (['{path}', '--clip', '0'], 'viewer: clip must be above 0, got 0.0'),
        (['{path}', '--config', 'ccnet_salt'], '--config and --checkpoint belong together: give both or none'),
        (['{path}', '--port', '70000'], '--port must be from 0 to 65535, got 70000'),
        (['{label}', '--iline', '9'], 'iline: options of SEG-Y files, but'),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, monkeypatch, capsys, arguments: list[str], message: str):
    paths = write_survey(tmp_path)
    outcome = run_here(monkeypatch, capsys, 'view.py', *(text.format(**paths) for text in arguments))
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f'error: {message.format(**paths)}')
    assert outcome.stderr.count('\n') == 1


def test_what_a_click_is_answered_with(tmp_path: Path):
    import torch
    from mmengine.config import Config
    from mmseg.apis import init_model

    config = write_tiny_config(tmp_path)
    model = init_model(Config.fromfile(config), device='cpu')
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'a.pth')
    tool = runpy.run_path(str(ROOT / 'tools' / 'view.py'), run_name='view')
    args = SimpleNamespace(config=str(config), checkpoint=str(tmp_path / 'a.pth'), clip=None)
    with open_survey(write_survey(tmp_path)['path']) as survey:
        assert tool['explainer'](SimpleNamespace(config=None), survey) is None
        picture = tool['explainer'](args, survey)('xline', 2, 12, 3)
    assert np.asarray(Image.open(BytesIO(picture)).convert('L')).std() > 20


def test_without_panel(tmp_path: Path, monkeypatch, capsys):
    for name in ('mmattn.viewer.server', 'mmattn.viewer.page'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, 'panel', None)
    monkeypatch.setitem(sys.modules, 'panel.io.server', None)
    outcome = run_here(monkeypatch, capsys, 'view.py', write_survey(tmp_path)['path'])
    assert outcome.returncode == 2
    assert outcome.stderr.startswith('error: the page needs Panel (')
    assert outcome.stderr.endswith("): pip install 'mmattn[view]'\n")


def test_another_port_that_is_taken(tmp_path: Path, monkeypatch, capsys):
    pytest.importorskip('panel')
    outcome = run_here(monkeypatch, capsys, 'view.py', write_survey(tmp_path)['path'], '--host', '203.0.113.7')
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("error: --host '203.0.113.7' and --port 0 must be an interface of this machine")


@pytest.mark.slow
def test_serves_until_it_is_interrupted(tmp_path: Path):
    pytest.importorskip('panel')
    np.save(tmp_path / 'a.npy', np.ones((3, 4, 5)))
    command = [sys.executable, 'tools/view.py', str(tmp_path / 'a.npy')]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r'http://127\.0\.0\.1:\d+/[0-9a-f]{32}/', address), address or process.stderr.read()
        with urlopen(address, timeout=30) as answer:
            assert 'mmattn: a.npy' in answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == 'interrupted\n'


def ask(address: str) -> str:
    """What a page says, also between two servers, when nobody answers."""
    end = time.monotonic() + 30
    while True:
        try:
            with urlopen(address, timeout=30) as answer:
                return answer.read().decode()
        except (ConnectionError, URLError):
            assert time.monotonic() < end, 'nobody answers'
            time.sleep(0.05)


@pytest.mark.slow
def test_traces_are_shown_before_panel(tmp_path: Path):
    pytest.importorskip('panel')
    command = [sys.executable, 'tools/view.py', write_survey(tmp_path)['path']]
    environment = os.environ | dict(XDG_CACHE_HOME=str(tmp_path / 'cache'))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        address = process.stdout.readline().strip()
        text = ask(address)
        assert 'survey.sgy: traces ' in text
        end = time.monotonic() + 60
        while 'data:image/png' in text and time.monotonic() < end:
            text = ask(address)
            time.sleep(0.1)
        assert 'bokeh' in text
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stdout.read() == ''


@pytest.mark.slow
def test_what_cannot_be_opened_is_told_in_a_page_that_was_seen(tmp_path: Path):
    pytest.importorskip('panel')
    paths = write_survey(tmp_path)
    command = [sys.executable, 'tools/view.py', paths['path'], paths['path']]  # amplitudes are no probability
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        address = process.stdout.readline().strip()
        assert 'survey.sgy: traces ' in ask(address)
        end = time.monotonic() + 60
        while 'data:image/png' in ask(address) and time.monotonic() < end:
            time.sleep(0.1)
        assert 'bokeh' in ask(address)  # where it is told for some seconds
        assert process.wait(60) == 2
        assert process.stderr.read().startswith("error: probability '")
