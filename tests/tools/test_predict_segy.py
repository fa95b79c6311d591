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

from mmattn.cli.launch import replace_sync_bn
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
    options = *OPTIONS, '--mask', tmp_path / 'm.sgy', '--std', tmp_path / 's.sgy', '--min-body', 5
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
    assert not salt[values <= 0.5].any()


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
        ({1: __file__}, 'cannot be read'),
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


@pytest.mark.parametrize('arguments', [('a', 'b', 'c', 'd'), ('a', 'b', 'c', 'd', 'two')])
def test_the_script_says_how_to_call_it(arguments: tuple[str, ...]):
    result = run('bash', 'tools/dist_predict_segy.sh', *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr == ('usage: bash tools/dist_predict_segy.sh CONFIG CHECKPOINT in.sgy out.sgy GPUS [options]\n')
