"""Fits an experiment to the device and the processes at hand."""

import os

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmattn.cli.amp import amp_settings
from mmattn.common.errors import InputError
from mmattn.engine.processes import join_processes, was_restarted


def replace_sync_bn(config: dict | list) -> int:
    """Replaces every SyncBN in a config by BN, in place, and returns how many there were."""
    replaced = 0
    if isinstance(config, dict):
        if config.get('type') in ('SyncBN', 'MMSyncBN'):
            config['type'] = 'BN'
            replaced = 1
        return replaced + sum(replace_sync_bn(value) for value in config.values())
    if isinstance(config, list | tuple):
        return sum(replace_sync_bn(value) for value in config)
    return 0


def _mix_precision(wrapper: Config, *, is_split: bool) -> None:
    settings = amp_settings()
    if is_split and settings.get('type') == 'AmpOptimWrapper':  # scaling would judge each process's part by itself
        if not torch.cuda.is_bf16_supported():
            raise InputError('--amp with --strategy fsdp takes bfloat16, which this GPU does not have')
        settings = dict(type='BFloat16OptimWrapper')
    if settings and wrapper.type == settings['type']:
        return
    if wrapper.type != 'OptimWrapper':
        raise InputError(f'--amp needs optim_wrapper.type OptimWrapper, the config has {wrapper.type!r}')
    wrapper.update({**settings, **wrapper, 'type': settings.get('type', wrapper.type)})
    now = (
        f'{wrapper.type} instead of OptimWrapper' if settings else 'no GPU, and no bfloat16 in this processor: float32'
    )
    print_log(f'--amp: {now}', logger='current')


def shard(config: Config) -> None:
    """Splits the model, its gradients and the optimiser's state over the processes of a training, in place.

    Raises:
        InputError: if there is one process.
    """
    if int(os.environ.get('WORLD_SIZE', 1)) < 2:
        raise InputError('--strategy fsdp splits a model over processes, and this is one: start tools/dist_train.sh')
    config.model_wrapper_cfg = dict(type='NoWrapper')
    hooks = config.get('custom_hooks') or []
    if not _is_split(config):
        config.custom_hooks = [*hooks, dict(type='ShardingHook')]


def _is_split(config: Config) -> bool:
    return any(hook.get('type') == 'ShardingHook' for hook in config.get('custom_hooks') or [])


def fit_to_device(config: Config, *, amp: bool = False) -> None:
    """Fits a config to the machine: backend, batch normalisation and mixed precision.

    On a GPU the config stays as it is. Without one: gloo instead of nccl, BN instead of SyncBN with its statistics
    averaged over processes after each epoch. Each change is logged. ``amp`` turns mixed precision on: float16 with a
    scaled loss on a GPU, bfloat16 there where the model is split, and on processors that have it; on others training
    stays float32, which is logged.

    Args:
        config: with ``launcher`` set; changed in place.
        amp: mixed precision is asked for.

    Raises:
        InputError: if the optimiser's wrapper does not go with mixed precision.
    """
    has_gpu = torch.cuda.is_available()
    if amp:
        _mix_precision(config.optim_wrapper, is_split=_is_split(config))
    launcher = config.get('launcher', 'none')
    if has_gpu and launcher == 'pytorch' and was_restarted():  # as mmengine does it, but for the store
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
        join_processes(config.env_cfg.dist_cfg.backend)
    if has_gpu or launcher == 'none':
        return
    config.merge_from_dict({'env_cfg.dist_cfg': dict(backend='gloo')})
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
    wrapper['find_unused_parameters'] = config.get('find_unused_parameters', False)
    if (config.get('model_wrapper_cfg') or {}).get('type') != 'NoWrapper':
        config.model_wrapper_cfg = wrapper
    replaced = replace_sync_bn(config.model)
    config.custom_hooks = [*(config.get('custom_hooks') or []), dict(type='SyncBuffersHook')]
    if launcher == 'pytorch':
        join_processes('gloo')  # mmengine would ask for a CUDA device first
    if int(os.environ.get('RANK', 0)) == 0:
        print_log(
            f'no GPU: gloo instead of nccl, {replaced} SyncBN became BN (statistics averaged each epoch)',
            logger='current',
        )
