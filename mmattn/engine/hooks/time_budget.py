"""Ends a training after some time, with the learning rate at zero by then."""

import math
import time
from collections.abc import Callable

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmattn.common.checks import check_positive, check_rate

_LEAST = 0.1  # share of the learning rate in the first iteration


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Trains for some minutes: the learning rate rises for a while, and falls as a cosine to the end of the time.

    Takes the place of ``param_scheduler``, for loops of iterations (``IterBasedTrainLoop``), which end after the
    iteration in which the time is up.

    Args:
        minutes: of training.
        warmup: share of the time in which the learning rate rises to that of the optimiser.
        progress: called after each iteration with the stage ('train'), the seconds passed and their total.
        clock: tells the time in seconds; ``time.process_time`` counts the processor's alone.

    Attributes:
        losses: of all iterations.

    Raises:
        TypeError, ValueError: for a wrong option.
    """

    priority = 'LOW'

    def __init__(
        self,
        minutes: float,
        *,
        warmup: float = 0.05,
        progress: Callable[[str, int, int], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = 60 * check_positive('TimeBudgetHook', 'minutes', minutes)
        self.warmup = check_rate('TimeBudgetHook', 'warmup', warmup)
        self.progress, self.clock = progress, clock
        self.losses: list[float] = []
        self._start = 0.0
        self._rates: list[float] = []

    def before_train(self, runner: Runner) -> None:
        """Starts the clock."""
        self._start = self.clock()
        self._rates = [group['lr'] for group in runner.optim_wrapper.param_groups]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Sets the learning rate."""
        share = min(1.0, self.passed() / self.seconds)
        rise = max(_LEAST, min(1.0, share / self.warmup)) if self.warmup else 1.0
        for group, rate in zip(runner.optim_wrapper.param_groups, self._rates):
            group['lr'] = rate * rise * 0.5 * (1 + math.cos(math.pi * share))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: dict | None = None
    ) -> None:
        """Ends the training if the time is up."""
        self.losses.append(float((outputs or {}).get('loss', math.nan)))
        passed = self.passed()
        if self.progress is not None:
            self.progress('train', min(int(passed), int(self.seconds)), int(self.seconds))
        if passed >= self.seconds:
            runner.train_loop.stop_training = True

    def passed(self) -> float:
        """Seconds of training so far."""
        return self.clock() - self._start
