"""Training, resuming and prediction on a GPU as users start them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmattn.inference import VolumeOptions, predict_volume
from mmattn.kernels.context import has_bfloat16
from mmattn.seismic import ArrayVolume
from tests.gpu.lane import DEVICE, HAS_GPU, lane
from tests.inference.models import build_tiny
from tests.seismic.segy_files import make_cube
from tests.tiny import write_tiny_config
from tests.tools.run_tools import ROOT, python, run
from tests.tools.test_several_machines import free_port

pytestmark = lane


def test_one_rank_of_several_trains(tmp_path: Path):
    """By nccl with SyncBN, on a CPU by gloo."""
    config = write_tiny_config(tmp_path)
    result = run(
        'bash',
        'tools/dist_train.sh',
        config,
        1,
        '--work-dir',
        tmp_path / 'work',
        PORT=free_port(),
        PYTHONPATH=str(ROOT),
    )
    said = result.stdout + result.stderr
    assert ("backend='nccl'" if HAS_GPU else "backend='gloo'") in said.replace('"', "'")
    assert ('SyncBatchNorm' in said) is HAS_GPU
    assert (tmp_path / 'work/epoch_1.pth').is_file()


def test_mixed_precision_augmented_on_the_device_resumes(tmp_path: Path):
    config = write_tiny_config(tmp_path)
    options = [
        '--augment-on-device',
        '--work-dir',
        tmp_path / 'work',
        *(['--amp'] if HAS_GPU or has_bfloat16() else []),
    ]
    for more in ((), ('--resume', '--cfg-options', 'train_cfg.max_epochs=2', 'param_scheduler=[]')):
        python('tools/train.py', config, *options, *more)
    saved = torch.load(tmp_path / 'work/epoch_2.pth', weights_only=False)
    weights = saved['state_dict']
    assert saved['meta']['epoch'] == 2
    assert all(value.isfinite().all() for value in weights.values() if value.is_floating_point())


@pytest.mark.parametrize(('amp', 'tolerance'), [(False, 1e-4), (True, 0.02)])
def test_a_volume_is_predicted_as_on_a_cpu(tmp_path: Path, amp: bool, tolerance: float):
    volume, model = ArrayVolume(make_cube((20, 24, 33))), build_tiny()
    for name, device, half in (('cpu', 'cpu', False), ('gpu', DEVICE, amp)):
        options = VolumeOptions(window=(32, 16), batch_size=64, clip=2.0, flip=True, amp=half)
        predict_volume(model.to(device), volume, tmp_path / f'{name}.npy', options=options)
    difference = np.load(tmp_path / 'gpu.npy') - np.load(tmp_path / 'cpu.npy')
    assert np.abs(difference).max() <= tolerance
