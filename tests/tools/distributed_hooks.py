"""Hooks by which the distributed test sees inside each process."""

import os
import signal
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmseg.registry import HOOKS


@HOOKS.register_module()
class FreezeBatchNorm(Hook):
    """Keeps batch statistics as they are, and saves each rank's weights to the folder RANK_WEIGHTS."""

    def before_train(self, runner) -> None:
        if get_rank() == 0:
            torch.save(self._weights(runner), Path(os.environ['RANK_WEIGHTS']) / 'start.pth')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        for module in runner.model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eval()

    def after_train(self, runner) -> None:
        torch.save(self._weights(runner), Path(os.environ['RANK_WEIGHTS']) / f'rank_{get_rank()}.pth')

    @staticmethod
    def _weights(runner) -> dict:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        return {key: value.clone() for key, value in model.state_dict().items()}


@HOOKS.register_module()
class SignalOneRank(Hook):
    """Sends SIGTERM to the process of rank 1 after the iteration STOP_AT."""

    priority = 'VERY_LOW'

    def after_train_iter(self, runner, **_: object) -> None:
        if get_rank() == 1 and runner.iter + 1 == int(os.environ.get('STOP_AT', 0)):
            signal.raise_signal(signal.SIGTERM)


@HOOKS.register_module()
class DieOnce(Hook):
    """Kills the process of rank 1 after the iteration DIE_AT, the first time; the file DIED tells of it."""

    priority = 'LOWEST'

    def after_train_iter(self, runner, **_: object) -> None:
        if get_rank() == 1 and runner.iter + 1 == int(os.environ.get('DIE_AT', 0)):
            sign = Path(os.environ['DIED'])
            if not sign.is_file():
                sign.touch()
                os.kill(os.getpid(), signal.SIGKILL)
