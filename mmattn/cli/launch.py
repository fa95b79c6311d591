"""What tools do with experiments: reading configs and checkpoints, fitting a config to the device at hand."""

import os
import shutil
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.checkpoint import find_latest_checkpoint
from mmseg.apis import init_model
from mmseg.registry import METRICS, OPTIMIZERS
from torch import Tensor, nn

from mmattn.checkpoints.fit import misfit
from mmattn.checkpoints.reading import CheckpointError, read_safely
from mmattn.cli.amp import amp_settings
from mmattn.cli.command_line import check_folder
from mmattn.cli.settings import check_settings
from mmattn.cli.values import check_values
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import hold_folder
from mmattn.common.options import accepted_options
from mmattn.common.resources import find_config
from mmattn.engine.building import check_type
from mmattn.engine.processes import join_processes, was_restarted


def load_config(path: str, options: dict | None = None) -> Config:
    """Reads a config file and applies command-line options.

    Args:
        path: a Python config file, or the name of one that comes with mmattn.
        options: dotted keys to values, as ``--cfg-options`` gives them.

    Raises:
        InputError: if there is no such config, it cannot be read, an option sets what nothing reads, or a number is
            out of its range.
    """
    try:
        path = str(find_config(path))
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is Python: anything can happen in it
        raise InputError(f'config {path!r} cannot be read: {type(error).__name__}: {one_line(error)}') from error
    if options:
        check_settings(options, config, path)
        try:
            config.merge_from_dict(options)
        except Exception as error:
            raise InputError(f'--cfg-options do not fit {path!r}: {type(error).__name__}: {one_line(error)}') from error
    if 'model' not in config:
        raise InputError(f'config {path!r} has no `model`: it is not an experiment')
    check_values(config, path)
    return config


def read_checkpoint(path: str) -> dict[str, Tensor] | None:
    """Returns the weights in a checkpoint file, or None for a URL, which is left to mmengine.

    Raises:
        InputError: if there is no such file, it is no checkpoint, its weights are not finite, or reading it would run
            code.
    """
    if '://' in path:
        return None
    content = read_content(path)
    weights = content.get('state_dict', content)
    if not isinstance(weights, dict) or not any(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f'checkpoint {path!r} holds no weights')
    broken = [name for name, value in weights.items() if _is_broken(value)]
    if broken:
        raise InputError(
            f'checkpoint {path!r} holds numbers that are not finite in {len(broken)} of {len(weights)} tensors, '
            f'{broken[0]} for one: its training failed; take an earlier one'
        )
    return weights


def read_content(path: str) -> dict:
    """Returns all that a checkpoint file holds.

    Raises:
        InputError: if there is no such file, it is no checkpoint, or reading it would run code.
    """
    if not Path(path).is_file():
        raise InputError(f'checkpoint {path!r} is not a file')
    try:
        content = read_safely(path, map_location='cpu')
    except CheckpointError as error:
        raise InputError(one_line(error)) from None
    except Exception as error:
        raise InputError(f'checkpoint {path!r} cannot be read: {type(error).__name__}: {one_line(error)}') from error
    if not isinstance(content, dict):
        raise InputError(f'checkpoint {path!r} holds a {type(content).__name__}, not a dict of weights')
    return content


def _is_broken(value: object) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
        return False
    stored = value.untyped_storage().nbytes() // value.element_size()
    if value.numel() > stored:  # one number that stands for many
        value = value.as_strided((stored,), (1,), 0)
    return not bool(value.isfinite().all())


def check_fit(model: nn.Module, weights: dict[str, Tensor] | None, path: str) -> None:
    """Checks that a checkpoint has every tensor of a model, in its shape; mmengine would go on without.

    Args:
        model: the segmentor, maybe wrapped for several processes or for test-time augmentation.
        weights: as ``read_checkpoint`` returns them.
        path: the checkpoint's file, named in the message.

    Raises:
        InputError: if tensors are missing or of another shape; the message names the first of them.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    if weights is None:
        return
    problem = misfit(model.state_dict(), weights)
    if problem:
        raise InputError(f'checkpoint {path!r} is not of this config: {problem}')


def read_model(config: Config, checkpoint: str, device: str) -> nn.Module:
    """Builds an experiment's segmentor with the weights of a checkpoint, ready to predict.

    Args:
        config: the experiment.
        checkpoint: file of a training, which knows the dataset's classes too.
        device: of the model.

    Raises:
        InputError: if the checkpoint cannot be read or is of another model, or the model cannot be built.
    """
    weights = read_checkpoint(checkpoint)
    try:
        model = init_model(config, checkpoint, device=device)
    except Exception as error:
        reason = f'{type(error).__name__}: {one_line(error)}'
        raise InputError(f'the model cannot be built of checkpoint {checkpoint!r}: {reason}') from error
    check_fit(model, weights, checkpoint)
    return model


def choose_work_dir(config: Config, config_path: str, work_dir: str | None) -> None:
    """Sets and makes ``config.work_dir``: the command line's, else the config's, else ``work_dirs/NAME_OF_CONFIG``.

    Raises:
        InputError: if nothing can be written there.
    """
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs') / Path(config_path).stem)
    check_folder('--work-dir', config.work_dir)


def build_runner(config: Config, path: str, *loops: str) -> Runner:
    """Builds a runner and the loops that will run, so that what is wrong with them shows before work begins.

    Args:
        config: the experiment.
        path: its file, named in the message.
        loops: of ``train_loop``, ``val_loop`` and ``test_loop``.

    Raises:
        InputError: if the model, a dataset or anything else that the config asks for cannot be built.
    """
    try:
        if 'train_loop' in loops:
            check_type(config.optim_wrapper.get('optimizer', {}).get('type'), OPTIMIZERS)
        runner = Runner.from_cfg(config)
        for loop in loops:
            getattr(runner, loop)
    except Exception as error:
        raise InputError(f'config {path!r} cannot be built: {type(error).__name__}: {one_line(error)}') from error
    return runner


def hold_work_dir(config: Config) -> None:
    """Keeps a second training out of the work directory until this process ends; removes what a killed one left.

    Raises:
        InputError: if one is at work there; says which.
    """
    if int(os.environ.get('RANK', 0)) == 0:
        try:
            hold_folder(config.work_dir, '.training.lock')
        except FileExistsError as error:
            raise InputError(f'{one_line(error)}; wait for it, or name another --work-dir') from None
        for left in Path(config.work_dir).glob('.*.part'):  # halves of files that a killed training was writing
            shutil.rmtree(left, ignore_errors=True)


def save_within_epochs(config: Config, path: str, interval: int) -> None:
    """Makes an experiment save a checkpoint every so many iterations, in place.

    Raises:
        InputError: if the number is not positive, or the experiment has no hook that does.
    """
    if interval < 1:
        raise InputError(f'--checkpoint-every must be at least 1, got {interval}')
    hooks = [*(config.get('default_hooks') or {}).values(), *(config.get('custom_hooks') or [])]
    able = [hook for hook in hooks if isinstance(hook, dict) and hook.get('type') == 'StopSafelyHook']
    if not able:
        raise InputError(f"--checkpoint-every: config {path!r} has no hook dict(type='StopSafelyHook')")
    able[0]['interval'] = interval


def choose_start(config: Config, *, resume: bool) -> None:
    """Settles from what a training starts, and reads it once, so that a file that cannot be read shows before work.

    Args:
        config: with ``work_dir``; ``resume`` and ``load_from`` are as the config or ``--cfg-options`` have them.
        resume: whether the command line asks to go on; the config may ask, too.

    Raises:
        InputError: if ``resume`` is no switch, or the checkpoint cannot be read.
    """
    asked = config.get('resume') or False
    if not isinstance(asked, bool):
        raise InputError(f'resume must be True or False, got {asked!r}')
    config.resume = resume or asked
    start = config.get('load_from')
    if start is not None and not isinstance(start, str):
        raise InputError(f'load_from must be the path of a checkpoint, got {start!r}')
    if config.resume and start is None:
        pointer = Path(config.work_dir) / 'last_checkpoint'
        start = find_latest_checkpoint(config.work_dir) if pointer.is_file() else None
        if pointer.is_file() and not (start and Path(start).is_file()):
            raise InputError(
                f'--resume: {str(pointer)!r} names {start!r}, which is no file; write the path of a checkpoint into it'
            )
    if start:
        read_checkpoint(start)
    if start and config.resume and '://' not in start:
        _check_resumable(read_content(start), start)


def _check_resumable(content: dict, path: str) -> None:
    meta = content.get('meta')
    counts = [meta.get(name) for name in ('epoch', 'iter')] if isinstance(meta, dict) else []
    whole = len(counts) == 2 and all(type(count) is int and count >= 0 for count in counts)
    if not whole or not isinstance(content.get('message_hub'), dict):
        raise InputError(
            f'checkpoint {path!r} does not say how far a training was: it cannot be resumed; load_from without '
            '--resume starts from its weights'
        )
    if 'optimizer' not in content:
        print_log(f'{path} has no state of the optimiser, as best checkpoints: it starts anew', logger='current')


def innermost_datasets(dataset: dict) -> list[dict]:
    """Returns the configs of the datasets that load samples, inside wrappers such as ConcatDataset.

    A wrapper with a pipeline of its own counts too, in the place of what it wraps: its pipeline comes last.
    """
    inner = [dataset[key] for key in ('dataset', 'datasets') if key in dataset]
    if not inner or dataset.get('pipeline'):
        return [dataset]
    parts = [part for one in inner for part in (one if isinstance(one, list | tuple) else [one])]
    return [found for part in parts for found in innermost_datasets(part)]


def save_predictions(config: Config, path: str, option: str, settings: dict[str, object]) -> None:
    """Makes the metrics of a test write predictions: those that take all settings, else those that take the first.

    Args:
        config: the experiment, changed in place.
        path: its file, named in the message.
        option: of the command line, named in the message.
        settings: options of the metrics that say what to write.

    Raises:
        InputError: if no metric of the test can write.
    """
    evaluators = config.get('test_evaluator')
    evaluators = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    able = []
    for evaluator in evaluators:
        kind = METRICS.get(evaluator['type']) if isinstance(evaluator, dict) and 'type' in evaluator else None
        options = (accepted_options(kind) or []) if isinstance(kind, type) else []
        able.append((evaluator, {name: value for name, value in settings.items() if name in options}))
    first = next(iter(settings))
    writers = [pair for pair in able if len(pair[1]) == len(settings)] or [pair for pair in able if first in pair[1]]
    if not writers:
        names = [evaluator.get('type') for evaluator in evaluators if isinstance(evaluator, dict)]
        there = ', '.join(map(str, names)) or 'none'
        raise InputError(f'{option}: no metric of test_evaluator in {path!r} can write that; there is {there}')
    for writer, own in writers:
        writer.update(own)


def fit_to_loop(config: Config, path: str) -> None:
    """Fits what counts epochs to a training loop that counts iterations.

    Checkpoints and the log then count iterations too, which is logged. A schedule of the learning rate that counts
    epochs cannot be fitted: it would end after one.

    Args:
        config: the experiment, changed in place.
        path: its file, named in the message.

    Raises:
        InputError: if a schedule counts epochs.
    """
    loop = config.get('train_cfg') or {}
    if loop.get('type') != 'IterBasedTrainLoop' and not ('max_iters' in loop and 'type' not in loop):
        return
    schedules = config.get('param_scheduler') or []
    for index, schedule in enumerate(schedules if isinstance(schedules, list | tuple) else [schedules]):
        if schedule.get('by_epoch', True):
            raise InputError(
                f'param_scheduler[{index}] ({schedule.get("type")}) of {path!r} counts epochs, train_cfg iterations: '
                'set by_epoch=False and its begin, end or period in iterations'
            )
    checkpoint = (config.get('default_hooks') or {}).get('checkpoint')
    if checkpoint and checkpoint.get('by_epoch', True):
        checkpoint.update(by_epoch=False, interval=loop.get('val_interval', 1000))
        print_log(f'a checkpoint every {checkpoint.interval} iterations, as often as validation', logger='current')
    config.merge_from_dict({'log_processor.by_epoch': False, 'default_hooks.logger.log_metric_by_epoch': False})


def check_test_parts(config: Config, path: str) -> None:
    """Checks that an experiment says how to test.

    Raises:
        InputError: if a part is missing; the message names it.
    """
    missing = [name for name in ('test_dataloader', 'test_evaluator', 'test_cfg') if not config.get(name)]
    if missing:
        raise InputError(f'config {path!r} has no {" and no ".join(missing)}: there is nothing to test')


def use_tta(config: Config, path: str) -> None:
    """Makes an experiment test with its test-time augmentation, in place.

    Args:
        config: the experiment.
        path: its file, named in the message.

    Raises:
        InputError: if it has none.
    """
    if 'tta_model' not in config or 'tta_pipeline' not in config:
        raise InputError(f'--tta: config {path!r} has no tta_model and tta_pipeline')
    for dataset in innermost_datasets(config.test_dataloader.dataset):
        dataset.pipeline = config.tta_pipeline
    config.model = dict(config.tta_model, module=config.model)


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


def _mix_precision(wrapper: Config) -> None:
    settings = amp_settings()
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
    if not any(hook.get('type') == 'ShardingHook' for hook in hooks):
        config.custom_hooks = [*hooks, dict(type='ShardingHook')]


def fit_to_device(config: Config, *, amp: bool = False) -> None:
    """Fits a config to the machine: backend, batch normalisation and mixed precision.

    On a GPU the config stays as it is. Without one: gloo instead of nccl, BN instead of SyncBN with its statistics
    averaged over processes after each epoch. Each change is logged. ``amp`` turns mixed precision on: float16 with a
    scaled loss on a GPU, bfloat16 on processors that have it; on others training stays float32, which is logged.

    Args:
        config: with ``launcher`` set; changed in place.
        amp: mixed precision is asked for.

    Raises:
        InputError: if the optimiser's wrapper does not go with mixed precision.
    """
    has_gpu = torch.cuda.is_available()
    if amp:
        _mix_precision(config.optim_wrapper)
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
