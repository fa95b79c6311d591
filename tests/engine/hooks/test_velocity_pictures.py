from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmattn.engine.hooks import VelocityPictureHook


def output(*, truth: bool = True) -> SegDataSample:
    sample = SegDataSample(metainfo=dict(img_id='m', acquisition=dict(dx=30.0), shot_dt=0.004))
    sample.pred_velocity = PixelData(data=torch.full((1, 16, 20), 2500.0))
    if truth:
        sample.gt_velocity = PixelData(data=torch.full((1, 16, 20), 2400.0))
    return sample


def run(hook: VelocityPictureHook, runner: SimpleNamespace, outputs: list[SegDataSample]) -> None:
    hook._before_epoch(runner, mode='test')
    batch = dict(inputs=[torch.rand(3, 40, 20) for _ in outputs])
    hook._after_iter(runner, 0, batch, outputs, mode='test')
    hook._after_iter(runner, 1, batch, outputs, mode='test')
    hook.after_test_epoch(runner)


@pytest.fixture
def runner(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(work_dir=str(tmp_path), logger=Mock())


@pytest.mark.parametrize('truth', [True, False])
def test_draws_the_first_models(truth: bool, runner: SimpleNamespace, tmp_path: Path):
    run(VelocityPictureHook(3), runner, [output(truth=truth)] * 2)
    assert '3 models are drawn' in runner.logger.info.call_args[0][0]
    width, height = Image.open(tmp_path / 'velocity.png').size
    assert (width, height) == ((1360, 810) if truth else (680, 810))


def test_a_picture_costs_no_test(runner: SimpleNamespace, tmp_path: Path):
    broken = output()
    del broken.pred_velocity
    run(VelocityPictureHook(), runner, [broken])
    assert 'no picture of this test' in runner.logger.error.call_args[0][0]
    assert not (tmp_path / 'velocity.png').exists()


def test_validation_only_if_wanted(runner: SimpleNamespace, tmp_path: Path):
    hook = VelocityPictureHook(during_val=False)
    hook._before_epoch(runner, mode='val')
    hook._after_iter(runner, 0, dict(inputs=[torch.rand(3, 40, 20)]), [output()], mode='val')
    hook.after_val_epoch(runner)
    assert list(tmp_path.iterdir()) == []


def test_wrong_options():
    with pytest.raises(ValueError, match='num_models must be at least 1, got 0'):
        VelocityPictureHook(0)
    with pytest.raises(ValueError, match=r"filename must end with .png, got 'a.jpg'"):
        VelocityPictureHook(filename='a.jpg')
