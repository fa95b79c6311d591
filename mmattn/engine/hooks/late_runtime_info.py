"""Reads the losses of a training back from a GPU when they are logged, not at each iteration."""

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

MOST = 100  # iterations whose losses wait


@HOOKS.register_module()
class LateRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, which does not make the processor wait for a GPU at each iteration.

    That hook files every loss and accuracy as a number, and waits for it. This one keeps them where they are and reads
    them at once: before ``LoggerHook`` logs, at the end of an epoch, before a checkpoint is saved. What is filed is the
    same. In configs: ``default_hooks = dict(runtime_info=dict(type='LateRuntimeInfoHook'))``.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Tensor]] = []
        self._iterations = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: dict | None = None
    ) -> None:
        """Files what the iteration gave, or keeps it for later."""
        values = {f'train/{name}': value for name, value in (outputs or {}).items()}
        late = {name: value for name, value in values.items() if isinstance(value, Tensor) and _is_far(value)}
        self._waiting += [(name, value.detach().reshape(())) for name, value in late.items()]
        self._iterations += bool(late)
        for name, value in values.items():
            if name not in late:
                runner.message_hub.update_scalar(name, value)
        intervals = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
        if (
            self._iterations >= MOST
            or any(self.every_n_inner_iters(batch_idx, interval) for interval in intervals)
            or self.end_of_epoch(runner.train_dataloader, batch_idx)
        ):
            self._file(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Files what still waits."""
        self._file(runner)

    def after_train(self, runner: Runner) -> None:
        """Files what still waits."""
        self._file(runner)
        super().after_train(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Files what still waits, in the checkpoint, too."""
        if self._waiting:
            self._file(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def _file(self, runner: Runner) -> None:
        if not self._waiting:
            return
        names, values = zip(*self._waiting)
        self._waiting, self._iterations = [], 0
        for name, value in zip(names, torch.stack([value.double() for value in values]).tolist()):
            runner.message_hub.update_scalar(name, value)


def _is_far(value: Tensor) -> bool:
    """Tells whether reading a tensor waits for a device."""
    return value.device.type != 'cpu' and value.numel() == 1
