"""tools/few_lines.py: from a label on two lines to files, suggestions and the viewer."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import mmattn
from mmattn.seismic import open_volume
from mmattn.seismic.synthetic import make_volume
from tests.seismic.segy_files import grid_file
from tests.tools.run_here import run_here

SHAPE = 8, 12, 32
TINY = 'model.backbone.base_channels=2', 'model.decode_head.in_channels=2'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Inlines 10 to 17 as SEG-Y, inlines 12 and 15 labelled."""
    amplitude, truth = make_volume((SHAPE[0], 16, SHAPE[2]), seed=1)
    amplitude, truth = amplitude[:, : SHAPE[1]], truth[:, : SHAPE[1]]
    label = np.full(SHAPE, 255, np.uint8)
    label[[2, 5]] = truth[[2, 5]]
    np.save(tmp_path / 'label.npy', label)
    return grid_file(amplitude.astype(np.float32)).write(tmp_path / 'survey.sgy'), tmp_path / 'label.npy'


def arguments(files: tuple[Path, Path], *more: str) -> list:
    return [files[0], '--labels', files[1], '--minutes', '0.0001', '--config', 'attention_unet_salt', *more]


def test_two_rounds(files, tmp_path: Path, monkeypatch, capsys):
    given = *arguments(files, '--cfg-options', *TINY), '--suggest', '3'
    outcome = run_here(monkeypatch, capsys, 'few_lines.py', *given)
    assert outcome.returncode == 0, outcome.stderr
    assert 'survey.sgy: 8 x 12 x 32; labelled inlines 12, 15\n' in outcome.stdout
    assert 'start: random weights of attention_unet_salt\ntrained: 1 iterations' in outcome.stdout
    out = tmp_path / 'survey_salt'
    with open_volume(out / 'salt.sgy') as salt, open_volume(out / 'std.sgy') as std, open_volume(files[0]) as survey:
        assert salt.shape == std.shape == SHAPE
        assert_array_equal(salt.ilines, survey.ilines)
        section = salt.section('iline', 3)
    assert 0 < section.min() <= section.max() < 1
    with (out / 'lines.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert not {('inline', '12'), ('inline', '15')} & {(row['direction'], row['line']) for row in rows}
    network = mmattn.load(out / 'network')
    assert network.amplitude_clips

    ran = []
    monkeypatch.setattr(os, 'execv', lambda program, words: ran.append(words))
    given = (
        files[0],
        '--labels',
        files[1],
        '--minutes',
        '0.0001',
        '--start',
        out / 'network',
        '--view',
        '--suggest',
        '1',
    )
    outcome = run_here(monkeypatch, capsys, 'few_lines.py', *given)
    assert outcome.returncode == 0, outcome.stderr
    assert f'start: {out / "network"}\n' in outcome.stdout
    assert ran[0][1].endswith('view.py')
    assert ran[0][2:] == [str(files[0]), str(out / 'salt.sgy'), '--label', str(files[1])]
    assert sorted(path.name for path in out.iterdir()) == ['lines.csv', 'log', 'network', 'salt.sgy', 'std.sgy']


def test_an_interrupt_keeps_what_is_trained(files, tmp_path: Path, monkeypatch, capsys):
    from mmattn.engine.hooks import TimeBudgetHook

    after = TimeBudgetHook.after_train_iter

    def interrupt(self, runner, *rest, **more) -> None:
        after(self, runner, *rest, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(TimeBudgetHook, 'after_train_iter', interrupt)
    given = [*arguments(files, '--cfg-options', *TINY), '--minutes', '60']
    outcome = run_here(monkeypatch, capsys, 'few_lines.py', *given)
    assert outcome.returncode == 0, outcome.stderr
    assert 'ended by Ctrl-C: 1 iterations' in outcome.stdout
    assert (tmp_path / 'survey_salt' / 'salt.sgy').is_file()


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['--minutes', '0'], '--minutes must be above 0, got 0'),
        (['--keep', '1'], '--keep must be at least 0 and below 1, got 1'),
        (['--suggest', '0'], '--suggest must be at least 1, got 0'),
        (['--labels', 'gone.npy'], "array 'gone.npy' does not exist"),
        (['--labels', '{survey}'], 'label survey.sgy holds the values'),
        (['--start', 'gone'], '--start and --config say the same: give one'),
    ],
)
def test_wrong_input_is_one_line(files, monkeypatch, capsys, more: list[str], message: str):
    given = [*arguments(files), *(text.format(survey=files[0]) for text in more)]
    outcome = run_here(monkeypatch, capsys, 'few_lines.py', *given)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f'error: {message}')
    assert outcome.stderr.count('\n') == 1


def test_a_network_of_three_channels(files, tmp_path: Path, monkeypatch, capsys):
    given = arguments(files, '--cfg-options', *TINY, 'model.backbone.in_channels=3', '--suggest', '1')
    outcome = run_here(monkeypatch, capsys, 'few_lines.py', *given)
    assert outcome.returncode == 0, outcome.stderr
    assert (tmp_path / 'survey_salt' / 'salt.sgy').is_file()
