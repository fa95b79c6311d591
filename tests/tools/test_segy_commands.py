"""tools/segy_info.py gives the options that help as a command line, and that command works."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import open_volume
from tests.seismic.segy_files import SegyFile, grid_file, make_cube
from tests.tools.run_here import run_here

CUBE = make_cube((6, 7, 400))
ROWS, COLUMNS = np.indices((6, 7))
NUMBER = np.arange(90)


def patched(file: SegyFile, at: int, patch: bytes) -> bytes:
    data = bytearray(file.to_bytes())
    data[at - 1 : at - 1 + len(patch)] = patch
    return bytes(data)


def placed(**options) -> SegyFile:
    """Bins of 25 by 12.5 in centimetres."""
    headers = {181: 100_000 + 2500 * ROWS, 185: 200_000 + 1250 * COLUMNS}
    return grid_file(CUBE, headers=headers | options.pop('headers', {}), **options)


FILES = {
    'lines in other words': (grid_file(CUBE, bytes=(9, 21)).to_bytes(), 'iline 9 xline 21'),
    'lines in two bytes': (
        grid_file(CUBE, bytes=('189:int16', '191:int16')).to_bytes(),
        'iline 189:int16 xline 191:int16',
    ),
    'lines in floats': (
        grid_file(CUBE, bytes=('9:float32', '21:float32')).to_bytes(),
        'iline 9:float32 xline 21:float32',
    ),
    'lines in IBM floats': (grid_file(CUBE, bytes=('189:ibm', '193:ibm')).to_bytes(), 'iline 189:ibm xline 193:ibm'),
    'no format': (patched(grid_file(CUBE), 3225, bytes(2)), 'format 5'),
    'no format, IBM floats': (patched(grid_file(CUBE, format=1), 3225, bytes(2)), 'format 1'),
    'no format, other words': (patched(grid_file(CUBE, bytes=(9, 21)), 3225, bytes(2)), 'iline 9 xline 21 format 5'),
    'cut': (grid_file(CUBE).to_bytes()[:-99], 'allow-truncated'),
    'IEEE called IBM': (patched(grid_file(CUBE), 3225, b'\0\1'), 'format 1 to 5'),
    'IBM called IEEE': (patched(grid_file(CUBE, format=1), 3225, b'\0\5'), 'format 5 to 1'),
    'fill value': (grid_file(np.where(np.arange(400) > 350, -999.25, CUBE)).to_bytes(), 'null-value -999.25'),
    'large fill value': (grid_file(np.where(np.arange(400) > 350, 1e30, CUBE)).to_bytes(), 'null-value 1e+30'),
    'depth': (grid_file(CUBE, text='C 1 DEPTH MIGRATED STACK').to_bytes(), 'sample-unit m'),
    'scalar': (placed(headers={-71: 1}).to_bytes(), 'coordinate-scalar -100'),
    'signed called unsigned': (
        patched(grid_file(np.rint(10 * CUBE), format=8), 3225, b'\0\x10'),
        'format 8',
    ),
    'a line in a sparse grid': (
        SegyFile(make_cube((1, 90, 40))[0], 7 * NUMBER % 89, NUMBER // 2).to_bytes(),
        'geometry 2d',
    ),
}


@pytest.mark.parametrize('case', FILES)
def test_the_command_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, case: str):
    data, expected = FILES[case]
    path = tmp_path / 'a survey.sgy'
    path.write_bytes(data)
    first = run_here(monkeypatch, capsys, 'segy_info.py', path)
    (command,) = [line.strip() for line in first.stdout.splitlines() if line.startswith('  python tools/segy_info.py ')]
    words = shlex.split(command)
    assert words[2] == str(path)
    wanted = expected.replace('format 1 to 5', 'format 5').replace('format 5 to 1', 'format 1').split()
    assert sorted(word.removeprefix('--') for word in words[3:]) == sorted(wanted)
    second = run_here(monkeypatch, capsys, 'segy_info.py', *words[2:])
    assert second.returncode == 0, second.stderr
    assert '  python tools/segy_info.py ' not in second.stdout
    found = json.loads(run_here(monkeypatch, capsys, 'segy_info.py', path, '--json').stdout)
    assert found['command'] == command
    open_volume(path, **found['options']).close()


def test_options_that_were_given_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    path = tmp_path / 'a.sgy'
    path.write_bytes(patched(grid_file(CUBE, bytes=(9, 21)), 3225, b'\0\1'))
    given = '--iline', 9, '--xline', 21, '--start-time', 8.5, '--allow-truncated'
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path, *given)
    expected = (
        f'try\n  python tools/segy_info.py {path} --iline 9 --xline 21 --format 5 --allow-truncated --start-time 8.5\n'
    )
    assert expected in outcome.stdout


@pytest.mark.parametrize(
    'file',
    [
        placed(headers={-71: -100}),
        SegyFile(make_cube((1, 40, 8))[0], np.zeros(40, int), np.zeros(40, int), headers={37: np.arange(40)}),
        grid_file(np.rint(10 * CUBE), format=8),
        grid_file(np.rint(1000 * CUBE), format=3),
    ],
    ids=['sound', 'gathers', 'bytes', 'integers'],
)
def test_nothing_is_suggested_where_nothing_helps(tmp_path: Path, monkeypatch, capsys, file: SegyFile):
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', file.write(tmp_path / 'a.sgy'))
    assert 'python tools' not in outcome.stdout


@pytest.mark.parametrize(
    ('cube', 'code', 'remark'),
    [
        (
            1500 + 900 * np.arange(400) / 400 + 0 * CUBE,
            5,
            'lie from 1500 to 2397.75 without a change of sign: a velocity',
        ),
        (2000 + np.rint(200 * CUBE), 3, 'without a change of sign: a velocity, not amplitudes?'),
        (128 + np.rint(20 * CUBE), 16, 'the samples look unsigned, with zero at 128'),
        (32768 + np.rint(900 * CUBE), 11, 'the samples look unsigned, with zero at 32768'),
        ((128 + np.rint(12 * CUBE)).astype(np.uint8).view(np.int8), 8, 'as unsigned ones with zero at 128 do'),
        (np.abs(CUBE) + 0.1, 5, None),
        (np.clip(np.rint(90 * CUBE), -127, 127), 8, None),
        (np.clip(np.rint(9 * np.abs(CUBE)), 0, 255), 16, None),
    ],
)
def test_what_is_no_amplitude_is_remarked(tmp_path: Path, monkeypatch, capsys, cube, code: int, remark: str | None):
    path = grid_file(cube, format=code).write(tmp_path / 'a.sgy')
    outcome = run_here(monkeypatch, capsys, 'segy_info.py', path)
    assert outcome.returncode == 0
    if remark is None:
        assert not any(words in outcome.stdout for words in ('a velocity', 'look unsigned', 'as unsigned', 'as signed'))
    else:
        assert remark in outcome.stdout
