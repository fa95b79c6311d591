"""From make_shots.py to a salt mask in depth, at toy size."""

import re
import shlex
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from segyio import TraceField

from mmattn.inference import velocity as inversion
from mmattn.seismic.shots import Acquisition, read_shots, read_velocity, write_velocity
from tests.seismic.segy.test_gathers import write as write_gathers
from tests.tools.run_here import run_here

pytest.importorskip('deepwave')
CONFIG = """
_base_ = [{base!r}]
load = [dict(type='LoadShots'), dict(type='LoadVelocity', size=(16, 20))]
model = dict(
    backbone=dict(num_shots=2, grid=(16, 20), backbone=dict(base_channels=4, num_stages=3)),
    decode_head=dict(in_channels=4),
)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=[*load, dict(type='PackVelocityInputs')]))
val_dataloader = dict(dataset=dict(pipeline=[*load, dict(type='PackVelocityInputs')]))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
"""
COMMANDS = re.compile(r'## Five commands\n.*?```bash\n(.*?)```', re.DOTALL)
TOY = {
    '--synthetic 400': '--synthetic 3',
    '--synthetic 50': '--synthetic 2',
    '--size 64 96': '--size 16 20',
    '--shots 6': '--shots 2',
    '--nt 500': '--nt 120',
    '--refine 60': '--refine 3 --stages 4,6,8 --guard 0',
    'epoch_8.pth': 'epoch_1.pth',
}
MAKE = ['--dx', '30', '--shots', '2', '--frequency', '8', '--dt', '0.004', '--nt', '120']


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    def run(name: str, *arguments: object):
        return run_here(monkeypatch, capsys, name, *arguments)

    return run


@pytest.fixture
def data(tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / 'data'
    monkeypatch.setenv('VELOCITY_DATA', str(folder))
    outcome = tool('make_shots.py', folder, '--synthetic', 3, '--size', 16, 20, *MAKE)
    assert outcome.returncode == 0, outcome.stderr
    assert 'MiB on disk' in outcome.stdout
    return folder


@pytest.fixture
def config(root: Path, tmp_path: Path) -> Path:
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG.format(base=str(root / 'configs' / 'attention_unet_velocity_shots.py')))
    return path


@pytest.fixture
def checkpoint(config: Path, data: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    meta = dict(acquisition=Acquisition.load(data / 'acquisition.json').as_dict(), classes=('background', 'salt'))
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta)), tmp_path / 'toy.pth')
    return tmp_path / 'toy.pth'


def shots_of(data: Path) -> Path:
    return data / 'train' / 'synthetic_0_000000.npz'


@pytest.mark.slow
def test_the_five_commands_of_the_docs(tool, config: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As they are printed, with smaller numbers."""
    monkeypatch.setenv('VELOCITY_DATA', str(tmp_path / 'velocity'))
    text = COMMANDS.search((root / 'docs' / 'inversion.md').read_text(encoding='utf-8'))[1]
    toy = {
        **TOY,
        'data/velocity': str(tmp_path / 'velocity'),
        'configs/attention_unet_velocity_shots.py': str(config),
        'work_dirs/attention_unet_velocity_shots': str(tmp_path / 'work'),
        '--out result': f'--out {tmp_path / "result"}',
    }
    for printed, small in toy.items():
        assert printed in text, printed
        text = text.replace(printed, small)
    commands = [shlex.split(line) for line in text.replace('\\\n', ' ').splitlines()]
    assert [command[:2] for command in commands] == [
        ['python', f'tools/{name}.py'] for name in ('make_shots', 'make_shots', 'train', 'test', 'invert')
    ]
    for _, path, *arguments in commands:
        work = ['--work-dir', tmp_path / 'work'] if 'train' in path or 'test' in path else []
        outcome = tool(Path(path).name, *arguments, *work)
        assert outcome.returncode == 0, outcome.stderr
    assert 'before: MAE' in outcome.stdout
    assert 'after: MAE' in outcome.stdout
    assert (tmp_path / 'work' / 'velocity.png').is_file()
    written = {path.name for path in (tmp_path / 'result').iterdir()}
    assert written == {'velocity.npy', 'velocity.sgy', 'salt.npy', 'velocity.png', 'misfit.csv'}
    salt = np.load(tmp_path / 'result' / 'salt.npy')
    assert (salt.shape, salt.dtype) == ((16, 20), np.uint8)


def test_without_refinement_no_physics_is_needed(tool, config, checkpoint, data: Path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'deepwave', None)
    arguments = ['--true', shots_of(data), '--format', 'npy,segy,png', '--flip', '--out', tmp_path / 'r']
    outcome = tool('invert.py', config, checkpoint, shots_of(data), *arguments)
    assert outcome.returncode == 0, outcome.stderr
    assert 'before: MAE' in outcome.stdout
    names = {path.name for path in (tmp_path / 'r').iterdir()}
    assert names == {'velocity.npy', 'velocity.sgy', 'salt.npy', 'velocity.png'}


def test_refines_from_a_linear_start(tool, data: Path, tmp_path: Path):
    out = tmp_path / 'result'
    arguments = [
        '--start',
        'linear',
        '--size',
        16,
        20,
        '--refine',
        3,
        '--stages',
        '4,6,8',
        '--guard',
        0,
        '--rate',
        0.01,
    ]
    outcome = tool('invert.py', *arguments, shots_of(data), '--true', shots_of(data), '--out', out)
    assert outcome.returncode == 0, outcome.stderr
    lines = (out / 'misfit.csv').read_text().splitlines()
    assert lines[0] == 'iteration,stage,frequency,misfit,mae,ssim,salt_iou'
    assert [line.split(',')[:2] for line in lines[1:]] == [
        ['0', '1'],
        ['1', '1'],
        ['1', '2'],
        ['2', '2'],
        ['2', '3'],
        ['3', '3'],
    ]
    assert (out / 'velocity.png').is_file()


def test_a_start_faster_than_salt_stays_as_fast(tool, data: Path, tmp_path: Path):
    start = np.load(shots_of(data))['velocity'] + 30
    start[-3:] = 5200
    np.save(tmp_path / 'start.npy', start)
    arguments = ['--start', tmp_path / 'start.npy', '--refine', 3, '--stages', '4,6,8', '--guard', 0, '--format', 'npy']
    arguments += [shots_of(data), '--out', tmp_path / 'r']
    outcome = tool('invert.py', *arguments)
    assert outcome.returncode == 0, outcome.stderr
    assert re.search(r'note: the start is of \d+ to 5200 m/s: --velocity-range is 1400 5300\n', outcome.stdout)
    refined = np.load(tmp_path / 'r' / 'velocity.npy')
    assert not np.array_equal(refined, start)
    assert abs(refined[-3:] - 5200).max() < 100
    outcome = tool('invert.py', *arguments, '--velocity-range', 1500, 5000)
    assert outcome.returncode == 2
    assert re.search(r'error: --velocity-range must hold the start, \d+ to 5200 m/s, got 1500 5000', outcome.stderr)
    assert tool('invert.py', *arguments, '--velocity-range', 1450, 6000).returncode == 0


def test_salt_is_the_output_for_it_also_after_refinement(tool, config, data: Path, tmp_path: Path, monkeypatch):
    config.write_text(config.read_text() + "model['decode_head'].update(salt_branch=True)\n")
    torch.manual_seed(0)
    meta = dict(acquisition=Acquisition.load(data / 'acquisition.json').as_dict(), classes=('background', 'salt'))
    state = MODELS.build(Config.fromfile(config).model).state_dict()
    torch.save(dict(state_dict=state, meta=dict(dataset_meta=meta)), tmp_path / 'toy.pth')
    true = np.load(shots_of(data))['velocity']
    probability = np.zeros((16, 20))
    probability[3:6, 4:9] = 0.7
    monkeypatch.setattr(inversion, 'predict_velocity', lambda *_: (true + 30, probability))
    arguments = ['--refine', 3, '--stages', '4,6,8', '--guard', 0, '--true', shots_of(data), '--format', 'npy']
    outcome = tool('invert.py', config, tmp_path / 'toy.pth', shots_of(data), *arguments, '--out', tmp_path / 'r')
    assert outcome.returncode == 0, outcome.stderr
    assert np.array_equal(np.load(tmp_path / 'r' / 'salt.npy'), probability > 0.5)
    assert "salt is where the network's output for it says" in outcome.stdout
    assert not np.array_equal(np.load(tmp_path / 'r' / 'velocity.npy'), np.clip(true + 30, 1400, 4600))
    scores = inversion.score(true, true, np.load(shots_of(data))['salt'], probability > 0.5)
    assert f'salt IoU {scores["salt_iou"]:.3f}' in outcome.stdout.split('after:')[1]
    rows = (tmp_path / 'r' / 'misfit.csv').read_text().splitlines()
    assert [row.split(',')[:2] for row in rows[-2:]] == [['3', '3'], ['3', '3']]  # the last goes half the way


def test_the_guard_gives_the_start_back(tool, data: Path, tmp_path: Path):
    start = np.full((16, 20), 2500, np.float32)
    write_velocity(tmp_path / 'start.npy', start, dx=30)
    arguments = ['--start', tmp_path / 'start.npy', '--refine', 3, '--stages', '4,6,8', '--guard', 1e-9]
    outcome = tool('invert.py', *arguments, shots_of(data), '--out', tmp_path / 'r', '--format', 'npy')
    assert outcome.returncode == 0, outcome.stderr
    assert 'the start is out of phase' in outcome.stdout
    assert np.array_equal(np.load(tmp_path / 'r' / 'velocity.npy'), start)


def change(path: Path, at: int, form: str, value: int) -> None:
    """Writes a word into a file, big-endian."""
    data = bytearray(path.read_bytes())
    struct.pack_into('>' + form, data, at, value)
    path.write_bytes(data)


def test_odd_segy_gathers_and_models(tool, data: Path, tmp_path: Path):
    """IBM by the header, IEEE in truth; a wrong step, a delay and a fill value: each option is heeded by name."""
    velocity, start = read_velocity(shots_of(data)), np.full((16, 20), 2500, np.float32)
    for name, model in (('true', velocity), ('start', start)):
        write_velocity(tmp_path / f'{name}.sgy', model, dx=30)
        change(tmp_path / f'{name}.sgy', 3224, 'h', 1)
        change(tmp_path / f'{name}.sgy', 3216, 'H', 4000)
    gathers, acquisition = read_shots(shots_of(data)), Acquisition.load(data / 'acquisition.json')
    columns = [[30 * column for _, column in places] for places in (acquisition.sources, acquisition.receivers)]
    headers = {
        shot * 20 + receiver: {
            TraceField.SourceX: columns[0][shot], TraceField.GroupX: columns[1][receiver],
            TraceField.SourceGroupScalar: 1, TraceField.DelayRecordingTime: 200,
        }
        for shot in range(2) for receiver in range(20)
    }  # fmt: skip
    path = write_gathers(tmp_path / 's.sgy', gathers, headers=headers)
    change(path, 3224, 'h', 1)
    given = ['--acquisition', data / 'acquisition.json', '--refine', 3, '--stages', '4,6,8', '--guard', 1e-9]
    given += ['--start', tmp_path / 'start.sgy', '--true', tmp_path / 'true.sgy', '--out', tmp_path / 'r']
    outcome = tool('invert.py', path, *given, '--sample-format', 5, '--start-time', 0)
    assert outcome.returncode == 2
    assert 'true.sgy: the step in depth is 4 m by its headers, a cell has 30 m' in outcome.stderr
    mended = ['--model-format', 5, '--model-sample-interval', 30]
    outcome = tool('invert.py', path, *given, *mended, '--sample-format', 5)
    assert outcome.returncode == 2
    assert '(2, 170, 20)' in outcome.stderr  # 50 zeros before the first sample
    outcome = tool('invert.py', path, *given, *mended, '--sample-format', 5, '--start-time', 0)
    assert outcome.returncode == 0, outcome.stderr
    assert np.array_equal(np.load(tmp_path / 'r' / 'velocity.npy'), start)


def test_make_shots_over_odd_segy_models(tool, data: Path, tmp_path: Path):
    velocity = read_velocity(shots_of(data))
    (tmp_path / 'models').mkdir()
    write_velocity(tmp_path / 'models' / 'a.sgy', velocity, dx=30)
    change(tmp_path / 'models' / 'a.sgy', 3224, 'h', 1)
    outcome = tool('make_shots.py', tmp_path / 'models', tmp_path / 'made', *MAKE)
    assert outcome.returncode == 2
    assert 'a.sgy' in outcome.stderr
    outcome = tool('make_shots.py', tmp_path / 'models', tmp_path / 'made', *MAKE, '--format', 5)
    assert outcome.returncode == 0, outcome.stderr
    made = tmp_path / 'made' / 'train' / 'a.npz'
    assert np.array_equal(read_velocity(made), velocity)
    assert np.array_equal(read_shots(made), read_shots(shots_of(data)))


def test_another_acquisition_is_refused_without_force(tool, config, checkpoint, data: Path, tmp_path: Path):
    acquisition = Acquisition.load(data / 'acquisition.json')
    values = dict(acquisition.as_dict(), frequency=7.0)
    Acquisition.from_dict(values).save(tmp_path / 'other.json')
    arguments = [config, checkpoint, shots_of(data), '--out', tmp_path / 'r', '--acquisition', tmp_path / 'other.json']
    outcome = tool('invert.py', *arguments)
    assert outcome.returncode == 2
    assert 'trained on another acquisition: frequency (8.0 and 7.0) differ' in outcome.stderr
    outcome = tool('invert.py', *arguments, '--force', '--format', 'npy')
    assert outcome.returncode == 0, outcome.stderr
    assert 'note: the checkpoint was trained on another acquisition' in outcome.stdout


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--out', 'o', 'a', 'b'], 'give CONFIG, CHECKPOINT and SHOTS'),
        (['--out', 'o', '--start', 'linear', 's.npz'], '--start needs --refine N'),
        (['--out', 'o', '--start', 'linear', '--refine', '3', 's.npz'], '--start linear needs --size H W'),
        (['--out', 'o', 'a', 'b', 'c', '--format', 'tif'], '--format must be among npy, segy, png, got tif'),
    ],
)
def test_wrong_command_lines(tool, arguments: list[str], message: str):
    outcome = tool('invert.py', *arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr


def test_wrong_inputs_of_make_shots(tool, tmp_path: Path):
    outcome = tool('make_shots.py', tmp_path / 'a', '--synthetic', 1, '--size', 16, 20, '--dx', 30, '--shots', 2)
    assert outcome.returncode == 2
    assert 'cells a wavelength at 25 Hz' in outcome.stderr
    outcome = tool('make_shots.py', tmp_path / 'a', '--dx', 30)
    assert 'give MODELS and OUT' in outcome.stderr
    np.save(tmp_path / 'km.npy', np.full((16, 20), 2.5))
    outcome = tool('make_shots.py', tmp_path / 'km.npy', tmp_path / 'a', *MAKE)
    assert 'looks like km/s' in outcome.stderr
    assert not list((tmp_path / 'a').iterdir())


def test_amplitudes_on_another_scale_are_said(config: Path, data: Path):
    model = MODELS.build(Config.fromfile(config).model)
    model.data_preprocessor.direct.fill_(0)
    line = inversion.read_line(shots_of(data), Acquisition.load(data / 'acquisition.json'))
    assert inversion.compare_amplitude(model, line) == []  # nothing to compare with
    model.data_preprocessor.direct.fill_(inversion.near_peak(line.shots, line.acquisition))
    assert inversion.compare_amplitude(model, line) == []
    model.data_preprocessor.direct.mul_(-0.5)
    assert 'is -2 times the training set' in inversion.compare_amplitude(model, line)[0]
    assert 'of opposite sign' in inversion.compare_amplitude(model, line)[0]
