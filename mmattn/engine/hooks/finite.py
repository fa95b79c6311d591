"""Stops a training whose loss is no number, before its weights are lost."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmattn.common.checks import check_choice, check_positive_int
from mmattn.common.errors import InputError

SHOWN = 4  # files of a batch that the message names


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends a training with one line, or leaves out a step, where the loss is NaN or infinite.

    On a CPU each loss is looked at before its step, so that the weights stay as they are. On a GPU, where reading a
    number waits for the device, ``stop`` looks every ``interval`` iterations. Weights that are not finite are never
    saved, nor do they become the best.

    Args:
        action: 'stop', or 'skip': that step is left out, in all processes, which is logged.
        interval: iterations between two looks on a GPU; 'skip' looks at each.

    Raises:
        ValueError, TypeError: for a wrong option.
        InputError: in training; names the iteration, the sections of the batch and the checkpoint to go on from.
    """

    def __init__(self, action: str = 'stop', *, interval: int = 10) -> None:
        self.action = check_choice('FiniteLossHook', 'action', action, ('stop', 'skip'))
        self.interval = check_positive_int('FiniteLossHook', 'interval', interval)
        self._batch: object = None
        self._unseen: Tensor | None = None

    def before_train(self, runner: Runner) -> None:
        """Looks at losses where the optimiser gets them."""
        wrapper = runner.optim_wrapper
        if isinstance(wrapper, OptimWrapper) and 'update_params' not in vars(wrapper):
            wrapper.update_params = self._checked(wrapper.update_params, runner)

    def after_train(self, runner: Runner) -> None:
        """Leaves the optimiser as it was."""
        vars(runner.optim_wrapper).pop('update_params', None)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Remembers the batch, for the message."""
        self._batch = data_batch

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuses to save weights that are not finite."""
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not value.isfinite().all():
                raise InputError(f'{name} holds numbers that are not finite: no checkpoint is saved; {_advice(runner)}')

    def _checked(self, update: Callable, runner: Runner) -> Callable:
        def update_params(loss: Tensor, *args: object, **options: object) -> None:
            if self.action == 'skip':
                if all_reduce_any(~loss.detach().isfinite()):
                    runner.logger.warning(f'iteration {runner.iter + 1} is left out: {self._what(loss.detach())}')
                    return
            elif loss.device.type == 'cpu':
                if not math.isfinite(loss.detach()):
                    raise InputError(f'{self._where(runner)}: {self._what(loss.detach())}; {_advice(runner)}')
            else:
                self._look_later(loss.detach(), runner)
            update(loss, *args, **options)

        return update_params

    def _look_later(self, loss: Tensor, runner: Runner) -> None:
        bad = ~loss.isfinite().reshape(())
        self._unseen = bad if self._unseen is None else self._unseen | bad
        if (runner.iter + 1) % self.interval == 0:
            if self._unseen.item():
                about = f'the loss of one of the last {self.interval} iterations is not finite'
                raise InputError(f'{self._where(runner)}: {about}; {_advice(runner)}')
            self._unseen = None

    def _where(self, runner: Runner) -> str:
        return f'training ends at iteration {runner.iter + 1}, epoch {runner.epoch + 1}'

    def _what(self, loss: Tensor) -> str:
        samples = self._batch.get('data_samples', ()) if isinstance(self._batch, dict) else ()
        names = [str(sample.get('img_path') or sample.get('img_id')) for sample in samples]
        more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
        return f'the loss is {loss.item()} on {", ".join(names[:SHOWN]) or "a batch without names"}{more}'


def all_reduce_any(flag: Tensor) -> bool:
    """Whether a flag is set in any of the processes; every one of them must ask."""
    count = flag.reshape(1).to(torch.float32)
    all_reduce(count)
    return bool(count.item())


def _advice(runner: Runner) -> str:
    pointer = Path(runner.work_dir) / 'last_checkpoint'
    last = pointer.read_text(encoding='utf-8').strip() if pointer.is_file() else 'none'
    return (
        f'the last checkpoint is {last}; look at the data, lower optim_wrapper.optimizer.lr, or leave such steps out: '
        "FiniteLossHook(action='skip')"
    )
