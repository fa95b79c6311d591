"""Training and testing from the command line: our tools and MMSegmentation's own, one process and two."""

import json
from pathlib import Path

import pytest
import torch

from tests.tiny import write_tiny_config
from tests.tools.run_tools import ROOT, STOCK_TOOLS, python, run
from tests.tools.test_several_machines import free_port

pytestmark = pytest.mark.slow

METRICS = ('salt_iou', 'salt_dice', 'pixel_accuracy', 'boundary_f1', 'boundary_distance', 'mean_precision')


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=False)['state_dict']


def last_metrics(work_dir: Path) -> dict:
    """The metrics that the last test wrote."""
    return json.loads(sorted(work_dir.glob('*/*.json'))[-1].read_text().splitlines()[-1])


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A config, the work directory of its training with our tool, and what it printed."""
    folder = tmp_path_factory.mktemp('trained')
    config = write_tiny_config(folder)
    result = python('tools/train.py', config, '--work-dir', folder / 'work')
    return config, folder / 'work', result.stdout + result.stderr


def test_our_tool_trains(trained):
    _, work_dir, output = trained
    assert 'SYNTHETIC DATA: 16 sections of 48 x 40' in output
    assert 'eta:' in output
    assert (work_dir / 'epoch_1.pth').is_file()
    assert (work_dir / 'curves.png').stat().st_size > 5000
    assert 'Could not safely load' not in output


@pytest.mark.parametrize('tool', [ROOT / 'tools' / 'test.py', STOCK_TOOLS / 'test.py'])
@pytest.mark.parametrize('options', [(), ('--tta',)])
def test_both_tools_test(trained, tmp_path, tool: Path, options: tuple[str, ...]):
    config, work_dir, _ = trained
    python(tool, config, work_dir / 'epoch_1.pth', '--work-dir', tmp_path, '--out', tmp_path / 'out', *options)
    metrics = last_metrics(tmp_path)
    assert set(METRICS) <= set(metrics)
    assert 0 < metrics['pixel_accuracy'] <= 1
    assert len(list((tmp_path / 'out').glob('synthetic_2_*.png'))) == 6
    assert (tmp_path / 'overlays.png').stat().st_size > 5000


def test_stock_training_equals_ours(trained, tmp_path):
    config, work_dir, _ = trained
    python(STOCK_TOOLS / 'train.py', config, '--work-dir', tmp_path)
    ours, theirs = weights(work_dir / 'epoch_1.pth'), weights(tmp_path / 'epoch_1.pth')
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_training_may_augment_on_the_device(trained, tmp_path):
    config, _, _ = trained
    result = python('tools/train.py', config, '--work-dir', tmp_path, '--augment-on-device')
    assert 'augment=dict(' in result.stdout + result.stderr
    assert torch.isfinite(weights(tmp_path / 'epoch_1.pth')['decode_head.conv_seg.weight']).all()
    assert (tmp_path / 'curves.png').stat().st_size > 5000


def test_resume_goes_on(trained, tmp_path):
    config, work_dir, _ = trained
    options = '--cfg-options', 'train_cfg.max_epochs=2', 'param_scheduler=[]'
    for name in ('epoch_1.pth', 'last_checkpoint'):
        (tmp_path / name).write_bytes((work_dir / name).read_bytes())
    result = python('tools/train.py', config, '--work-dir', tmp_path, '--resume', *options)
    assert 'Epoch(train) [2]' in result.stdout + result.stderr
    assert 'Epoch(train) [1]' not in result.stdout + result.stderr
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_wrong_salt_data_is_an_error_that_helps(tmp_path):
    for value in (str(tmp_path / 'gone'), ''):
        result = python('tools/train.py', 'configs/ccnet_salt.py', '--work-dir', tmp_path, check=False, SALT_DATA=value)
        assert result.returncode == 2
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith('error:')
        assert 'images/' in last
        assert 'tools/prepare_tgs.py' in last
        assert 'SYNTHETIC' not in result.stdout + result.stderr


FROZEN = """
custom_hooks = [dict(type='FreezeBatchNorm')]
for head in 'decode_head', 'auxiliary_head':
    model[head].update(dropout_ratio=0)
train_dataloader['batch_size'] = {batch}
train_dataloader['dataset'].update(pipeline=_base_.test_pipeline)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
param_scheduler = []
"""
CHANNELS_LAST = """
custom_hooks.append(dict(type='ChannelsLastHook'))
model['backbone'].update(base_channels=16, stem_channels=16)
model['decode_head'].update(in_channels=128)
model['auxiliary_head'].update(in_channels=64)
find_unused_parameters = True
"""


@pytest.mark.parametrize('more', ['', CHANNELS_LAST], ids=['', 'channels_last'])
def test_two_processes_train_alike_and_as_one(tmp_path, more: str):
    """Equal weights on both ranks, and the weights of one process with the same global batch."""
    for name, batch in (('one', 4), ('two', 2)):
        (tmp_path / name).mkdir()
        write_tiny_config(
            tmp_path / name, FROZEN.format(batch=batch) + more, imports=('tests.tools.distributed_hooks',)
        )
    environment = dict(PYTHONPATH=str(ROOT), RANK_WEIGHTS=str(tmp_path))
    python('tools/train.py', tmp_path / 'one/tiny.py', '--work-dir', tmp_path / 'one/work', **environment)
    one = torch.load(tmp_path / 'rank_0.pth', weights_only=True)
    run(
        'bash', 'tools/dist_train.sh', tmp_path / 'two/tiny.py', 2,
        '--work-dir', tmp_path / 'two/work', PORT=free_port(), **environment,
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f'rank_{rank}.pth', weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    start = torch.load(tmp_path / 'start.pth', weights_only=True)
    moved = max((one[name] - start[name]).abs().max() for name in one if one[name].is_floating_point())
    assert moved > 1e-3
    for name in one:
        torch.testing.assert_close(
            first[name], one[name], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f'{name}: {text}'
        )


SIGNALLED = """
custom_hooks = [dict(type='SignalOneRank')]
train_dataloader['batch_size'] = 2
val_dataloader['dataset'].update(num_sections=4)
train_cfg.update(val_interval=4)
"""


def test_two_processes_that_are_stopped_resume_exactly(tmp_path):
    """A signal to one of them: both save and end at the tenth iteration, within the third epoch of four."""
    config = write_tiny_config(tmp_path, SIGNALLED, epochs=4, imports=('tests.tools.distributed_hooks',))
    environment = dict(PYTHONPATH=str(ROOT), PORT='29656')
    command = 'bash', 'tools/dist_train.sh', config, 2, '--work-dir'
    run(*command, tmp_path / 'whole', **environment)
    stopped = run(*command, tmp_path / 'work', check=False, STOP_AT='7', **environment)
    assert stopped.returncode != 0
    assert 'interrupted; --resume goes on from the last checkpoint' in stopped.stderr
    assert torch.load(tmp_path / 'work/latest.pth', weights_only=False)['meta']['iter'] == 10
    resumed = run(*command, tmp_path / 'work', '--resume', **environment)
    assert '2 of the 4 iterations of epoch 3 are done' in resumed.stdout + resumed.stderr
    ours, theirs = weights(tmp_path / 'work/epoch_4.pth'), weights(tmp_path / 'whole/epoch_4.pth')
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_two_processes_test_as_one(trained, tmp_path):
    config, work_dir, _ = trained
    checkpoint = work_dir / 'epoch_1.pth'
    python('tools/test.py', config, checkpoint, '--work-dir', tmp_path / 'one')
    run('bash', 'tools/dist_test.sh', config, checkpoint, 2, '--work-dir', tmp_path / 'two', PORT='29654')
    one, two = last_metrics(tmp_path / 'one'), last_metrics(tmp_path / 'two')
    assert {key: two[key] for key in METRICS} == pytest.approx({key: one[key] for key in METRICS}, nan_ok=True)


def test_processes_that_fail_end_with_their_error_and_code():
    result = run('bash', 'tools/dist_train.sh', 'gone.py', 1, check=False, PORT='29655')
    assert result.returncode == 2
    assert "error: config 'gone.py' is not a file" in result.stderr
    assert 'Traceback' not in result.stderr


def test_scripts_say_how_to_call_them():
    for script in ('dist_train.sh', 'dist_test.sh', 'slurm_train.sh'):
        result = run('bash', f'tools/{script}', check=False)
        assert result.returncode == 2
        assert result.stderr.startswith('usage: bash tools/')
