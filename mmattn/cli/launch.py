"""What tools do with experiments: reading configs, choosing where they work and from what they start."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.runner.checkpoint import find_latest_checkpoint
from mmseg.registry import METRICS, OPTIMIZERS

from mmattn.cli.command_line import check_folder
from mmattn.cli.saved_weights import read_checkpoint, read_content
from mmattn.cli.settings import check_settings
from mmattn.cli.total_batch import keep_total_batch
from mmattn.cli.values import check_values
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import hold_folder
from mmattn.common.options import accepted_options
from mmattn.common.resources import find_config
from mmattn.engine.building import check_type


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


def check_readable(names: Sequence[str]) -> None:
    """Checks a network as ``mmattn.load`` takes it where it is a config and a checkpoint: its errors are one line.

    Raises:
        InputError: if one of them cannot be read.
    """
    if len(names) == 2:
        load_config(names[0])
        read_checkpoint(names[1])


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
        InputError: if ``resume`` is no switch, the checkpoint cannot be read, the model starts from weights (its
            ``init_cfg``) whose file is missing, or the processes at hand cannot share its iterations' samples evenly.
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
    _check_start_weights(config.model, 'model')
    _check_teachers(config.model)
    if start:
        read_checkpoint(start)
    if start and config.resume and '://' not in start:
        content = read_content(start)
        _check_resumable(content, start)
        keep_total_batch(config, content, start)


def _check_start_weights(part: object, name: str) -> None:
    """Checks that the files are there that ``init_cfg`` names anywhere in a model."""
    if isinstance(part, list | tuple):
        for index, one in enumerate(part):
            _check_start_weights(one, f'{name}.{index}')
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        starts = value if isinstance(value, list | tuple) else [value]
        files = [one.get('checkpoint') for one in starts if isinstance(one, dict)] if key == 'init_cfg' else []
        gone = [
            one for one in files if isinstance(one, str) and '://' not in one and not Path(one).expanduser().is_file()
        ]
        if gone:
            raise InputError(
                f'{name}.init_cfg.checkpoint: {gone[0]!r} is not a file; docs/pretrained.md says how to make it, '
                f'--cfg-options {name}.init_cfg=None starts from random weights'
            )
        _check_start_weights(value, f'{name}.{key}')


def _check_teachers(model: dict) -> None:
    """Checks that the trained networks are there that a ``DistilledEncoderDecoder`` learns from."""
    for index, teacher in enumerate(model.get('teachers') or ()):
        checkpoint = teacher.get('checkpoint') if isinstance(teacher, dict) else None
        if isinstance(checkpoint, str) and '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
            raise InputError(
                f'model.teachers.{index}.checkpoint: {checkpoint!r} is not a file; train {teacher.get("config")!r} '
                f'first, or name another: --cfg-options model.teachers.{index}.checkpoint=FILE'
            )


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
