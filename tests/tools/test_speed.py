"""The benchmark's tables; their figures are for people to look at, never asserted."""

import csv

import pytest

from tests.tools.run_here import Outcome, run_here
from tests.tools.run_tools import ROOT

pytestmark = pytest.mark.slow
QUICK = '--repeats', 1, '--device', 'cpu'


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Runs the tool in the repository; it is to end well unless told otherwise."""
    monkeypatch.chdir(ROOT)

    def call(*arguments: object, check: bool = True) -> Outcome:
        outcome = run_here(monkeypatch, capsys, 'speed.py', *arguments)
        assert not (check and outcome.returncode), outcome.stderr
        return outcome

    return call


@pytest.mark.parametrize('suffix', ['.csv', '.md'])
def test_every_operator_beside_its_peer(speed, tmp_path, suffix: str):
    table = tmp_path / f'table{suffix}'
    speed('ops', '--size', 1, 32, 9, 9, *QUICK, '--out', table)
    if suffix == '.csv':
        rows = list(csv.DictReader(table.open()))
        assert {row['op'] for row in rows} >= {'criss_cross', 'position', 'channel', 'non_local', 'axial'}
        assert all(float(row['time_ratio']) > 0 and float(row['memory_ratio']) > 0 for row in rows)
    else:
        assert table.read_text().splitlines()[0].startswith('| op | peer | size |')


def test_a_peer_that_fails_is_said(speed):
    options = '--ops', 'criss_cross', '--size', 1, 32, 9, 8, *QUICK, '--dtype', 'float16'
    result = speed('ops', *options)
    assert 'mmcv CrissCrossAttention, forward: ' in result.stdout
    assert '| fails |' in result.stdout


def test_a_peer_that_does_not_exist_at_a_size_is_said(speed):
    result = speed('ops', '--ops', 'axial', '--size', 1, 32, 9, 8, *QUICK)
    assert 'the published steps, forward: the published layer takes square maps, not 9x8' in result.stdout


def test_heads_and_configs_and_resuming(speed, tmp_path):
    table = tmp_path / 'table.csv'
    heads = ('model', '--heads', 'umixformer_b0', 'ccnet', '--size', 64, 64, *QUICK, '--out', table)
    speed(*heads, '--dtype', 'float32', 'bfloat16', '--work', 'forward')
    rows = list(csv.DictReader(table.open()))
    assert [(row['network'], row['dtype'], row['work']) for row in rows] == [
        (head, dtype, 'forward') for head in ('umixformer_b0', 'ccnet') for dtype in ('float32', 'bfloat16')
    ]
    assert all(float(row['ratio']) > 0 and float(row['peak_mib']) > 0 for row in rows)
    configs = ('--configs', 'configs/umixformer_salt.py', '--work', 'step', '--resume')
    speed(*heads, *configs)
    again = list(csv.DictReader(table.open()))
    assert again[: len(rows)] == rows
    assert {(row['network'], row['size'], row['work']) for row in again[len(rows) :]} == {
        ('umixformer_b0', '64x64', 'step'),
        ('ccnet', '64x64', 'step'),
        ('configs/umixformer_salt', '64x64', 'step'),
    }


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--configs', 'configs/none.py'), "error: config 'configs/none.py' is not a file"),
        ((), 'model needs --heads or --configs'),
    ],
)
def test_wrong_arguments_end_in_one_line(speed, arguments: tuple, message: str):
    result = speed('model', *arguments, check=False)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]


def test_a_network_that_cannot_train_on_one_image_is_said(speed):
    options = '--configs', 'configs/smt_salt.py', '--size', 32, 32, '--work', 'step', *QUICK
    result = speed('model', *options)
    assert 'configs/smt_salt, step: Expected more than 1 value per channel' in result.stderr
    assert '| step | fails |' in result.stdout
