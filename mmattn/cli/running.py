"""Runs a training or a test whose errors are one line, with the traceback in a file."""

import traceback
from pathlib import Path
from typing import Literal

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmattn.common.disk import check_room, is_full
from mmattn.common.errors import InputError, one_line

NAME = 'error.txt'


def run(runner: Runner, task: Literal['train', 'test'], path: str) -> None:
    """Runs a runner.

    Args:
        runner: that ``build_runner`` built.
        task: what it is to do.
        path: of its config, named in the message.

    Raises:
        InputError: if it fails, in one line; the traceback is in ``error.txt`` in the work directory.
    """
    try:
        if task == 'train':
            check_training_room(runner)
        getattr(runner, task)()
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and (error.filename is not None or not is_full(error)) and not _is_worker(error):
            raise
        raise InputError(f'{task} of {path!r} failed: {reason(error)}{_keep(runner)}') from error


def reason(error: BaseException) -> str:
    """What went wrong, in one line; of an error of a process that loads data, what it was there."""
    if _is_worker(error):
        return one_line(str(error).strip().splitlines()[-1])
    return f'{type(error).__name__}: {one_line(error)}'


def check_training_room(runner: Runner) -> None:
    """Checks that a training's checkpoints fit the disk: those that are kept, the best, and one that is being written.

    Raises:
        OSError: if they do not.
    """
    hook = next((hook for hook in runner.hooks if hasattr(hook, 'max_keep_ckpts')), None)
    if hook is None or runner.rank:
        return
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    weights = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    state = 2 * sum(value.numel() * value.element_size() for value in model.parameters() if value.requires_grad)
    loop, every = runner.train_loop, hook.interval if hook.interval > 0 else 0
    all_of_them = (loop.max_epochs if hook.by_epoch else loop.max_iters) // every if every else 0
    kept = min(hook.max_keep_ckpts, all_of_them) if hook.max_keep_ckpts > 0 else all_of_them
    best = 2 * weights * len(getattr(hook, 'key_indicators', None) or ()) if hook.save_best else 0
    total = (kept + 2) * (weights + state) + best
    there = sum(file.stat().st_size for file in Path(hook.out_dir or runner.work_dir).glob('*.pth'))
    check_room([(runner.work_dir, max(total - there, 0))], 'what the training saves')


def _is_worker(error: BaseException) -> bool:
    return 'in DataLoader worker process' in str(error)


def _keep(runner: Runner) -> str:
    """Writes the traceback into the work directory; says where."""
    path = Path(runner.work_dir) / NAME
    try:
        path.write_text(traceback.format_exc(), encoding='utf-8')
    except OSError:
        return ''
    return f'; the traceback is in {path}'
