"""What a prediction is said to take, against what it takes."""

from pathlib import Path

import numpy as np
import pytest

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.inference.estimate import count_work, estimate_work
from mmattn.inference.plan import make_plan
from mmattn.inference.predictor import TilePredictor
from mmattn.seismic.volumes.arrays import ArrayVolume
from tests.inference.models import build_tiny


@pytest.fixture
def volume() -> ArrayVolume:
    return ArrayVolume(np.random.default_rng(0).normal(size=(20, 30, 80)).astype(np.float32))


def test_windows_and_bytes_are_counted(volume, tmp_path: Path):
    model, outputs = build_tiny(), Outputs(tmp_path / 'p.npy', mask=tmp_path / 'm.npy')
    options = VolumeOptions(window=(32, 16), batch_size=4, flip=True)
    plan = make_plan(model, volume.shape, options, clip=1.0, keep_spread=False)
    work = count_work(volume, plan, outputs, options)
    result = predict_volume(model, volume, outputs, options=options)
    assert result.num_blocks == len(plan.blocks)
    across, down = plan.windows.grid(30, 80)
    assert work.windows['iline'] == 20 * len(across.starts) * len(down.starts)
    cells = 20 * 30 * 80
    assert work.scratch == 2 * 4 * cells + cells
    assert work.written == 2 * 4 * cells
    assert 'calls of the network' in str(work)
    assert 'time' not in str(work)


def test_the_calls_are_those_that_are_made(volume, tmp_path: Path, monkeypatch):
    model, outputs = build_tiny(), Outputs(tmp_path / 'p.npy')
    options = VolumeOptions(window=(32, 16), batch_size=4)
    plan = make_plan(model, volume.shape, options, clip=1.0, keep_spread=False)
    made = []
    real = TilePredictor.__call__
    monkeypatch.setattr(TilePredictor, '__call__', lambda self, tiles: made.append(1) or real(self, tiles))
    TilePredictor(model, batch_size=4)
    tried = len(made)  # whether the prepared network agrees
    predict_volume(model, volume, outputs, options=options)
    assert count_work(volume, plan, outputs, options).calls == len(made) - 2 * tried


def test_a_probe_leaves_nothing_and_is_near(volume, tmp_path: Path):
    model, outputs = build_tiny(), Outputs(tmp_path / 'p.npy')
    options = VolumeOptions(window=(32, 16), batch_size=4, flip=True)
    work = estimate_work(model, volume, outputs, options, seconds=1.0)
    assert list(tmp_path.iterdir()) == []
    result = predict_volume(model, volume, outputs, options=options)
    assert 0.2 < work.seconds['network'] / result.seconds['network'] < 5  # machines that tests run on are busy
    assert '--flip left out' in str(work)
    assert 'one process: start' in str(work)
