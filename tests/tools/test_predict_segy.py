"""Prediction from the command line: one process and two, killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from scipy import ndimage

from mmattn.cli.device import replace_sync_bn
from mmattn.seismic import open_volume
from mmattn.seismic.synthetic import make_volume
from tests.seismic.segy_files import grid_file, make_cube
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here
from tests.tools.run_tools import ROOT, run

OPTIONS = ('--window', 32, 32, '--batch-size', 4, '--memory', 0.2, '--device', 'cpu')


@pytest.fixture(scope='module')
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A config, a checkpoint of random weights and a survey."""
    folder = tmp_path_factory.mktemp('inputs')
    config = write_tiny_config(folder)
    init_default_scope('mmseg')
    loaded = Config.fromfile(config)
    replace_sync_bn(loaded.model)
    torch.manual_seed(0)
    model = MODELS.build(loaded.model)
    torch.nn.init.normal_(model.decode_head.conv_seg.weight, std=3.0)
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=['no', 'salt']))), folder / 'm.pth'
    )
    cube, _ = make_volume((20, 24, 60), seed=1)
    grid_file(cube, missing=np.eye(20, 24, dtype=bool)).write(folder / 'in.sgy')
    return config, folder / 'm.pth', folder / 'in.sgy'


def test_the_tool_predicts_and_says_what_it_changed(inputs, tmp_path, monkeypatch, capsys):
    options = *OPTIONS, '--mask', tmp_path / 'm.sgy', '--std', tmp_path / 's.sgy', '--min-body', 5, '--hysteresis', 0.86
    result = run_here(monkeypatch, capsys, 'predict_segy.py', *inputs, tmp_path / 'p.sgy', *options)
    assert result.returncode == 0, result.stderr
    assert 'clip 0.' in result.stdout
    assert 'sections: iline and xline' in result.stdout
    assert 'note: 20 of 480 places have no trace' in result.stdout
    assert result.stdout.count('changed: samples of all traces') == 3
    assert 'seconds: read' in result.stdout
    assert 'predict: 920 of 920, about 0 s left' in result.stderr
    with open_volume(tmp_path / 'p.sgy') as probability, open_volume(tmp_path / 'm.sgy') as mask:
        values, salt = probability.slab('iline', 0, 20), mask.slab('iline', 0, 20)
    assert 0 <= values.min() < values.max() <= 1
    assert set(np.unique(salt)) <= {0, 1}
    labels, _ = ndimage.label(values > 0.5)
    sizes, peaks = np.bincount(labels.ravel()), ndimage.maximum(values, labels, np.arange(labels.max() + 1))
    expected = (labels > 0) & (sizes >= 5)[labels] & (peaks > 0.86)[labels]
    assert np.array_equal(salt, expected)
    assert 0 < expected.sum() < np.count_nonzero(values > 0.5)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({2: 'gone.sgy'}, 'gone.sgy'),
        ({1: 'gone.pth'}, "checkpoint 'gone.pth' is not a file"),
        ({0: 'gone.py'}, "config 'gone.py' is not a file"),
        ({4: '--clip', 5: 'checkpoint'}, "clip 'checkpoint': the checkpoint holds none"),
        ({4: '--overlap', 5: '1'}, 'overlap must lie in 0 to 0.9, got 1.0'),
        ({4: '--window', 5: 0, 6: 0}, 'window must be at least (1, 1), got (0, 0)'),
        ({4: '--iline', 5: '500'}, 'iline must be a byte position from 1 to 237, got 500'),
        ({4: '--cfg-options', 5: 'model'}, 'argument --cfg-options: must be of the form key=value'),
        ({3: 'gone/p.sgy'}, "probability: folder 'gone' does not exist"),
        ({1: __file__}, 'is damaged, or is none'),
        ({4: '--direction', 5: 'iline', 6: '--std', 7: 's.sgy'}, 'std is the spread of several predictions'),
    ],
)
def test_wrong_input_ends_in_one_line(inputs, tmp_path, monkeypatch, capsys, changes: dict, message: str):
    arguments = dict(enumerate([*inputs, tmp_path / 'p.sgy'])) | changes
    result = run_here(monkeypatch, capsys, 'predict_segy.py', *arguments.values(), '--device', 'cpu')
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert message in last
    assert not list(tmp_path.iterdir())


def test_directions_may_be_given_one_by_one_and_bad_samples_are_told(inputs, tmp_path, monkeypatch, capsys):
    cube = make_cube((3, 4, 8))
    cube[1, 2] = np.nan
    cube[0, 0, 3] = np.inf
    source = grid_file(cube).write(tmp_path / 'survey of no ending')
    options = *OPTIONS, '--direction', 'iline', '--direction', 'xline'
    result = run_here(monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / 'p.sgy', *options)
    assert result.returncode == 0, result.stderr
    assert 'sections: iline and xline' in result.stdout
    assert 'NaN or infinite: 9 samples of the input, taken as 0' in result.stdout
    assert '1 traces that are dead' in result.stdout


def padded_survey(folder: Path, fill: float, where: tuple) -> Path:
    """A survey of 6 by 7 traces of 32 samples with a fill value."""
    cube = make_cube((6, 7, 32))
    cube[where] = fill
    return grid_file(cube, headers={-109: 100}).write(folder / 'padded.sgy')


def test_the_survey_is_described_first(inputs, tmp_path, monkeypatch, capsys):
    source = padded_survey(tmp_path, 1e30, np.s_[0])
    result = run_here(monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / 'p.npy', *OPTIONS)
    assert result.returncode == 0, result.stderr
    said = result.stdout
    assert said.startswith(f'survey: {source}\n  grid          6 x 7 x 32, inlines 10 to 15, crosslines 300 to 306\n')
    for words in (
        'samples       100 to 224 ms every 4 ms',
        '7 hold 1e+30 throughout',
        'fill values   none',
        'clip          2.9',
    ):
        assert words in said
    assert 'dead: 7 traces of the input hold 1e+30 throughout' in said
    probability = np.load(tmp_path / 'p.npy')
    assert not probability[0].any()
    assert probability[1:].any(axis=2).all()


def test_a_survey_that_looks_wrong_needs_yes_or_what_mends_it(inputs, tmp_path, monkeypatch, capsys):
    source = padded_survey(tmp_path, -999.25, np.s_[2:4, :, 20:])

    def predict(name: str, *options: object):
        return run_here(
            monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / name, *OPTIONS, *options
        )

    refused = predict('a.npy')
    assert refused.returncode == 2
    (last,) = [line for line in refused.stderr.splitlines() if line.startswith('error: ')]
    for words in ('padded.sgy looks wrong, --yes', 'are -999.25', '--null-value -999.25'):
        assert words in last
    assert 'looks wrong   padded.sgy: of the samples' in refused.stdout
    assert not (tmp_path / 'a.npy').exists()
    arrays = []
    for name, options in (('b.npy', ['--yes']), ('c.npy', ['--null-value', -999.25])):
        result = predict(name, *options)
        assert result.returncode == 0, result.stderr
        assert 'null values: 168 samples of the input, whose probability is 0' in result.stdout
        arrays.append(np.load(tmp_path / name))
        assert not arrays[-1][2:4, :, 20:].any()
        assert arrays[-1][2:4, :, :20].any(axis=2).all()
    assert np.array_equal(*arrays)
    result = predict('d.npy', '--null-value', -999.25, '--clip', 1e30)
    assert result.returncode == 2
    assert 'the clip 1e+30 (as given) is' in result.stderr
    assert '--yes' in result.stderr


def test_every_trace_is_read_in_search_of_fill_values(inputs, tmp_path, monkeypatch, capsys):
    cube = make_cube((60, 50, 8))
    row, column = divmod(int(np.random.default_rng(0).permutation(3000)[2900]), 50)  # the sample is the first 2000
    cube[row, column, 4:] = -999.25
    source = grid_file(cube).write(tmp_path / 'in.sgy')
    monkeypatch.setattr('mmattn.inference.volume.predict_slab', lambda *_, live, views, **__: no_salt(live, views))

    def no_salt(live: np.ndarray, views: int) -> np.ndarray:
        return np.full((views, *live.shape, 8), 0.25, np.float32)

    def predict(name: str, *options: object):
        return run_here(
            monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / name, *OPTIONS, *options
        )

    refused = predict('a.npy')
    assert refused.returncode == 2
    assert '0.02% are -999.25' in refused.stderr
    assert 'fill values   -999.25 (0.02%)' in refused.stdout
    assert 'read: 3000 of 3000' in refused.stderr
    result = predict('b.npy', '--yes')
    assert result.returncode == 0, result.stderr
    assert 'null values: 4 samples of the input' in result.stdout
    assert np.count_nonzero(np.load(tmp_path / 'b.npy') == 0) == 4


@pytest.mark.parametrize(
    ('label', 'options', 'message'),
    [
        (dict(headers={-109: 500}), (), 'another start: 500 ms, the amplitudes padded.sgy 100 ms'),
        (dict(interval=2000), (), 'another interval: 2 ms, the amplitudes padded.sgy 4 ms'),
        (dict(ilines=np.arange(6)), (), 'the label is on another grid'),
        (dict(values=255), (), 'holds the values 0, 255'),
        (dict(values=3), ('--salt-value', '>a'), "a text like '>0.5', got '>a'"),
        (None, ('--ignore-value', 255), '--salt-value and --ignore-value are of a label: give --label'),
    ],
)
def test_a_label_is_checked_before_the_work(inputs, tmp_path, monkeypatch, capsys, label, options, message):
    source = padded_survey(tmp_path, 0, np.s_[0, 0])
    if label is not None:
        salt = (make_cube((6, 7, 32)) > 0.5) * label.pop('values', 1)
        path = grid_file(salt, **dict(headers={-109: 100}) | label).write(tmp_path / 'l.sgy')
        options = *options, '--label', path
    result = run_here(
        monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / 'p.sgy', *OPTIONS, *options
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert not (tmp_path / 'p.sgy').exists()


def test_a_label_is_scored(inputs, tmp_path, monkeypatch, capsys):
    source = padded_survey(tmp_path, 0, np.s_[0, 0])
    salt = np.where(make_cube((6, 7, 32)) > 0.5, 3, 0)
    salt[1] = 255
    label = grid_file(salt, headers={-109: 100}).write(tmp_path / 'l.sgy')
    options = '--label', label, '--salt-value', 3, '--ignore-value', 255, '--threshold', 0.3
    for name in ('p.sgy', 'p.npy'):
        result = run_here(
            monkeypatch, capsys, 'predict_segy.py', *inputs[:2], source, tmp_path / name, *OPTIONS, *options
        )
        assert result.returncode == 0, result.stderr
        with open_volume(tmp_path / name) as probability:
            predicted = probability.slab('iline', 0, 6) > 0.3
        counted = salt != 255
        counted[0, 0] = False
        both, either = (salt == 3) & predicted & counted, ((salt == 3) | predicted) & counted
        expected = f'salt IoU against l.sgy: {both.sum() / either.sum():.4f} over {counted.sum()} cells above 0.3'
        assert expected in result.stdout


@pytest.fixture
def one_thread():
    """Puts this process's threads back after a tool has set them."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_killed_and_resumed_and_shared_it_gives_the_same_files(inputs, tmp_path, monkeypatch, capsys, one_thread):
    script = 'predict_segy.py'
    more = *OPTIONS, '--flip', '--clip', 'survey', '--threads', 1

    def command(name: str, *extra: object) -> list[object]:
        return [*inputs, tmp_path / f'{name}.sgy', *more, '--std', tmp_path / f'{name}-std.sgy', *extra]

    assert run_here(monkeypatch, capsys, script, *command('whole')).returncode == 0
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    process = subprocess.Popen(
        [sys.executable, f'tools/{script}', *map(str, command('cut'))],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    journal = tmp_path / 'cut.sgy.partial' / 'journal-0.txt'
    while process.poll() is None and not (journal.is_file() and len(journal.read_text().splitlines()) >= 2):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / 'cut.sgy').exists()
    result = run_here(monkeypatch, capsys, script, *command('cut', '--resume'))
    assert result.returncode == 0, result.stderr
    assert 'resumed: ' in result.stdout
    files, rest = command('ranks')[:4], command('ranks')[4:]
    run('bash', 'tools/dist_predict_segy.sh', *files, 2, *rest, PORT='29731')
    for name in ('cut', 'ranks'):
        for suffix in ('.sgy', '-std.sgy'):
            assert (tmp_path / (name + suffix)).read_bytes() == (tmp_path / ('whole' + suffix)).read_bytes()


@pytest.mark.parametrize('arguments', [('a', 'b', 'c', 'd'), ('a', 'b', 'c', 'd', 'two'), ('a', 'b', 'c')])
def test_the_script_says_how_to_call_it(arguments: tuple[str, ...]):
    result = run('bash', 'tools/dist_predict_segy.sh', *arguments, check=False)
    assert result.returncode == 2
    usage = 'usage: bash tools/dist_predict_segy.sh CONFIG CHECKPOINT in.sgy out.sgy GPUS [options], '
    assert result.stderr == usage + 'or NETWORK in.sgy out.sgy GPUS [options]\n'
