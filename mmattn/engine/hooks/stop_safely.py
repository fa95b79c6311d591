"""A checkpoint before a training ends early, and within long epochs."""

import contextlib
import signal
import threading
from pathlib import Path

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from mmattn.common.checks import check_positive_int
from mmattn.common.files import write_whole
from mmattn.engine.hooks.finite import all_reduce_any
from mmattn.engine.loading_processes import shield

NAME = 'latest.pth'
_BUFFERS = 'buffers_of_processes'
AGREE = 10  # iterations between two questions to the other processes whether one of them was told to end
_SIGNALS = tuple(getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGUSR1') if hasattr(signal, name))


def own_buffers(saved: list[dict[str, Tensor]], rank: int, size: int) -> dict[str, Tensor]:
    """What a process had of its own; the mean of all where they are more or fewer than they were."""
    if len(saved) == size:
        return saved[rank]
    stacked = {name: torch.stack([one[name] for one in saved]) for name in saved[0]}
    return {name: all_.mean(0) if all_.is_floating_point() else all_[0] for name, all_ in stacked.items()}


@HOOKS.register_module()
class StopSafelyHook(Hook):
    """Saves a checkpoint when Ctrl-C, SIGTERM or SIGUSR1 (Slurm's warning) comes, then ends; and every N iterations.

    The checkpoint is ``latest.pth`` in the work directory, and ``--resume`` takes it. With ``ExactResumeHook`` nothing
    is lost or done twice. A second signal ends at once. A signal in validation ends it; the checkpoint of its epoch is
    there. Of a checkpoint whose validation did not end, a resumed training begins with the validation.

    Args:
        interval: iterations between two checkpoints within epochs; None for those of signals alone.

    Raises:
        TypeError, ValueError: for a wrong interval.
        KeyboardInterrupt: in training, after the checkpoint.
    """

    priority = 'LOWEST'

    def __init__(self, interval: int | None = None) -> None:
        self.interval = None if interval is None else check_positive_int('StopSafelyHook', 'interval', interval)
        self._asked = self._catches_up = False
        self._before: dict[int, object] = {}
        self._buffers: list[dict[str, Tensor]] = []

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keeps what each process had of its own, until the model is loaded."""
        self._buffers = checkpoint.get(_BUFFERS, []) if runner._resume else []

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Adds the statistics of all processes within an epoch; they are averaged at its end (``SyncBuffersHook``)."""
        if self._buffers:
            checkpoint[_BUFFERS] = self._buffers

    def before_train(self, runner: Runner) -> None:
        """Takes over the signals; validates what an interrupted training did not."""
        if self._buffers:
            own = dict(runner.model.named_buffers())
            for name, value in own_buffers(self._buffers, runner.rank, get_world_size()).items():
                own[name].copy_(value)
        self._buffers = []
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
            for one in (runner.train_loop, runner.val_loop):
                if one is not None:
                    shield(one.dataloader)
        loop = runner.train_loop
        due = runner.val_loop is not None and 0 < loop.epoch < loop.max_epochs and loop.epoch >= loop.val_begin
        at_its_end = loop.iter == loop.epoch * len(loop.dataloader)
        due = due and at_its_end and runner._resume and loop.epoch % loop.val_interval == 0
        if due and self._validated(runner) != str(loop.epoch):
            runner.logger.info(f'epoch {loop.epoch} was not validated: that comes first')
            self._catches_up = True
            runner.val_loop.run()
            self._catches_up = False

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: dict | None = None
    ) -> None:
        """Saves if it is time, and ends if a signal came."""
        asked = self._asked
        if get_world_size() > 1:
            asked = (runner.iter + 1) % AGREE == 0 and all_reduce_any(torch.tensor(self._asked))
        if asked or (self.interval and (runner.iter + 1) % self.interval == 0):
            self._save(runner)
        if asked:
            self._give_back()
            raise KeyboardInterrupt

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: object = None) -> None:
        """Ends if a signal came; processes wait for each other at the next training iteration."""
        if self._asked and get_world_size() == 1:
            self._give_back()
            raise KeyboardInterrupt

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Notes that this epoch is validated, once a checkpoint tells which is the best one."""
        if self._catches_up:  # else SafeCheckpointHook has written the epoch's checkpoint once more
            self._save(runner, dict(epoch=runner.epoch, iter=runner.iter))
        if runner.rank == 0:
            write_whole(Path(runner.work_dir) / '.validated', str(runner.epoch))

    def after_train(self, runner: Runner) -> None:
        """Gives the signals back; the checkpoint within an epoch has had its time."""
        self._give_back()
        if runner.rank == 0:
            with contextlib.suppress(FileNotFoundError):
                (Path(runner.work_dir) / NAME).unlink()

    def _ask(self, number: int, frame: object) -> None:
        if self._asked:  # again: whoever asks cannot wait
            self._give_back()
            raise KeyboardInterrupt
        self._asked = True

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _save(self, runner: Runner, meta: dict[str, int] | None = None) -> None:
        if get_world_size() > 1:
            self._buffers = all_gather_object({name: value.cpu() for name, value in runner.model.named_buffers()})
        meta = meta or dict(epoch=runner.epoch, iter=runner.iter + 1)
        options = dict(backend='AtomicBackend')
        runner.save_checkpoint(runner.work_dir, NAME, meta=meta, by_epoch=False, backend_args=options)
        self._buffers = []
        if runner.rank == 0:
            path = Path(runner.work_dir) / NAME
            write_whole(path.with_name('last_checkpoint'), str(path))
            runner.logger.info(f'checkpoint of iteration {meta["iter"]}: {path}')

    @staticmethod
    def _validated(runner: Runner) -> str | None:
        path = Path(runner.work_dir) / '.validated'
        return path.read_text(encoding='utf-8').strip() if path.is_file() else None
