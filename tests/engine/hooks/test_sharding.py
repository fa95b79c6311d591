"""What cannot be split is refused; tests/tools/test_sharded_training.py trains split models."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from mmattn.cli import device
from mmattn.engine.hooks import ShardingHook
from mmattn.engine.hooks.sharding import NoWrapper, whole


@pytest.mark.parametrize(
    ('changes', 'processes', 'message'),
    [
        ({}, 1, 'there is one process; start the training by tools/dist_train.sh'),
        (dict(hooks=[EMAHook()]), 2, 'EMAHook averages whole models, which are split here: take one of the two'),
        (
            dict(model=object.__new__(nn.parallel.DistributedDataParallel)),
            2,
            r"set model_wrapper_cfg = dict\(type='NoWrapper'\)",
        ),
        ({}, 2, 'one optimiser alone is split, got SimpleNamespace'),
        (dict(optim_wrapper=object.__new__(AmpOptimWrapper)), 2, 'AmpOptimWrapper scales the loss'),
    ],
)
def test_what_cannot_be_split(monkeypatch: pytest.MonkeyPatch, changes: dict, processes: int, message: str):
    monkeypatch.setattr('mmattn.engine.hooks.sharding.get_world_size', lambda: processes)
    runner = SimpleNamespace(**dict(hooks=[], model=nn.Linear(2, 2), optim_wrapper=SimpleNamespace()) | changes)
    with pytest.raises(ValueError, match=f'ShardingHook: {message}'):
        ShardingHook().before_train(runner)


def test_a_pytorch_that_splits_on_gpus_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('mmattn.engine.hooks.sharding.get_world_size', lambda: 2)
    monkeypatch.setattr(torch.cpu, 'Stream', object)  # as in 2.6
    wrapper = OptimWrapper(torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1))
    runner = SimpleNamespace(hooks=[], model=nn.Linear(2, 2), optim_wrapper=wrapper)
    with pytest.raises(ValueError, match=r'PyTorch [\d.]+.* splits models on GPUs alone; take a later one'):
        ShardingHook().before_train(runner)


@pytest.mark.parametrize(('number', 'error'), [(0, ValueError), (1.5, TypeError)])
def test_wrong_numbers(number: float, error: type):
    with pytest.raises(error, match='ShardingHook: min_parameters must be'):
        ShardingHook(number)


def test_the_option_adds_what_is_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    config = Config(dict(custom_hooks=[dict(type='ShardingHook', min_parameters=7)]))
    device.shard(config)
    assert config.custom_hooks == [dict(type='ShardingHook', min_parameters=7)]
    assert config.model_wrapper_cfg.type == 'NoWrapper'
    bare = Config({})
    device.shard(bare)
    assert [hook.type for hook in bare.custom_hooks] == ['ShardingHook']


def test_whole_models_stay_as_they_are():
    module = nn.Linear(2, 2)
    assert NoWrapper(module) is module
    state = dict(a=[module.weight, (1, 'b')])
    assert whole(state) == state
