"""Training with weights that lie in memory as NHWC."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmattn.cli.device import fit_to_device
from mmattn.cli.saved_weights import read_checkpoint
from tests.tiny import write_tiny_config


def make_runner(folder: Path, hooks: list[dict], width: int) -> Runner:
    folder.mkdir()
    config = Config.fromfile(write_tiny_config(folder))
    config.work_dir, config.experiment_name, config.custom_hooks = str(folder / 'work'), folder.name, hooks
    config.model.backbone.update(base_channels=width, stem_channels=width)
    config.model.decode_head.in_channels, config.model.auxiliary_head.in_channels = 8 * width, 4 * width
    fit_to_device(config)
    return Runner.from_cfg(config)


def test_maps_follow_the_weights_and_checkpoints_do_not_tell(tmp_path: Path):
    runner = make_runner(tmp_path / 'last', [dict(type='ChannelsLastHook'), dict(type='EMAHook')], 16)
    maps = []
    runner.model.backbone.layer2.register_forward_hook(lambda module, inputs, output: maps.append(output))
    runner.train()
    assert len(maps) > 2
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in maps)
    averaged = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook').ema_model.module
    assert averaged.backbone.layer2[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)

    plain = make_runner(tmp_path / 'plain', [], 16).model.eval()
    plain.load_state_dict(read_checkpoint(str(tmp_path / 'last' / 'work' / 'epoch_1.pth')))  # averaged weights
    x = torch.randn(2, 1, 48, 40)
    with torch.no_grad():
        result, expected = averaged.eval()(x), plain(x)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_a_wrapper_that_would_not_know_is_refused(tmp_path: Path):
    runner = make_runner(tmp_path / 'wrapped', [dict(type='ChannelsLastHook')], 16)
    runner.model = torch.nn.DataParallel(runner.model)
    with pytest.raises(TypeError, match=r"model_wrapper_cfg\.type='DataParallel' has laid out its copies already"):
        runner.call_hook('before_run')


def test_a_model_that_would_not_survive_it_is_left_alone(tmp_path: Path):
    runner = make_runner(tmp_path / 'narrow', [dict(type='ChannelsLastHook')], 8)
    runner.call_hook('before_run')
    assert runner.model.backbone.layer2[0].conv1.weight.is_contiguous()
    log = next((tmp_path / 'narrow').glob('work/*/*.log')).read_text()
    assert 'backbone.layer2.0.downsample.0 is too narrow' in log
