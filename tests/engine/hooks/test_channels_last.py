"""Training with weights that lie in memory as NHWC."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmattn.engine.launch import fit_to_device, read_checkpoint
from tests.tiny import write_tiny_config

LAST = torch.channels_last


def make_runner(folder: Path, hooks: list[dict], width: int) -> Runner:
    folder.mkdir()
    config = Config.fromfile(write_tiny_config(folder))
    config.work_dir, config.experiment_name, config.custom_hooks = str(folder / 'work'), folder.name, hooks
    config.model.backbone.update(base_channels=width, stem_channels=width)
    config.model.decode_head.in_channels, config.model.auxiliary_head.in_channels = 8 * width, 4 * width
    config.optim_wrapper.optimizer = dict(type='SGD', lr=0.01)
    fit_to_device(config)
    return Runner.from_cfg(config)


def trained(folder: Path, hooks: list[dict], begin: Path) -> tuple[Runner, dict[str, torch.Tensor]]:
    runner = make_runner(folder, hooks, 16)
    runner._load_from = str(begin)
    layouts = []
    runner.model.backbone.layer2.register_forward_hook(lambda module, inputs, output: layouts.append(output))
    runner.train()
    assert layouts
    assert all(x.is_contiguous(memory_format=LAST if hooks else torch.contiguous_format) for x in layouts)
    return runner, read_checkpoint(str(folder / 'work' / 'epoch_1.pth'))


def test_a_training_is_the_same_with_it(tmp_path: Path):
    begin = tmp_path / 'begin.pth'
    torch.save(dict(state_dict=make_runner(tmp_path / 'begin', [], 16).model.state_dict()), begin)
    _, plain = trained(tmp_path / 'plain', [], begin)
    runner, last = trained(tmp_path / 'last', [dict(type='ChannelsLastHook'), dict(type='EMAHook')], begin)
    averaged = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook').ema_model.module
    for model in (runner.model, averaged):
        assert model.backbone.layer2[0].conv1.weight.is_contiguous(memory_format=LAST)
    assert last.keys() == plain.keys()
    for name, weight in runner.model.state_dict().items():
        torch.testing.assert_close(weight.contiguous(), plain[name], rtol=1e-3, atol=1e-3)


def test_a_model_that_would_not_survive_it_is_left_alone(tmp_path: Path):
    runner = make_runner(tmp_path / 'narrow', [dict(type='ChannelsLastHook')], 8)
    runner.call_hook('before_run')
    assert runner.model.backbone.layer2[0].conv1.weight.is_contiguous()
    log = next((tmp_path / 'narrow').glob('work/*/*.log')).read_text()
    assert 'backbone.layer2.0.downsample.0 is too narrow' in log
