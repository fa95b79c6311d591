"""tools/segy_info.py tells what is in a file, usable or not."""

import json
from pathlib import Path

import pytest

from tests.seismic.segy_files import grid_file, make_cube
from tests.tools.run_here import run_here


def test_tells_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    path = grid_file(make_cube((6, 7, 20)), format=1).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path, '--picture', tmp_path / 'a.png', '--headers')
    assert outcome.returncode == 0
    for text in ('1 (4-byte IBM float)', 'inlines                first 10, last 15, count 6, step 1', '6 x 7 x 20'):
        assert text in outcome.stdout
    assert ' 193 CROSSLINE_3D' in outcome.stdout
    assert (tmp_path / 'a.png').stat().st_size > 5000


def test_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    path = grid_file(make_cube(), bytes=(9, 21)).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path, '--json', '--iline', 9, '--xline', 21)
    assert (outcome.returncode, outcome.stderr) == (0, '')
    assert json.loads(outcome.stdout)['geometry']['shape'] == [4, 5, 12]


def test_words_by_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    path = grid_file(make_cube(), bytes=('9:float32', '21:ibm')).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path, '--json', '--iline', '9:float32', '--xline', '21:ibm')
    assert (outcome.returncode, outcome.stderr) == (0, '')
    found = json.loads(outcome.stdout)['geometry']
    assert (found['inlines']['byte'], found['crosslines']['byte']) == ('9:float32', '21:ibm')
    assert found['shape'] == [4, 5, 12]


def test_suggests_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    path = grid_file(make_cube(), bytes=(9, 21)).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path)
    assert outcome.returncode == 2
    assert 'iline 9, xline 21, shape 4 x 5, fill 1' in outcome.stdout
    assert 'FieldRecord' in outcome.stdout
    assert outcome.stderr.startswith(f'error: {path}: ')
    assert outcome.stderr.count('\n') == 1
    assert 'error' in json.loads(run_here(monkeypatch, capsys, 'segy_info.py', path, '--json').stdout)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['none.sgy'], "SEG-Y file 'none.sgy' does not exist"),
        (['none.sgy', '--iline', '0'], 'iline must be a byte'),
        (['none.sgy', '--iline', '9:int8'], "iline must be a byte position from 1 to 237, got '9:int8'; '9:int32'"),
        (['none.sgy', '--picture', 'a.doc'], "picture 'a.doc' must end with .png"),
    ],
)
def test_wrong_input_is_one_line(monkeypatch, capsys, arguments: list[str], message: str):
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', *arguments)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f'error: {message}')
    assert outcome.stderr.count('\n') == 1


def test_a_picture_that_cannot_be_written_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    path = grid_file(make_cube()).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path, '--picture', path / 'a.png')
    assert outcome.returncode == 2
    assert 'traces                 20' in outcome.stdout
    assert outcome.stderr.startswith('error: [Errno')
