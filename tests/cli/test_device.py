"""Fitting a config to the device."""

import pytest
import torch
from mmengine.config import Config, ConfigDict

from mmattn.cli.device import fit_to_device, replace_sync_bn
from mmattn.common.errors import InputError


def config(**options) -> Config:
    base = dict(
        model=dict(backbone=dict(norm_cfg=dict(type='SyncBN')), heads=[dict(norm_cfg=dict(type='SyncBN'))]),
        optim_wrapper=dict(type='OptimWrapper'),
        env_cfg=dict(dist_cfg=dict(backend='nccl')),
    )
    return Config({**base, **options})


def test_replace_sync_bn_everywhere():
    model = config().model
    assert replace_sync_bn(model) == 2
    assert model == ConfigDict(backbone=dict(norm_cfg=dict(type='BN')), heads=[dict(norm_cfg=dict(type='BN'))])


def test_cpu_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmattn.cli.amp.has_bfloat16', lambda: False)
    cfg = config(launcher='none')
    fit_to_device(cfg, amp=True)
    assert cfg.to_dict() == config(launcher='none').to_dict()


def test_cpu_with_bfloat16_turns_it_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmattn.cli.amp.has_bfloat16', lambda: True)
    cfg = config(launcher='none')
    fit_to_device(cfg, amp=True)
    assert cfg.to_dict() == config(launcher='none', optim_wrapper=dict(type='BFloat16OptimWrapper')).to_dict()


def test_cpu_processes_use_gloo_and_bn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    cfg = config(launcher='pytorch', find_unused_parameters=True)
    fit_to_device(cfg)
    assert cfg.env_cfg.dist_cfg.backend == 'gloo'
    assert cfg.model.backbone.norm_cfg.type == 'BN'
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters is True
    assert cfg.custom_hooks == [dict(type='SyncBuffersHook')]


def test_gpu_turns_amp_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = config(launcher='pytorch')
    fit_to_device(cfg, amp=True)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale='dynamic')
    assert cfg.env_cfg.dist_cfg.backend == 'nccl'
    assert cfg.model.backbone.norm_cfg.type == 'SyncBN'


def test_split_models_take_bfloat16_on_a_gpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: True)
    cfg = config(custom_hooks=[dict(type='ShardingHook')])
    fit_to_device(cfg, amp=True)
    assert cfg.optim_wrapper == dict(type='BFloat16OptimWrapper')
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: False)
    with pytest.raises(InputError, match='--amp with --strategy fsdp takes bfloat16, which this GPU does not have'):
        fit_to_device(config(custom_hooks=[dict(type='ShardingHook')]), amp=True)


def test_amp_with_another_wrapper_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    with pytest.raises(InputError, match=r"--amp needs optim_wrapper.type OptimWrapper, the config has 'Other'"):
        fit_to_device(config(optim_wrapper=dict(type='Other')), amp=True)
